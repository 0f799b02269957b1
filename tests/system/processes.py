"""Real processes of the server, started, killed and asked as an administrator would."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "Event_Receive_server.py"
PATIENCE = 90.0
PASSWORD = "of the tests alone"


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(check: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What ``check`` returns as soon as it is true; fails when it never is."""
    deadline = time.monotonic() + patience
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {patience:g} s: {check.__name__}")
        time.sleep(0.1)


class Site:
    """One data folder and the processes over it."""

    def __init__(self, data_dir: Path, database_url: str = "", **settings: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": database_url,
            "ADMIN_PASSWORD": PASSWORD,
            # Most tests are not about trust: everybody is believed.
            "DEVICE_TRUST": "open",
            **settings,
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEHOUSE_")}
        self.environment = kept | {f"GATEHOUSE_{name}": value for name, value in own.items()}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._http: requests.Session | None = None

    @property
    def http(self) -> requests.Session:
        """Requests of somebody who is logged in as the administrator."""
        if self._http is None:
            login = {"username": "admin", "password": PASSWORD}
            answer = requests.post(f"{self.url}/v1/login", json=login, timeout=30)
            assert answer.status_code == 200, answer.text
            self._http = requests.Session()
            self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return self._http

    def forget_login(self) -> None:
        """It is worth nothing any more: the keys, or the database, are other ones."""
        self._http = None

    def start(self, *names: str) -> None:
        """Starts ``serve``, ``web`` or ``worker``."""
        for name in names:
            log = (self.data_dir.parent / f"{self.data_dir.name}-{name}.log").open("ab")
            self.running[name] = subprocess.Popen(
                [sys.executable, str(SCRIPT), name],
                env=self.environment,
                cwd=self.data_dir.parent,
                stdout=log,
                stderr=log,
            )
            log.close()

    def kill(self, *names: str) -> None:
        """As a power cut would: no time to say anything."""
        for name in names:
            process = self.running.pop(name)
            process.kill()
            process.wait()

    def stop(self) -> None:
        """Ends everything in good order."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.wait(PATIENCE)
        self.running.clear()

    def is_ready(self) -> bool:
        """Whether the web process takes events."""
        try:
            return requests.get(f"{self.url}/v1/health/ready", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def get(self, path: str, **query: Any) -> Any:
        """The answer of our own API."""
        answer = self.http.get(f"{self.url}{path}", params=query, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def every(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All rows of a list, page by page."""
        rows: list[dict[str, Any]] = []
        cursor: dict[str, Any] = {}
        while True:
            page = self.get(path, limit=500, **query, **cursor)
            rows += page["items"]
            if page["next"] is None:
                return rows
            cursor = {"cursor": page["next"]}

    def logs(self) -> str:
        """What the processes said, for a failing test."""
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self.data_dir.parent.glob("*.log"))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command of the command line."""
        return subprocess.run(
            [sys.executable, str(SCRIPT), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


class Upstream:
    """The server above: a real one that remembers what it was sent."""

    def __init__(self) -> None:
        self.received: list[tuple[int, dict[str, Any]]] = []
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                upstream.received.append((int(self.headers["X-Gatehouse-Event"]), json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/HistoryEvent"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def ids(self) -> Iterator[int]:
        """The events' ids in the order in which they first came."""
        yield from dict.fromkeys(event_id for event_id, _ in list(self.received))
