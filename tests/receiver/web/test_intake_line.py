"""What the intake line takes, and what goes to the pool instead; and addresses with a slash too many."""

import asyncio
import gzip
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from receiver.translation.requests import NeedsPatience, items_of
from receiver.web import calling
from receiver.web import front as front_module
from receiver.web.calling import Caller, IntakeLine
from receiver.web.front import Front, FrontHooks, FrontLimits
from tests.receiver.boxes import history
from tests.receiver.web.asgi import Answered, ask, chunks_of, run, scope_of, talk
from tests.receiver.web.conftest import Web

PATH = "/HistoryEvent"
PACKED = gzip.compress(b"[]", mtime=0)


class Answering:
    """An application that notes which threads call it, and answers once it may."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.may_go = threading.Event()

    def __call__(self, _environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.threads.append(threading.current_thread().name)
        self.may_go.wait(30)
        start_response("200 OK", [])
        return []


def front_of(app: Answering, folder: Path) -> Front:
    hooks = FrontHooks(lambda arrivals: [Caller(app).answer(each) for each in arrivals])
    return Front(app, FrontLimits(1000, 30, 8, folder, frozenset({PATH})), hooks)


@pytest.mark.parametrize(("body", "thread"), [(PACKED, "answer"), (b"[]", "intake"), (b"\x1f", "intake")])
def test_a_packed_body_is_not_for_the_intake_line(tmp_path: Path, body: bytes, thread: str) -> None:
    app = Answering()
    app.may_go.set()
    assert ask(front_of(app, tmp_path), PATH, body).status == 200
    assert [name.partition("_")[0] for name in app.threads] == [thread]


def test_a_path_with_doubled_slashes_is_for_the_intake_line_too(tmp_path: Path) -> None:
    app = Answering()
    app.may_go.set()
    assert ask(front_of(app, tmp_path), "//HistoryEvent", b"[]").status == 200
    assert app.threads == ["intake"]


class Line:
    """An intake line of which a test takes the groups itself; in each pause as many requests come as ``coming`` says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, coming: list[int]) -> None:
        self.line = IntakeLine(lambda arrivals: [None] * len(arrivals))
        self._coming = coming
        # Only this module's: threads of other tests may be sleeping too.
        monkeypatch.setattr(calling, "time", SimpleNamespace(sleep=self._pause))

    def come(self, count: int) -> None:
        for _ in range(count):
            self.line._queue.put(cast("calling.Waiting", object()))

    def _pause(self, _seconds: float) -> None:
        self.come(self._coming.pop(0))

    def group(self, expected: int) -> int:
        first = self.line._queue.get_nowait()
        assert first is not None
        return len(self.line._gathered(first, expected))


@pytest.mark.parametrize(
    ("expected", "there", "coming", "group"),
    [
        (1, 1, [], 1),  # one box alone is not made to wait
        (4, 6, [], 6),  # as many as were hoped for are there
        (4, 1, [2, 1], 4),  # they come one after the other
        (9, 1, [2, 0], 3),  # one of the others has nothing more to say
        (9, 1, [0, 5], 1),  # none of them has
        (500, 60, [30], calling.GROUP_SIZE),
        (99, 1, [1] * calling.STEPS, 1 + calling.STEPS),  # a round waits for so long and no longer
    ],
)
def test_a_round_waits_while_those_who_were_answered_together_come_again(
    monkeypatch: pytest.MonkeyPatch, expected: int, there: int, coming: list[int], group: int
) -> None:
    line = Line(monkeypatch, coming)
    line.come(there)
    assert line.group(expected) == group


def test_few_packed_bodies_are_answered_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Answering()
    front = front_of(app, tmp_path)
    begun: list[object] = []
    submit = front._pool.submit

    def counted(call: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        begun.append(call)
        return submit(call, *arguments)

    monkeypatch.setattr(front._pool, "submit", counted)

    async def many() -> tuple[int, list[Answered]]:
        talks = [asyncio.create_task(talk(front, scope_of(PATH), chunks_of(PACKED))) for _ in range(6)]
        while front._in_line < len(talks):  # noqa: ASYNC110 - the front tells nobody
            await asyncio.sleep(0)
        begun_at_once = len(begun)
        app.may_go.set()
        return begun_at_once, await asyncio.gather(*talks)

    begun_at_once, answers = run(front, many())
    assert begun_at_once == front_module.LARGE_AT_ONCE
    assert [answer.status for answer in answers] == [200] * 6
    assert len(begun) == 6


@pytest.mark.parametrize(("path", "is_large"), [(PATH, True), ("/light", False)])
def test_what_the_line_leaves_takes_a_large_bodys_place_where_it_may_take_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, *, is_large: bool
) -> None:
    front = Front(Answering(), FrontLimits(1000, 30, 8, tmp_path, frozenset({PATH, "/light"}), frozenset({"/light"})))
    places: list[bool] = []

    async def in_pool(_arrival: object, *, is_large: bool) -> calling.Answer:
        places.append(is_large)
        return 200, [], b""

    monkeypatch.setattr(front, "_in_pool", in_pool)
    assert ask(front, path, b"[]").status == 200
    assert ask(front, path, PACKED).status == 200
    assert places == [is_large, True]


@pytest.mark.parametrize("path", ["//HistoryEvent", "///HistoryEvent", "/HistoryEvent/", "//HistoryEvent/"])
def test_a_slash_too_many_costs_no_event(web: Web, path: str) -> None:
    answer = ask(web.front(), path, orjson.dumps(history(identity_id=path)), [(b"content-type", b"application/json")])
    assert answer.status == 200, answer.body
    assert [each["result"] for each in answer.json["data"]["items"]] == ["new"]


def test_a_packed_event_is_taken(web: Web) -> None:
    answer = ask(web.front(), PATH, gzip.compress(orjson.dumps(history(identity_id="packed"))))
    assert answer.status == 200, answer.body
    assert [each["result"] for each in answer.json["data"]["items"]] == ["new"]


SLOW = "{" + "'','" * 5000
LITERAL = str({"ep_id": "literal__10.0.0.7"})


@pytest.mark.parametrize(
    ("item", "is_for_line"),
    [
        ({"ext_data": {"ep_id": "o__10.0.0.7"}}, True),
        ({"ext_data": LITERAL}, True),
        ({"reg_pic": SLOW}, True),  # a picture's text is never read so
        ({"ext_data": SLOW}, False),
        ({"ext_data": {"info": SLOW}}, False),
        ({"ext_data": json.dumps({"info": SLOW})}, False),
        ({"ext_data": json.dumps(json.dumps({"info": SLOW}))}, False),
        ({"ext_data": "\x00" + SLOW}, False),
        ({"ext_data": "[" + "1e300," * 5000 + "1]"}, False),
        ({"identity_info": "b" + SLOW[1:]}, False),
        (SLOW, False),
        ({"data": SLOW}, False),
        ([{"ext_data": SLOW[:6000]}, {"ext_data": SLOW[:6000]}], False),  # they count together
    ],
)
def test_long_text_that_is_no_json_inside_an_event_is_not_read_in_the_line(item: Any, *, is_for_line: bool) -> None:
    if isinstance(item, dict):
        item = history() | item
    body = orjson.dumps(item)
    if is_for_line:
        assert items_of(body, "", len(body), is_patient=False) == items_of(body, "", len(body)) == [item]
    else:
        with pytest.raises(NeedsPatience):
            items_of(body, "", len(body), is_patient=False)


def test_an_event_with_such_text_is_taken_by_its_view(web: Web) -> None:
    long = str({"dev_sno": "LITERAL", "junk": ["''"] * 5000})
    answer = ask(web.front(), PATH, orjson.dumps(history(identity_id="literal") | {"ext_data": long}))
    assert answer.status == 200, answer.body
    assert [each["result"] for each in answer.json["data"]["items"]] == ["new"]
    assert "LITERAL" in [each.licence for each in web.devices()]
