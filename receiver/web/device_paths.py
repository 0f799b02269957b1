"""The addresses that boxes post to, and the same below `/in/<key>`, for boxes that can be told an address and nothing else."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from receiver.domain.events import Channel

HISTORY_PATHS = (
    "/HistoryEvent",
    "/EventServer/api/HistoryEvent",
    "/EventServer/api/SophonFogHistoryEvent",
    "/box/cross/record/report",
    "/box/v2/cross/record/report",
    "/get_record",
)
REAL_TIME_PATHS = ("/RealTimeEvent", "/EventServer/api/SophonFogRelEvent", "/updateWTVInfo")
STATUS_PATHS = (
    "/DeviceStatus",
    "/SophonFogStatus",
    "/EventServer/api/SophonFogStatus",
    "/MonitorServer/api/SophonFogStatus",
    "/box/monitor/status/report",
    "/box/monitor/device/status/report",
    "/box/media/monitor/status/report",
    # The list of a box's capture devices comes in the same spirit: who they are, and whether they are there.
    "/box/device/sync",
    "/brain/service/device/operate",
)
CHANNELS = dict.fromkeys(HISTORY_PATHS, Channel.HISTORY) | dict.fromkeys(REAL_TIME_PATHS, Channel.REAL_TIME)
DEVICE_PATHS = frozenset((*CHANNELS, *STATUS_PATHS))

KEYED = "/in/"
# Where the middleware leaves the key for the views.
KEY_ENVIRON = "gatehouse.key"
STARS = "***"
_KEYED = re.compile(r"/in/([^/]+)(/.*)")
_SECRET = re.compile(r"/in/|key=|g[krs]_|eyJ", re.IGNORECASE)
_TOKEN = re.compile(r"\b(g[krs]_\d+_|eyJ)[\w.~-]+")
_SHOWN = re.compile(r"(/in/+|\bkey=)[^/&]+", re.IGNORECASE)

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def split_key(path: str) -> tuple[str, str]:
    """The address without the key, and the key; what no box posts to is left as it is, and has none."""
    if not path.startswith(KEYED):
        return path, ""
    match = _KEYED.fullmatch(path)
    if match is None or match[2].rstrip("/") not in DEVICE_PATHS:
        return path, ""
    return match[2], match[1]


def starred(path: str) -> str:
    """The address as it may be logged: what stands where a key would is starred, and whatever looks like a token or key."""
    if _SECRET.search(path) is None:
        return path
    return _TOKEN.sub(rf"\1{STARS}", _SHOWN.sub(rf"\1{STARS}", path))


class KeyTaking:
    """Takes the key out of the address before the application sees it: nothing behind knows of such addresses."""

    def __init__(self, wsgi_app: WsgiApp) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, key = split_key(environ.get("PATH_INFO", ""))
        if key:
            plain = {"PATH_INFO": path, "RAW_URI": path, "REQUEST_URI": path, KEY_ENVIRON: from_wire(key)}
            environ = {**environ, **plain}
        return self._wsgi_app(environ, start_response)


def from_wire(text: str) -> str:
    """WSGI's text, one character a byte, as the text that it is."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")
