"""One round of requests: what goes wrong with one is its own 500, and never the others'."""

from concurrent.futures import Future
from typing import Any

import orjson

from receiver.domain.errors import GatehouseError
from receiver.services.group_commit import GroupCommit
from receiver.web.calling import Answer, Caller
from receiver.web.later import LATER, Later


def answers_of(futures: list["Future[Any]"]) -> list[Answer]:
    """The answers to one round of requests, each of which waits for the future of its place."""

    def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ[LATER] = Later(futures[environ["place"]], orjson.dumps)
        start_response("202 Accepted", [])
        return []

    found = Caller(wsgi, lambda: None).answers([{"place": place} for place in range(len(futures))])
    answers = [each for each in found if each is not None]
    assert len(answers) == len(futures)
    return answers


def test_a_request_that_fails_unexpectedly_is_a_500_alone() -> None:
    futures: list[Future[Any]] = [Future() for _ in range(3)]
    futures[0].set_result("first")
    futures[1].set_exception(RuntimeError("a mistake of ours"))
    futures[2].set_result("third")
    first, failed, third = answers_of(futures)
    assert [(status, body) for status, _, body in (first, third)] == [(200, b'"first"'), (200, b'"third"')]
    status, headers, body = failed
    assert (status, dict(headers)[b"content-type"]) == (500, b"application/problem+json")
    assert (orjson.loads(body)["reason"], b"mistake" in body) == ("internal_error", False)


def test_a_view_that_fails_beyond_flask_is_a_500_alone() -> None:
    def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["place"] == 1:
            raise RuntimeError("a mistake of ours")
        start_response("200 OK", [])
        return [b"good"]

    found = Caller(wsgi, lambda: None).answers([{"place": place} for place in range(3)])
    assert [answer[0] for answer in found if answer is not None] == [200, 500, 200]


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
