"""HTTP connections that go only where the guard lets them, to the address that it judged, and that end within a set time."""

import socket
import ssl
import sys
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import create_connection

from receiver.forwarder.guard import Guard

CONNECT_SECONDS = 5.0
# For a whole message on its way out: half a megabyte over a line of 150 kbit/s.
SEND_SECONDS = 30.0
# For the whole answer, however slowly it drips.
READ_SECONDS = 15.0
# One try takes no longer; whoever holds a lane for it holds it longer than that.
LONGEST_SECONDS = CONNECT_SECONDS + SEND_SECONDS + READ_SECONDS
# Linux has it; the system takes it back by itself, so it is asked for anew each time.
QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
# Destinations whose connections a thread keeps open.
POOLS = 20


class BoundedSocket(socket.socket):
    """A socket whose reading ends at a deadline, not only each of its steps."""

    ends_at = float("inf")

    def recv_into(self, *arguments: Any) -> int:
        self.settimeout(_left(self.ends_at))
        _hurry(self)
        return super().recv_into(*arguments)


class BoundedTlsSocket(ssl.SSLSocket):
    """The same with TLS."""

    ends_at = float("inf")

    def recv_into(self, *arguments: Any) -> int:
        self.settimeout(_left(self.ends_at))
        _hurry(self)
        return super().recv_into(*arguments)


def _hurry(connection: socket.socket) -> None:
    """Simple servers answer in two pieces, the second when we have acknowledged the first, which else takes 40 ms."""
    if QUICK_ACK is not None:
        connection.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("the answer took too long")
    return min(left, SEND_SECONDS)


def open_session(guard: Guard, context: ssl.SSLContext, *, is_guarded: bool) -> requests.Session:
    """A session of its own: nothing of the environment, no cookies, no redirects to anywhere but through the guard."""
    session = requests.Session()
    # The administrator's own word: no proxy from the environment, no .netrc.
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(guard, context, is_guarded=is_guarded)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _Adapter(HTTPAdapter):
    """Gives every connection the guard and the TLS context."""

    def __init__(self, guard: Guard, context: ssl.SSLContext, *, is_guarded: bool) -> None:
        context.sslsocket_class = BoundedTlsSocket
        self._context = context
        super().__init__(pool_connections=POOLS)
        self.poolmanager.pool_classes_by_scheme = _pools(guard, is_guarded=is_guarded)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Whom to believe stands in the context, and nowhere else."""


class _Connection(HTTPConnection):
    """Connects to what the guard allows, and reads an answer within a set time."""

    guard = Guard()
    is_guarded = True

    def _new_conn(self) -> socket.socket:
        try:
            return _connect(self, self.guard.addresses(self.host, self.port, is_guarded=self.is_guarded))
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error

    def getresponse(self) -> Any:
        if isinstance(self.sock, BoundedSocket | BoundedTlsSocket):
            self.sock.ends_at = time.monotonic() + READ_SECONDS
        return super().getresponse()


class _TlsConnection(_Connection, HTTPSConnection):
    """The same with TLS."""


def _pools(guard: Guard, *, is_guarded: bool) -> dict[str, Any]:
    members = {"guard": guard, "is_guarded": is_guarded}
    plain, secure = type("Plain", (_Connection,), members), type("Secure", (_TlsConnection,), members)
    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


def _connect(connection: HTTPConnection, addresses: list[str]) -> socket.socket:
    """Connects to the first of the addresses that answers, all of them together within the time for one."""
    ends_at = time.monotonic() + CONNECT_SECONDS
    for address in addresses:
        left = ends_at - time.monotonic()
        try:
            plain = create_connection(
                (address, connection.port), max(left, 0.1), socket_options=connection.socket_options
            )
        except OSError:
            if address == addresses[-1] or time.monotonic() >= ends_at:
                raise
            continue
        bounded = BoundedSocket(plain.family, plain.type, plain.proto, plain.detach())
        bounded.settimeout(SEND_SECONDS)
        sys.audit("http.client.connect", connection, connection.host, connection.port)
        return bounded
    raise OSError("no address")
