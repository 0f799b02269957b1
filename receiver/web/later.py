"""Answers that wait for something: the front awaits it without a thread; under another WSGI server the thread waits."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Response, request

from receiver.domain.errors import Unavailable

Value = TypeVar("Value")
# Where the front says that it can wait, and is told for what.
LATER = "gatehouse.later"
WAIT_SECONDS = 60
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Later:
    """What the front waits for, and how its result becomes the JSON of a 200."""

    future: "Future[Any]"
    document: Callable[[Any], bytes]


def answer_later(future: "Future[Value]", document: Callable[[Value], bytes]) -> Response:
    """A 200 with the JSON that ``document`` makes of the future's result.

    Raises:
        Unavailable: ``storage_slow``; and whatever the future raises.
    """
    if LATER in request.environ:
        request.environ[LATER] = Later(future, document)
        return Response(status=202)  # never sent: the front answers in its place
    try:
        return Response(document(future.result(WAIT_SECONDS)), content_type=JSON)
    except TimeoutError as error:
        raise too_slow() from error


def too_slow() -> Unavailable:
    """The store took too long; nothing can be said about what was sent."""
    return Unavailable("storage_slow", f"nothing was committed within {WAIT_SECONDS} s; send it again")
