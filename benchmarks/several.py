"""Runs a server's command several times at once, as the parent of `serve` does: `python -m benchmarks.several 2 script arguments`."""

import signal
import subprocess
import sys
from types import FrameType


def main() -> None:
    count, *arguments = sys.argv[1:]

    def end(_number: int, _frame: FrameType | None) -> None:
        for each in processes:
            each.terminate()

    processes: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, end)
    processes += [subprocess.Popen([sys.executable, *arguments]) for _ in range(int(count))]
    for each in processes:
        each.wait()


if __name__ == "__main__":
    main()
