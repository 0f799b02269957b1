"""Facts about the machine and about processes, read from /proc and measured on the disk that is used."""

import os
import platform
import sqlite3
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Memory:
    """Of a process and its children together, in MiB; PSS counts shared pages once."""

    rss: float
    pss: float
    processes: int


def facts(folder: Path) -> dict[str, str]:
    """Whose figures these are; ``folder`` is on the disk whose fsync counts."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // MIB} MiB",
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "fsync": f"{fsync_ms(folder):.2f} ms (median of 100 of 4 KiB)",
        "load average": "{:.2f} {:.2f} {:.2f}".format(*os.getloadavg()),
    }


def fsync_ms(folder: Path) -> float:
    """Median milliseconds of writing 4 KiB at a file's end and syncing it."""
    path = folder / "fsync-probe"
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(100):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    path.unlink()
    return statistics.median(times)


def memory(pid: int) -> Memory:
    """What the process and everything it started use."""
    pids = family(pid)
    rolls = [_rollup(each) for each in pids]
    return Memory(
        rss=round(sum(roll.get("Rss", 0) for roll in rolls) / KIB, 1),
        pss=round(sum(roll.get("Pss", 0) for roll in rolls) / KIB, 1),
        processes=len(pids),
    )


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it ended meanwhile
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found, open_ = [], [pid]
    while open_:
        each = open_.pop()
        found.append(each)
        open_ += parents.get(each, [])
    return found


def _rollup(pid: int) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
