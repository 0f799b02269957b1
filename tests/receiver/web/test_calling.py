"""One round of requests: what goes wrong with one is its own 500, and never the others'."""

import io
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, cast

import orjson

from receiver.domain.errors import GatehouseError
from receiver.services.intake.group_commit import GroupCommit
from receiver.services.intake.intake import Intake
from receiver.services.intake.recording import Recorded, Sender
from receiver.web.arrivals import Arrival
from receiver.web.calling import Caller
from receiver.web.sophon import EventRounds
from tests.receiver.web.asgi import scope_of


class Futures:
    """An intake whose requests wait for the futures of their places."""

    def __init__(self, futures: Sequence["Future[Any]"]) -> None:
        self._futures = iter(futures)

    def begin(self, _items: Sequence[object], _sender: Sender) -> "Future[Any]":
        return next(self._futures)

    def flush(self) -> None:
        """They are settled already."""


def arrivals(*bodies: bytes) -> list[Arrival]:
    return [Arrival(scope_of("/HistoryEvent"), io.BytesIO(body), len(body)) for body in bodies]


def test_a_request_that_fails_unexpectedly_is_a_500_alone() -> None:
    futures: list[Future[Any]] = [Future() for _ in range(3)]
    futures[0].set_result([Recorded(1, "new")])
    futures[1].set_exception(RuntimeError("a mistake of ours"))
    futures[2].set_result([Recorded(3, "new")])
    rounds = EventRounds(cast("Intake", Futures(futures)), 1000)
    answers = [each for each in rounds.answers(arrivals(b"[]", b"[]", b"[]")) if each is not None]
    assert [status for status, _, _ in answers] == [200, 500, 200]
    assert [orjson.loads(body)["data"]["items"][0]["event_id"] for _, _, body in (answers[0], answers[2])] == [1, 3]
    _, headers, body = answers[1]
    assert dict(headers)[b"content-type"] == b"application/problem+json"
    assert [value for name, value in headers if name == b"content-length"] == [b"%d" % len(body)]
    assert (orjson.loads(body)["reason"], b"mistake" in body) == ("internal_error", False)


def test_a_request_that_fails_before_the_commit_is_left_to_its_view() -> None:
    class Failing(Futures):
        def begin(self, items: Sequence[object], sender: Sender) -> "Future[Any]":
            if items == ["bad"]:
                raise RuntimeError("a mistake of ours")
            return super().begin(items, sender)

    futures: list[Future[Any]] = [Future(), Future()]
    for each in futures:
        each.set_result([])
    rounds = EventRounds(cast("Intake", Failing(futures)), 1000)
    found = rounds.answers(arrivals(b"[]", b'["bad"]', b"no json", b"[]"))
    assert [each is None for each in found] == [False, True, True, False]


def test_what_flask_itself_cannot_answer_is_a_500() -> None:
    def wsgi(_environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        raise RuntimeError("a mistake of ours")

    (arrival,) = arrivals(b"")
    assert Caller(wsgi).answer(arrival)[0] == 500


def test_a_replacement_that_fails_leaves_nobody_waiting() -> None:
    def write(numbers: Any) -> list[int]:
        if any(number < 0 for number in numbers):
            raise GatehouseError("negative")
        return [number * 10 for number in numbers]

    def fail(_entry: int, _error: GatehouseError) -> int:
        raise RuntimeError("a mistake of ours")

    commit: GroupCommit[int, int] = GroupCommit(write, fail)
    futures = [commit.begin([number], list) for number in (1, -1, 2)]
    commit.flush()
    assert [each.done() for each in futures] == [True] * 3
    assert futures[0].result() == [10]
    assert isinstance(futures[1].exception(), RuntimeError)
    assert commit.submit([4]) == [40]
