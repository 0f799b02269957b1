"""Answers that wait for a commit: the front lets many requests share one; under another WSGI server each thread flushes."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from flask import Response, request

# Where the front says that it will flush, and is told what to answer then.
LATER = "gatehouse.later"
# Set where many requests wait for each other: what takes long is then called again elsewhere.
IN_LINE = "gatehouse.in_line"
ELSEWHERE = "elsewhere"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Later:
    """What is done after the next flush, and how its result becomes the JSON of a 200."""

    future: "Future[Any]"
    document: Callable[[Any], bytes]


# What Flask gets in place of the answer that the front makes after the flush.
_NEVER_SENT = Response(status=202)


def answer_elsewhere() -> Response:
    """Leaves the line: the front calls the view once more where it holds up nobody."""
    request.environ[LATER] = ELSEWHERE
    return _NEVER_SENT


def answer_later(later: Later, flush: Callable[[], None]) -> Response:
    """A 200 with the later's document, after a flush by the front or else by ``flush``.

    Raises:
        GatehouseError: what the future raises.
    """
    if LATER in request.environ:
        request.environ[LATER] = later
        return _NEVER_SENT
    flush()
    return Response(later.document(later.future.result()), content_type=JSON)
