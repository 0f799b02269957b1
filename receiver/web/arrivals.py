"""A request whose body is whole, as the ASGI server told it and as WSGI asks for it."""

import re
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import IO, Any
from urllib.parse import quote

from receiver.web.device_paths import KEY_ENVIRON, split_key

# Where the protocol leaves the connection's own other end, before anybody believes a proxy about it.
CONNECTION = "gatehouse.connection"
CONNECTION_ENVIRON = CONNECTION
# What else the protocol lets the front do with the connection.
CONNECTION_HANDLE = "gatehouse.connection_handle"
# Where a view leaves what is to be told live from its answer on; and how it does so.
STREAM, BEGIN_STREAM = "gatehouse.stream", "gatehouse.begin_stream"
Scope = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One whole request.

    Attributes:
        scope: what the ASGI server says of it.
        file: its body, open at its beginning.
        size: bytes of the body.
    """

    scope: Scope
    file: IO[bytes]
    size: int

    @property
    def path(self) -> str:
        """As ``path_of`` has it."""
        return path_of(self.scope)

    @property
    def key(self) -> str:
        """The device's key that stood in the address, empty if there is none."""
        return split_key(_whole_path(self.scope))[1]

    @property
    def peer(self) -> str:
        """The address that it came from; behind a proxy it is the proxy's word, so it may be anything."""
        return peer_of(self.scope)

    @property
    def content_type(self) -> str:
        """The header's value, empty if there is none; the last one if there are several."""
        return self.header(b"content-type").decode("latin-1")

    def header(self, wanted: bytes) -> bytes:
        """The value of a header named in small letters; the last one if there are several."""
        found = b""
        for name, value in self.scope["headers"]:
            if name.lower() == wanted:
                found = value
        return found


def path_of(scope: Scope) -> str:
    """Below the application's root, with one slash where there were several, and without a device's key.

    An address typed with a slash too many must not cost a redirect: a box takes anything but 200 for a failure.
    """
    return split_key(_whole_path(scope))[0]


def _whole_path(scope: Scope) -> str:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return re.sub(r"/{2,}", "/", path) if "//" in path else path


def peer_of(scope: Scope) -> str:
    """The sender's address, empty where the server does not say."""
    client = scope.get("client")
    return client[0] if client else ""


def connection_of(scope: Scope) -> str:
    """The address at the other end of the connection: a proxy's, where it speaks for somebody else."""
    found: str = scope.get(CONNECTION, "") or peer_of(scope)
    return found


def environ_of(arrival: Arrival) -> dict[str, Any]:
    """The WSGI environment of PEP 3333."""
    scope, key = arrival.scope, arrival.key
    raw_uri = quote(arrival.path) if key else scope.get("raw_path", quote(scope["path"]).encode()).decode("latin-1")
    server = scope.get("server") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": scope.get("root_path", ""),
        "PATH_INFO": arrival.path.encode("utf-8").decode("latin-1"),
        "RAW_URI": raw_uri,
        KEY_ENVIRON: key,
        CONNECTION_ENVIRON: connection_of(scope),
        BEGIN_STREAM: partial(scope.__setitem__, STREAM),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": str(server[0] or ""),
        "SERVER_PORT": str(server[1] or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": arrival.peer,
        "CONTENT_LENGTH": str(arrival.size),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": arrival.file,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for name, value in scope["headers"]:
        if b"_" in name:
            continue  # would be taken for the header of the same name with a hyphen
        key = name.decode("latin-1").upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ["CONTENT_TYPE"] = value.decode("latin-1")
        elif key != "CONTENT_LENGTH":
            key = f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value.decode('latin-1')}" if key in environ else value.decode("latin-1")
    return environ
