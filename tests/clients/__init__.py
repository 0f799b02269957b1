"""The Socket.IO clients of npm, as processes whose lines are read."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
INSTALLED = ROOT / ".clients" / "node_modules"


def are_there() -> bool:
    """Whether node and the clients are there."""
    return shutil.which("node") is not None and (INSTALLED / "socket.io-client-2").is_dir()


class Client:
    """One running client; what it was told, so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[list[Any]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def heard(self, name: str) -> list[Any]:
        """What came under that name."""
        return [data for heard, data, _ in self.lines if heard == name]

    def transport(self) -> str:
        """Over which the last thing came."""
        return str(self.lines[-1][2])

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._thread.join()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.lines.append(json.loads(line))


@contextmanager
def running(version: str, server: str, transports: str, token: str) -> Iterator[Client]:
    """A client of that major version that has said, or tried to say, who it is."""
    command = ["node", str(FOLDER / "socket_io.js"), version, server, transports, token]
    environ = {"NODE_PATH": str(INSTALLED), "PATH": str(Path(shutil.which("node") or "node").parent)}
    client = Client(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ))
    try:
        yield client
    finally:
        client.end()
