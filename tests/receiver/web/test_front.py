"""The front: whole bodies within limit and deadline, and nobody who is slow or half gone holds a thread."""

import asyncio
import tempfile
import threading
from collections.abc import Coroutine
from typing import Any

import orjson
import pytest

from receiver.domain.errors import Unavailable
from receiver.web import body_room
from receiver.web import front as front_module
from receiver.web.front import Front, FrontLimits
from tests.receiver.boxes import history
from tests.receiver.web.asgi import Answered, Message, ask, chunks_of, run, scope_of, stop, talk
from tests.receiver.web.conftest import BODY_LIMIT, Web

# What every site has in its folder.
DATABASES = ("gatehouse.sqlite", "pictures.sqlite", "audit.db")
JSON = (b"content-type", b"application/json")


def event(name: str) -> bytes:
    return orjson.dumps(history(identity_id=name))


def result(answer: Answered) -> str:
    assert answer.status == 200, answer.body
    found: str = answer.json["data"]["items"][0]["result"]
    return found


def test_a_whole_request_is_answered(web: Web) -> None:
    answer = ask(web.front(), "/HistoryEvent", event("whole"), [JSON])
    assert result(answer) == "new"
    assert answer.headers[b"content-type"] == b"application/json"
    assert int(answer.headers[b"content-length"]) == len(answer.body)


def test_a_body_in_many_chunks_is_put_together(web: Web) -> None:
    body = event("chunks")
    told = chunks_of(*(body[at : at + 1] for at in range(len(body))), b"")
    front = web.front()
    answer = run(front, talk(front, scope_of("/HistoryEvent", [JSON, (b"transfer-encoding", b"chunked")]), told))
    assert result(answer) == "new"


def test_a_large_body_is_spooled_and_answered(web: Web) -> None:
    body = event("large") + b" " * (2 * 1024 * 1024)
    assert result(ask(web.front(), "/HistoryEvent", body, [JSON])) == "new"


def is_refused(answer: Answered, status: int, reason: str) -> bool:
    return (answer.status, answer.json["reason"], answer.json["status"]) == (status, reason, status) and answer.headers[
        b"content-type"
    ] == b"application/problem+json"


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_over_the_limit_is_refused_and_its_device_flagged(web: Web, *, is_declared: bool) -> None:
    peer = f"10.0.{is_declared:d}.1"

    async def too_much() -> Answered:
        headers = [(b"content-length", b"%d" % (BODY_LIMIT + 1))] if is_declared else []
        told = [] if is_declared else chunks_of(*[b"x" * 1_000_000] * 5)
        answer = await talk(front, scope_of("/HistoryEvent", headers, client=(peer, 1)), told)
        front._pool.shutdown(wait=True)
        return answer

    front = web.front()
    assert is_refused(run(front, too_much()), 413, "body_too_large")
    assert [row.problem for row in web.devices() if row.address == peer] == ["body_too_large"]


@pytest.mark.parametrize("declared", [b"9" * 19, b"9" * 5000, b"18446744073709551616"])
def test_an_absurd_content_length_is_refused(web: Web, declared: bytes) -> None:
    assert is_refused(ask(web.front(), "/HistoryEvent", b"{}", [(b"content-length", declared)]), 413, "body_too_large")


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"5"), (b"content-length", b"700")],
        [(b"content-length", b"-1")], [(b"content-length", b"abc")], [(b"content-length", b"")], [(b"content-length", "٣".encode())],
        [(b"transfer-encoding", b"chunked"), (b"content-length", b"3")], [(b"transfer-encoding", b"identity, chunked, \xff")],
        [(b"Content_Length", b"1")], [(b"content_type", b"multipart/form-data"), (b"CONTENT-TYPE", b"application/json")],
        [(b"x", b"y" * 1_000_000)], [(b"x-%d" % number, b"\xff\x00") for number in range(5000)],
        [(b"host", b"\xff\xfe/..")], [(b"cookie", b"\xff=;;;=\x00")], [(b"authorization", b"Basic \xff")], [(b"range", b"bytes=9-1")],
        [(b"if-none-match", b'"'), (b"expect", b"100-continue"), (b"accept", b"\xff/*;q=x")], [(b"\xff", b"\xff")],
    ],
)  # fmt: skip
def test_header_tricks_change_nothing(web: Web, headers: list[tuple[bytes, bytes]]) -> None:
    answer = ask(web.front(), "/HistoryEvent", event(repr(headers)[:99]), headers)
    assert result(answer) in {"new", "duplicate"}


@pytest.mark.parametrize(
    "path", ["/\x00", "/HistoryEvent\x00", "/é", "/\ufffd", "/" + "a" * 100_000, "//HistoryEvent", "/HistoryEvent/", "/../HistoryEvent", "", "*", "/v1/pictures/%ff", "/\U0001f600"]
)  # fmt: skip
def test_an_odd_path_is_a_clear_answer(web: Web, path: str) -> None:
    answer = ask(web.front(), path, b"{}")
    # Werkzeug takes doubled slashes for one.
    assert (
        answer.status in {200, 308}
        or is_refused(answer, 404, "not_found")
        or is_refused(answer, 405, "method_not_allowed")
    )


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE", "CONNECT", "BREW", "post", "Ä"])
def test_an_odd_method_is_a_clear_answer(web: Web, method: str) -> None:
    answer = ask(web.front(), "/HistoryEvent", b"{}", method=method)
    assert answer.status == 405 or (method == "post" and answer.status == 200)
    assert answer.status == 200 or answer.json["reason"] == "method_not_allowed"


def test_a_slow_body_is_told_so(web: Web) -> None:
    told = [{"type": "http.request", "body": b"{", "more_body": True}]
    front = web.front(body_seconds=0.05)
    answer = run(front, talk(front, scope_of("/HistoryEvent"), told))
    assert is_refused(answer, 408, "body_too_slow")
    assert answer.headers[b"connection"] == b"close"


def test_whoever_goes_away_gets_no_answer_and_leaves_nothing(web: Web) -> None:
    front = web.front()

    async def both() -> list[Answered]:
        half: list[Message] = [{"type": "http.request", "body": b"x" * 2_000_000, "more_body": True}]
        told: list[list[Message]] = [[], half]
        return [await talk(front, scope_of("/HistoryEvent"), [*each, {"type": "http.disconnect"}]) for each in told]

    assert [answer.status for answer in run(front, both())] == [0, 0]
    assert front._room.is_empty
    assert [each for each in web.folder.iterdir() if each.is_file() and not each.name.startswith(DATABASES)] == []


def test_a_hundred_half_sent_requests_stop_nobody(web: Web) -> None:
    front = web.front(threads=2)

    async def both() -> list[Answered]:
        half = [{"type": "http.request", "body": b'{"identity_id": "half', "more_body": True}]
        hanging = [asyncio.create_task(talk(front, scope_of("/HistoryEvent"), half)) for _ in range(100)]
        await asyncio.sleep(0)
        scope = scope_of("/HistoryEvent", [JSON])
        answers = [await talk(front, scope, chunks_of(event(f"beside {number}"))) for number in range(5)]
        assert not any(each.done() for each in hanging)
        for each in hanging:
            each.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        return answers

    assert [result(answer) for answer in run(front, both())] == ["new"] * 5


def test_half_sent_large_requests_are_limited_and_small_ones_go_on(web: Web) -> None:
    front = web.front()
    places = body_room.LARGE_HELD
    half = [{"type": "http.request", "body": b"x" * 1_100_000, "more_body": True}]

    def asked(peer: str) -> Coroutine[Any, Any, Answered]:
        return talk(front, scope_of("/HistoryEvent", client=(peer, 4711)), half)

    async def all_of_them() -> tuple[Answered, Answered, Answered]:
        # One address has its share and no more, so that it holds up nobody else.
        hanging = [asyncio.create_task(asked("10.6.6.6")) for _ in range(places)]
        await asyncio.sleep(0)
        refused = [each for each in hanging if each.done()]
        assert len(refused) == places // 4
        hanging += [asyncio.create_task(asked("10.0.0.9")) for _ in range(places // 4)]
        await asyncio.sleep(0)
        assert [each for each in hanging if each.done()] == refused
        small = await talk(front, scope_of("/HistoryEvent"), chunks_of(event("small")))
        one_more = await asked("10.0.0.10")
        for each in hanging:
            each.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        return await refused[0], one_more, small

    refused, one_more, small = run(front, all_of_them())
    assert is_refused(refused, 503, "busy")
    assert is_refused(one_more, 503, "busy")
    assert one_more.headers[b"retry-after"] == b"5"
    assert result(small) == "new"
    assert front._room.is_empty


def test_small_bodies_have_their_share_of_the_memory(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_room, "MEMORY_HELD", 4000)
    front = web.front()
    half = [{"type": "http.request", "body": b"x" * 1000, "more_body": True}]

    async def all_of_them() -> list[Answered]:
        peers = ["10.6.6.6"] * 4 + ["10.0.0.9"] * 2
        asked = [talk(front, scope_of("/HistoryEvent", client=(peer, 1)), half) for peer in peers]
        hanging = [asyncio.create_task(each) for each in asked]
        await asyncio.sleep(0)
        assert [each.done() for each in hanging] == [False, False, False, True, False, True]
        for each in hanging:
            each.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        return [await hanging[3], await hanging[5]]

    assert all(is_refused(answer, 503, "busy") for answer in run(front, all_of_them()))
    assert front._room.is_empty


def test_a_body_that_finds_no_room_is_asked_to_come_again(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    front = web.front()
    assert is_refused(ask(front, "/HistoryEvent", b"x" * 1_100_000), 503, "cannot_spool")
    assert front._room.is_empty


def test_too_long_a_line_is_asked_to_come_again(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_module, "LINE_LENGTH", 0)
    assert is_refused(ask(web.front(), "/HistoryEvent", b"{}"), 503, "busy")


def test_the_environment_is_what_wsgi_asks_for(web: Web) -> None:
    seen: list[dict[str, Any]] = []

    def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append({**environ, "body": environ["wsgi.input"].read()})
        start_response("204 No Content", [("X-A", "é")])
        return []

    front = Front(wsgi, FrontLimits(1000, 5, 1, web.folder))
    headers = [
        (b"x-two", b"1"),
        (b"x-two", b"2"),
        (b"x_two", b"3"),
        (b"content-length", b"999"),
        (b"content-type", b"a/b"),
    ]
    answer = ask(front, "/é x", b"body", headers, query_string=b"a=%FF", root_path="/root", method="PUT")
    (environ,) = seen
    assert (answer.status, answer.headers[b"x-a"]) == (204, "é".encode("latin-1"))
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/é x".encode().decode("latin-1"), "a=%FF")
    assert (environ["CONTENT_LENGTH"], environ["CONTENT_TYPE"], environ["body"]) == ("4", "a/b", b"body")
    assert environ["HTTP_X_TWO"] == "1,2"
    assert (environ["REMOTE_ADDR"], environ["SCRIPT_NAME"], environ["REQUEST_METHOD"]) == ("10.0.0.9", "/root", "PUT")


def test_the_server_may_start_and_stop_it(web: Web) -> None:
    assert asyncio.run(stop(web.front())) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_stopped_front_leaves_no_thread(web: Web) -> None:
    before = set(threading.enumerate())
    front = web.front()

    async def both() -> list[int]:
        told = [("/HistoryEvent", event("thread")), ("/DeviceStatus", b"{}")]
        return [(await talk(front, scope_of(path, [JSON]), chunks_of(body))).status for path, body in told]

    run(front, both())
    assert [each.name for each in set(threading.enumerate()) - before if each.name != "log"] == []


def test_requests_that_come_together_share_a_commit(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes: list[int] = []
    reached, may_go = threading.Event(), threading.Event()
    flush = web.services.intake.flush

    def held() -> None:
        reached.set()
        may_go.wait(30)
        flushes.append(1)
        flush()

    monkeypatch.setattr(web.services.intake, "flush", held)
    front = web.front()

    async def many() -> list[Answered]:
        bodies = [event(f"together {number}") for number in range(21)]
        first = asyncio.create_task(talk(front, scope_of("/HistoryEvent", [JSON]), chunks_of(bodies[0])))
        await asyncio.to_thread(reached.wait, 30)
        others = [
            asyncio.create_task(talk(front, scope_of("/HistoryEvent", [JSON]), chunks_of(body))) for body in bodies[1:]
        ]
        while front._in_line < len(bodies):  # noqa: ASYNC110 - the front tells nobody
            await asyncio.sleep(0)
        may_go.set()
        return await asyncio.gather(first, *others)

    answers = run(front, many())
    assert [result(answer) for answer in answers] == ["new"] * 21
    assert len({answer.json["data"]["items"][0]["event_id"] for answer in answers}) == 21
    assert len(flushes) == 2


def test_a_request_that_waits_with_others_is_answered_for_itself(web: Web) -> None:
    front = web.front()
    bodies = [event("good beside bad"), b"no json at all", b'"an odd item"', event("good beside bad")]

    async def many() -> list[Answered]:
        talks = [talk(front, scope_of("/HistoryEvent", [JSON]), chunks_of(body)) for body in bodies]
        return await asyncio.gather(*talks)

    good, bad, odd, again = run(front, many())
    assert is_refused(bad, 400, bad.json["reason"])
    assert (result(good), result(odd), result(again)) == ("new", "quarantined", "duplicate")


def test_a_store_that_is_away_after_the_views_is_a_503_for_all_who_wait(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_entries: object) -> Any:
        raise Unavailable("storage_unavailable", "away")

    monkeypatch.setattr(web.services.intake._parts.recorder, "write_batch", away)
    front = web.front()

    async def two() -> list[Answered]:
        talks = [talk(front, scope_of("/HistoryEvent", [JSON]), chunks_of(event(f"away {n}"))) for n in range(2)]
        return await asyncio.gather(*talks)

    answers = run(front, two())
    assert all(is_refused(answer, 503, "storage_unavailable") for answer in answers)
    assert all(answer.headers[b"retry-after"] == b"5" for answer in answers)


def test_a_web_socket_is_turned_away(web: Web) -> None:
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(web.front()({"type": "websocket"}, receive, send))
    assert sent == ["websocket.close"]
