"""A real HTTP server that stands for the next server upstream and answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


@dataclass
class Upstream:
    """What was asked and what is answered: by the identity of the event, else by ``answer``."""

    port: int = 0
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    answers: dict[str, bytes] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/HistoryEvent"

    def identities(self) -> list[str]:
        return [each["identity_id"] for each in self.asked]


def status(code: int, body: bytes = b"no") -> bytes:
    return b"HTTP/1.1 %d Word\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (code, len(body), body)


@contextmanager
def running(upstream: Upstream) -> Iterator[Upstream]:
    """Serves on ``upstream.port``; if that is 0, on a free one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            item = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            upstream.asked.append(item)
            upstream.headers.append(dict(self.headers))
            raw = upstream.answers.get(item["identity_id"], upstream.answer)
            self.wfile.write(raw)
            self.close_connection = b"Content-Length: 2" not in raw

        def log_message(self, *_args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", upstream.port), Handler)
    server.daemon_threads = True
    upstream.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield upstream
    server.shutdown()
    thread.join()
    server.server_close()
