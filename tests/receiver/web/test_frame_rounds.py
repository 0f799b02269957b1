"""Frames through the intake's line: many with one commit, answered and refused as their views do it."""

import asyncio
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from receiver.bootstrap import make_front
from receiver.domain.errors import Unavailable
from receiver.domain.trust import State
from receiver.services.devices.trusting import Change
from receiver.settings import Settings
from receiver.web.arrivals import Arrival
from receiver.web.calling import Answer, by_address
from receiver.web.frame_rounds import FRAME_PATHS, LOG_PATH, SAFE_PATH, FrameRounds
from receiver.web.front import LARGE_AT_ONCE
from tests.conversations.vehicle_talk import TAKEN, TEXT, Talk, talk_to
from tests.made_stores import made_house
from tests.receiver.web.asgi import chunks_of, run, scope_of
from tests.receiver.web.asgi import talk as speak
from tests.receiver.web.site import Site, open_site


@pytest.fixture
def talk(any_site: Site) -> Talk:
    return talk_to(any_site)


def frame(talk: Talk, alert_id: int, **changes: Any) -> dict[str, Any]:
    return {"token": talk.vehicle["token"], "alert_id": alert_id, "frame_timestamp": TAKEN, "frame": TEXT} | changes


def calm(talk: Talk, **changes: Any) -> dict[str, Any]:
    own = {"token": talk.vehicle["token"], "truck_id": talk.vehicle["truck_id"]}
    return own | {"frame_timestamp": TAKEN, "frame": TEXT} | changes


def arrival(path: str, document: Any, headers: Sequence[tuple[bytes, bytes]] = ()) -> Arrival:
    body = json.dumps(document).encode()
    return Arrival(scope_of(path, headers), io.BytesIO(body), len(body))


def rounds_of(talk: Talk) -> FrameRounds:
    services = talk.services
    return FrameRounds(services.vehicles, services.vehicle_reporting, services.settings.timezone)


def data_of(answer: Answer | None) -> dict[str, Any]:
    assert answer is not None
    status, headers, body = answer
    told: Mapping[bytes, bytes] = dict(headers)
    assert (status, told[b"content-length"]) == (200, b"%d" % len(body))
    document = orjson.loads(body)
    assert (document["code"], document["status_code"]) == (200, "Success")
    found: dict[str, Any] = document["data"]
    return found


def test_frames_of_one_round_are_kept_and_answered_as_by_their_views(talk: Talk) -> None:
    alert_id = talk.begin()["alert_id"]
    by_view, calm_by_view = talk.frame(alert_id, frame_index=1), talk.calm()
    sent = [
        arrival(LOG_PATH, frame(talk, alert_id, frame_index=2)),
        arrival(SAFE_PATH, calm(talk)),
        arrival(LOG_PATH, frame(talk, alert_id, frame_index=3)),
    ]
    first, safe, second = (data_of(each) for each in rounds_of(talk).answers(sent))
    assert (first.keys(), safe.keys()) == (by_view.keys(), calm_by_view.keys())
    assert safe["safeframe_id"] == safe["id"]
    rows = talk.services.frames.of_alert(alert_id)
    assert [(row.id, row.number) for row in rows] == [(second["frame_id"], 3), (first["id"], 2), (by_view["id"], 1)]
    assert len({(row.digest, row.taken_at, row.media_type, row.device_id) for row in rows}) == 1
    last = talk.services.frames.last_of(talk.vehicle["id"])
    assert last is not None
    assert last.id == second["id"]


TOLD_HEADERS = ("content-type", "access-control-allow-origin", "retry-after", "content-length")


def by_its_view(talk: Talk, path: str, document: Any) -> tuple[int, Any, list[str | None]]:
    answer = talk.client.post(path, json=document)
    return answer.status_code, answer.get_json(), [answer.headers.get(name) for name in TOLD_HEADERS]


def by_the_line(talk: Talk, path: str, document: Any) -> tuple[int, Any, list[str | None]]:
    (answer,) = rounds_of(talk).answers([arrival(path, document)])
    assert answer is not None, document
    status, headers, body = answer
    told = {name.decode(): value.decode() for name, value in headers}
    return status, orjson.loads(body), [told.get(name) for name in TOLD_HEADERS]


def test_a_frame_is_refused_in_the_words_of_its_view(talk: Talk) -> None:
    alert_id, over = talk.begin()["alert_id"], talk.begin()["alert_id"]
    talk.end(over)
    other = talk.register(2)
    good = frame(talk, alert_id)
    odd: list[Any] = [
        [], "no frame", {}, {**good, "frame": "/9j/no picture"}, {**good, "frame": ""}, {**good, "token": "gd_1_wrong"},
        {**good, "frame": "bm8gcGljdHVyZQ=="}, {**good, "token": ["x"]},
        {**good, "token": other["token"]}, {**good, "alert_id": over}, {**good, "alert_id": alert_id + 99},
        {**good, "alert_id": [alert_id]}, {**good, "frame_timestamp": "yesterday"}, {**good, "frame_index": "many"},
        {**good, "alert_id": "x", "frame_timestamp": "yesterday"}, {"token": good["token"]},
    ]  # fmt: skip
    for document in odd:
        refused = by_the_line(talk, LOG_PATH, document)
        assert refused[0] == 400, document
        assert refused == by_its_view(talk, LOG_PATH, document)
    foreign = calm(talk, truck_id=other["truck_id"])
    assert by_the_line(talk, SAFE_PATH, foreign) == by_its_view(talk, SAFE_PATH, foreign)
    assert talk.services.frames.of_alert(alert_id) == talk.services.frames.of_alert(over) == []
    assert talk.services.frames.last_of(other["id"]) is None


def test_one_that_is_refused_does_the_others_of_its_round_no_harm(talk: Talk) -> None:
    alert_id = talk.begin()["alert_id"]
    good = frame(talk, alert_id)
    sent = [arrival(LOG_PATH, each) for each in (good | {"alert_id": alert_id + 99}, good | {"frame": ""}, good)]
    *refused, kept = rounds_of(talk).answers(sent)
    assert [each and each[0] for each in refused] == [400, 400]
    (row,) = talk.services.frames.of_alert(alert_id)
    assert row.id == data_of(kept)["id"]


def test_what_the_line_does_not_read_is_left_to_the_view(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    alert_id = talk.begin()["alert_id"]
    sent = [
        arrival(LOG_PATH, frame(talk, alert_id), [(b"origin", b"https://example.com")]),
        Arrival(scope_of(LOG_PATH), io.BytesIO(b"\xff{"), 2),
    ]
    assert rounds_of(talk).answers(sent) == [None, None]

    def broken(*_given: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(talk.services.frames._pictures, "put", broken)
    assert rounds_of(talk).answers([arrival(LOG_PATH, frame(talk, alert_id))]) == [None]
    assert talk.services.frames.of_alert(alert_id) == []


def test_where_the_database_is_away_a_frame_is_tried_once_alone(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection may have been lost after the commit: the frame is kept then, and a second try would keep another."""
    alert_id, pictures = talk.begin()["alert_id"], talk.services.frames._pictures
    tries: list[object] = []

    def away(*given: object) -> Any:
        tries.append(given)
        raise Unavailable("storage_unavailable", "away")

    monkeypatch.setattr(pictures, "put", away)
    answered = by_the_line(talk, LOG_PATH, frame(talk, alert_id))
    assert len(tries) == 1
    assert answered[0] == 503
    assert answered[2][2] == "5"
    assert answered == by_its_view(talk, LOG_PATH, frame(talk, alert_id))


def test_a_vehicle_that_is_blocked_keeps_nothing(talk: Talk) -> None:
    alert_id = talk.begin()["alert_id"]
    talk.services.trusting.change(talk.vehicle["id"], Change(state=State.BLOCKED))
    talk.services.vehicles._known.clear()
    assert by_the_line(talk, LOG_PATH, frame(talk, alert_id))[0] == 400
    assert talk.services.frames.of_alert(alert_id) == []


def test_the_frames_of_one_whom_nobody_trusts_are_counted_by_their_view(tmp_path: Path) -> None:
    with open_site(tmp_path, device_trust="adopt") as site:
        talk = talk_to(site)
        alert_id = talk.begin()["alert_id"]
        sent = [arrival(LOG_PATH, frame(talk, alert_id)), arrival(SAFE_PATH, calm(talk))]
        assert rounds_of(talk).answers(sent) == [None, None]
        assert talk.frame(alert_id)["frame_id"] == 1
        talk.services.trusting.change(talk.vehicle["id"], Change(state=State.TRUSTED))
        talk.services.vehicles._known.clear()
        (kept,) = rounds_of(talk).answers([arrival(LOG_PATH, frame(talk, alert_id))])
        assert data_of(kept)["frame_id"] == 2


def test_what_is_left_to_a_frames_view_does_not_wait_for_large_bodies(tmp_path: Path) -> None:
    house = made_house(Settings(data_dir=tmp_path, recognition="off", device_trust="adopt"))
    front = make_front(house)

    async def said(path: str, document: Any) -> Any:
        answer = await asyncio.wait_for(speak(front, scope_of(path), chunks_of(orjson.dumps(document))), 60)
        assert answer.status == 200, answer.body
        return answer.json["data"]

    async def whole() -> Any:
        box = await said("/api/v1/jetson/register/", {"mac": "00:00:00:00:00:01", "name": "a", "password": "secret"})
        own = {"token": box["token"], "truck_id": box["truck_id"]}
        for _ in range(LARGE_AT_ONCE):
            await front._large.acquire()
        return await said(SAFE_PATH, own | {"frame_timestamp": TAKEN, "frame": TEXT})

    try:
        assert run(front, whole())["safeframe_id"] == 1
    finally:
        house.close()


def test_each_request_of_a_round_goes_to_whoever_answers_its_address() -> None:
    told: list[list[str]] = []

    def answering(name: bytes) -> Any:
        def answers(arrivals: Sequence[Arrival]) -> list[Answer | None]:
            told.append([each.path for each in arrivals])
            return [None if b"odd" in each.file.read() else (200, [], name) for each in arrivals]

        return answers

    events, frames = answering(b"event"), answering(b"frame")
    whole = by_address({"/HistoryEvent": events, "/get_record": events} | dict.fromkeys(FRAME_PATHS, frames))
    sent = [arrival(path, text) for path, text in (
        ("/HistoryEvent", "1"), (LOG_PATH, "2"), ("/get_record", "odd"), (SAFE_PATH, "4"), ("/HistoryEvent", "5"),
    )]  # fmt: skip
    assert [each and each[2] for each in whole(sent)] == [b"event", b"frame", None, b"frame", b"event"]
    assert told == [["/HistoryEvent", "/get_record", "/HistoryEvent"], [LOG_PATH, SAFE_PATH]]
