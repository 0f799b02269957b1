"""Runs the ASGI front under uvicorn (chosen by measurement, see docs/decisions)."""

import contextlib
import gc
import signal
import socket
from collections.abc import Iterator

import uvicorn

from receiver.domain.errors import SetupError
from receiver.settings import Settings
from receiver.web.front import Front
from receiver.web.protocol import PatientProtocol

KEEP_ALIVE_SECONDS = 75
END_SECONDS = 5
BACKLOG = 2048
GARBAGE_THRESHOLDS = (20_000, 20, 20)


class _Server(uvicorn.Server):
    """Says where everything is once it listens, and ends without raising the signal that ended it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Without uvicorn's raising the signal once more at the end: what comes after serving must still be done."""
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self.handle_exit)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        host = "127.0.0.1" if self.config.host in {"0.0.0.0", "::"} else self.config.host  # noqa: S104 - compared, not bound
        base = f"http://{host}:{self.config.port}"
        print(f"Gatehouse listens on {self.config.host}:{self.config.port}", flush=True)  # noqa: T201
        print(f"  events:        POST {base}/HistoryEvent", flush=True)  # noqa: T201
        print(f"  API:           {base}/v1/events", flush=True)  # noqa: T201
        print(f"  documentation: {base}/docs", flush=True)  # noqa: T201


def serve(front: Front, settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; requests under way are answered first."""
    # What is there now stays: the collector need not look at it again, and much of what comes is gone at once.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    config = uvicorn.Config(
        front,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        backlog=BACKLOG,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=END_SECONDS,
    )
    _Server(config).run([_listening(settings)])


def _listening(settings: Settings) -> socket.socket:
    """The listening socket; several web processes of this server share the port, and the kernel deals connections out."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if settings.web_processes > 1:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        raise SetupError("port_taken", f"port {settings.port} on {settings.host}: {error.strerror}") from error
    listening.listen(BACKLOG)
    listening.settimeout(0)
    return listening
