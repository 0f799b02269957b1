"""Runs the ASGI front under uvicorn (chosen by measurement, see docs/decisions)."""

import asyncio
import contextlib
import gc
import resource
import signal
import socket
import ssl
from collections.abc import Iterator

import uvicorn

from receiver.domain.errors import SetupError
from receiver.settings import Settings
from receiver.web.front import Front
from receiver.web.protocol import protocols_of

KEEP_ALIVE_SECONDS = 75
END_SECONDS = 5
BACKLOG = 2048
OPEN_FILES = 65_536
# Nobody has more to say over a WebSocket than a name and a token.
SOCKET_MESSAGE_BYTES = 16_384
GARBAGE_THRESHOLDS = (20_000, 20, 20)


class _Server(uvicorn.Server):
    """Says where everything is once it listens, and ends without raising the signal that ended it."""

    def __init__(self, config: uvicorn.Config, front: Front) -> None:
        super().__init__(config)
        self._front = front

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
        await self._listen_to_others()
        host = "127.0.0.1" if self.config.host in {"0.0.0.0", "::"} else self.config.host  # noqa: S104 - compared, not bound
        base = f"{'https' if self.config.is_ssl else 'http'}://{host}:{self.config.port}"
        print(f"Gatehouse listens on {self.config.host}:{self.config.port}", flush=True)  # noqa: T201
        print(f"  events:        POST {base}/HistoryEvent", flush=True)  # noqa: T201
        print(f"  API:           {base}/v1/events", flush=True)  # noqa: T201
        print(f"  documentation: {base}/docs", flush=True)  # noqa: T201

    async def _listen_to_others(self) -> None:
        """Other web processes hand over what belongs to sessions of this one."""
        line = self._front.line()
        if line is not None:
            loop, protocol = asyncio.get_running_loop(), self.config.http_protocol_class
            state = {"config": self.config, "server_state": self.server_state, "app_state": self.lifespan.state}
            self.servers.append(await loop.create_unix_server(lambda: protocol(**state), sock=line))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._front.end_live()
        await super().shutdown(sockets)


def serve(front: Front, settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; requests under way are answered first."""
    # What is there now stays: the collector need not look at it again, and much of what comes is gone at once.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    _check_certificate(settings)
    _allow_files()
    http, socket_protocol = protocols_of(settings.connections, settings.trusted_proxies)
    config = uvicorn.Config(
        front,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=http,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in settings.trusted_proxies],
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
        ws=socket_protocol,
        ws_max_size=SOCKET_MESSAGE_BYTES,
        # What is told is short, and packing it would take a quarter of a megabyte for each connection.
        ws_per_message_deflate=False,
        lifespan="on",
        backlog=BACKLOG,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=END_SECONDS,
    )
    _Server(config, front).run([_listening(settings)])


def _check_certificate(settings: Settings) -> None:
    """Says what is wrong with the certificate before anything listens.

    Raises:
        SetupError: ``bad_certificate``.
    """
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise SetupError(
            "bad_certificate", "GATEHOUSE_TLS_CERT and GATEHOUSE_TLS_KEY belong together: give both or none"
        )
    if not settings.tls_cert:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except (OSError, ValueError) as error:
        raise SetupError(
            "bad_certificate", f"{settings.tls_cert} and {settings.tls_key} cannot be used: {error}"
        ) from error


def _allow_files() -> None:
    """Each connection is an open file, and the usual limit is hardly more than the connections that are allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES), hard)
        )


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
