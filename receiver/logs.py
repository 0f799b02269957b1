"""How every process logs: structured lines on standard error, as text for people or JSON for programs."""

import atexit
import logging
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

import orjson
import structlog
from structlog.typing import EventDict, Processor

# How long a line may wait for others before they are written together.
FLUSH_SECONDS = 0.1


class _Lines:
    """Writes lines to standard error: warnings and errors at once, the others together a little later.

    One system call a request would be a notable part of what a request costs.
    """

    _waiting: ClassVar[list[str]] = []
    _lock = threading.Lock()
    _thread: ClassVar[threading.Thread | None] = None
    is_json: ClassVar[bool] = False

    def debug(self, line: str) -> None:
        with self._lock:
            self._waiting.append(line)
            if _Lines._thread is None:
                _Lines._thread = threading.Thread(target=self._run, name="log", daemon=True)
                _Lines._thread.start()
                atexit.register(self.flush)

    info = debug

    def warning(self, line: str) -> None:
        self.debug(line)
        self.flush()

    error = critical = exception = warning

    def flush(self) -> None:
        """Writes what is waiting."""
        with self._lock:
            lines, self._waiting[:] = "".join(f"{line}\n" for line in self._waiting), []
            if lines:
                sys.stderr.write(lines)
                sys.stderr.flush()

    def _run(self) -> None:
        while True:
            time.sleep(FLUSH_SECONDS)
            self.flush()


_LINES = _Lines()


def configure(log_format: str) -> None:
    """Sets up structlog and hands the standard library's loggers the same way out."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    _Lines.is_json = log_format == "json"
    renderer = _json() if log_format == "json" else _text()
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_names: _LINES,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_drop_meta, *renderer])
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def request_line(path: str, facts: Mapping[str, object]) -> None:
    """One line for one request, in the form of the others but made without their machinery: it is on the hot path."""
    fields = {
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "level": "info",
        "event": "request",
        # An address may hold anything, also what looks like the end of the line.
        "path": path if path.isascii() and path.isprintable() and " " not in path else repr(path),
        **facts,
    }
    if _Lines.is_json:
        _LINES.info(orjson.dumps(fields).decode("utf-8", "replace"))
    else:
        _LINES.info(" ".join([f"{name}={value}" for name, value in fields.items()]))


# Local variables may hold pictures and secrets.
_tracebacks: Processor = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def _json() -> list[Processor]:
    return [_tracebacks, structlog.processors.JSONRenderer(serializer=_dump)]


def _text() -> list[Processor]:
    # Text from outside is quoted, so that it cannot look like a line of its own.
    return [
        _one_line,
        structlog.dev.ConsoleRenderer(
            colors=False,
            repr_native_str=True,
            pad_event_to=0,
            pad_level=False,
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]


def _one_line(_logger: object, _name: str, fields: EventDict) -> EventDict:
    """What a library says may repeat what came from outside."""
    event = str(fields.get("event", ""))
    return fields if event.isprintable() else {**fields, "event": repr(event)}


def _dump(document: object, **_options: object) -> str:
    return orjson.dumps(document, default=repr).decode()


_drop_meta: Processor = structlog.stdlib.ProcessorFormatter.remove_processors_meta
