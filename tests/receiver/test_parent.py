"""The parent of the processes: what it looks at before it starts them, and which of them it starts again and again."""

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from receiver.cli.parent import HOPELESS_FAILURES, LONGEST_PAUSE, may_listen, own_metrics, pause_after
from tests.system.processes import ROOT, eventually, free_port

HOST = "127.0.0.1"
# In place of the server: each child notes its start, then ends as it is told; without a code it stays as long as its parent.
CHILD = """
import os, sys
name, codes = sys.argv[1], {codes!r}
with open({folder!r} + "/" + name, "a") as starts:
    starts.write(".")
if name not in codes:
    os.read(int(sys.argv[-1]), 1)
if codes[name] < 0:
    os.kill(os.getpid(), -codes[name])
sys.exit(codes[name])
"""
PARENT = """
from receiver.cli import parent
parent.SCRIPT, parent.FIRST_PAUSE, parent.LOOK_SECONDS, parent.WELL_SECONDS = {script!r}, 0.0, 0.01, {well}
raise SystemExit(parent.run(["web", "worker"], []))
"""
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the real parent over children that end with those codes."""
    running: list[subprocess.Popen[str]] = []

    def begin(codes: dict[str, int], well: float = 60.0) -> subprocess.Popen[str]:
        script = tmp_path / "child.py"
        script.write_text(CHILD.format(codes=codes, folder=str(tmp_path)))
        code = PARENT.format(script=str(script), well=well)
        running.append(subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield begin
    for each in running:
        each.kill()
        each.wait()


def starts_of(folder: Path, name: str) -> int:
    path = folder / name
    return path.stat().st_size if path.exists() else 0


@pytest.mark.parametrize(
    ("codes", "well"),
    [
        ({"worker": 1}, 60.0),
        ({"worker": -signal.SIGKILL}, 60.0),
        ({"web": -signal.SIGKILL}, 60.0),
        ({"web": os.EX_TEMPFAIL, "worker": os.EX_TEMPFAIL}, 60.0),
        # The other child has run for a while: the gates are being answered.
        ({"worker": os.EX_CONFIG}, -1.0),
    ],
)
def test_what_may_pass_by_itself_is_tried_for_ever(
    tmp_path: Path, start: Start, codes: dict[str, int], well: float
) -> None:
    parent = start(codes, well)

    def has_gone_on() -> bool:
        assert parent.poll() is None
        return all(starts_of(tmp_path, name) > HOPELESS_FAILURES + 1 for name in codes)

    eventually(has_gone_on)
    if "web" not in codes:
        assert starts_of(tmp_path, "web") == 1
    parent.send_signal(signal.SIGTERM)
    told = parent.communicate()[1]
    assert parent.returncode == 0
    assert "it is started again in 0 s" in told
    assert ("database does not answer" in told) == (os.EX_TEMPFAIL in codes.values())


@pytest.mark.parametrize("codes", [{"web": 1}, {"web": os.EX_CONFIG}, {"worker": os.EX_CONFIG}])
def test_what_will_not_pass_ends_the_server(tmp_path: Path, start: Start, codes: dict[str, int]) -> None:
    parent = start(codes)
    told = parent.communicate(timeout=60)[1]
    name = next(iter(codes))
    assert (parent.returncode, starts_of(tmp_path, name)) == (1, HOPELESS_FAILURES)
    assert f"{name} cannot be started; the lines above say why" in told


def test_pauses_grow_and_have_an_end() -> None:
    assert [pause_after(failures) for failures in (1, 2, 3, 5, 6, 5000)] == [1, 2, 4, 16, LONGEST_PAUSE, LONGEST_PAUSE]


@pytest.mark.parametrize("name", ["web", "worker"])
@pytest.mark.parametrize(
    ("url", "code", "sentence"),
    [
        ("postgresql://127.0.0.1:{port}/none", os.EX_TEMPFAIL, "Error: the database does not answer or cannot write"),
        ("mysql://127.0.0.1/none", os.EX_CONFIG, "must be empty (SQLite) or begin with postgresql://"),
    ],
)
def test_a_process_that_cannot_start_says_why_and_whether_it_may_pass(
    tmp_path: Path, name: str, url: str, code: int, sentence: str
) -> None:
    options = [
        "--data-dir",
        str(tmp_path / "data"),
        "--database-url",
        url.format(port=free_port()),
        "--recognition",
        "off",
    ]
    command = [sys.executable, str(ROOT / "Event_Receive_server.py"), name, *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, sentence in ended.stderr) == (code, True), ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("is_shared", [False, True])
def test_a_taken_port_is_told_with_its_reason(*, is_shared: bool) -> None:
    with socket.socket() as taken:
        if is_shared:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert may_listen(HOST, port) == os.strerror(errno.EADDRINUSE)
    assert may_listen(HOST, port) is None


def test_an_address_of_another_machine_is_told_with_its_reason() -> None:
    assert may_listen("192.0.2.1", 9528) == os.strerror(errno.EADDRNOTAVAIL)


def test_counters_of_runs_that_have_ended_are_taken_away(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folders = {name: tmp_path / "metrics" / name for name in (str(ended.pid), str(os.getppid()), "odd")}
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "counter_1.db").write_bytes(b"counted")
    own = own_metrics(tmp_path)
    assert own == tmp_path / "metrics" / str(os.getpid())
    assert sorted(each.name for each in (tmp_path / "metrics").iterdir()) == sorted({own.name, str(os.getppid())})
    assert (folders[str(os.getppid())] / "counter_1.db").read_bytes() == b"counted"


def test_counters_of_an_earlier_run_with_the_same_number_are_taken_away(tmp_path: Path) -> None:
    """In a container the parent has the same number each time."""
    old = tmp_path / "metrics" / str(os.getpid()) / "counter_1.db"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"counted")
    assert list(own_metrics(tmp_path).iterdir()) == []
