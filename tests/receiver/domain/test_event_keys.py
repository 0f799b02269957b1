"""Keys of events: the same for the same, different for what differs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.domain.event_keys import duplicate_key, needs_raw, passage_key
from receiver.domain.events import AccessEvent, Channel, EventPicture, Gate, PictureKind, WantAction

MOMENT = datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)
EVENT = AccessEvent(
    "A",
    Channel.HISTORY,
    identity_id="E1",
    occurred_at=MOMENT,
    gate=Gate(ep_id="L__10.0.0.2", owner="L", address="10.0.0.2"),
)


def picture(kind: PictureKind, fill: int) -> EventPicture:
    return EventPicture(kind, (kind,), b"x", bytes([fill]) * 32, "image/jpeg", 1, 1)


def key(**changes: Any) -> bytes:
    return duplicate_key(replace(EVENT, **changes), "device", b"raw")


def test_t15_a_resend_has_the_same_key() -> None:
    assert key() == key(score=0.5)
    assert len(key()) == 32


@pytest.mark.parametrize(
    "change",
    [
        {"channel": Channel.REAL_TIME},
        {"identity_id": "E2"},
        {"occurred_at": MOMENT + timedelta(milliseconds=1)},
        {"gate": Gate(ep_id="L__10.0.0.3")},
        {"pictures": (picture(PictureKind.FACE, 1),)},
        {"pictures": (picture(PictureKind.SCENE, 1),)},
        {"given_id": "7"},
        {"occurred_at": None},
        {"want_action": WantAction.NEW_STRANGER},
        {"want_action": WantAction.LIBRARY_UPDATE},
    ],
)
def test_t15_what_tells_messages_apart_changes_the_key(change: dict[str, Any]) -> None:
    assert key(**change) != key()


def test_keys_stay_what_they_were_when_they_were_first_stored() -> None:
    assert key().hex() == "6ebb8ebfdae585c6319f8d05d0f956a905589a8ec0dd32942d967dabe05bf7ce"
    asked = key(want_action=WantAction.NEW_STRANGER)
    assert asked == key(want_action=WantAction.NEW_STRANGER, score=0.5) != key(want_action=WantAction.LIBRARY_UPDATE)


def test_another_device_has_other_keys() -> None:
    for event in (EVENT, replace(EVENT, given_id="7"), replace(EVENT, occurred_at=None)):
        assert duplicate_key(event, "one", b"") != duplicate_key(event, "two", b"")


def test_a_given_id_is_the_key_whatever_else_differs() -> None:
    assert key(given_id="7", identity_id="E1") == key(given_id="7", identity_id="E2", occurred_at=None)


def test_the_face_counts_before_the_scene() -> None:
    face, scene, other = picture(PictureKind.FACE, 1), picture(PictureKind.SCENE, 2), picture(PictureKind.SCENE, 3)
    assert key(pictures=(face, scene)) == key(pictures=(face, other))
    assert key(pictures=(scene,)) != key(pictures=(other,))


def test_fractions_of_a_millisecond_do_not_count() -> None:
    assert key(occurred_at=MOMENT + timedelta(microseconds=999)) == key()


@pytest.mark.parametrize(
    "weak",
    [replace(EVENT, occurred_at=None), replace(EVENT, identity_id="", pictures=(picture(PictureKind.SCENE, 1),))],
)
def test_a_weak_event_is_told_apart_by_its_raw_item_and_all_its_pictures(weak: AccessEvent) -> None:
    assert needs_raw(weak)
    assert duplicate_key(weak, "d", b"1") != duplicate_key(weak, "d", b"2")
    with_more = replace(weak, pictures=(picture(PictureKind.LIBRARY, 9),))
    assert duplicate_key(weak, "d", b"1") != duplicate_key(with_more, "d", b"1")
    assert duplicate_key(weak, "d", b"1") == duplicate_key(replace(weak), "d", b"1")


def test_two_unknown_people_in_one_frame_are_two_events() -> None:
    scene = (picture(PictureKind.SCENE, 1),)
    first, second = replace(EVENT, identity_id="", pictures=scene), replace(EVENT, identity_id="", pictures=scene)
    assert duplicate_key(first, "d", b'{"box":[1]}') != duplicate_key(second, "d", b'{"box":[2]}')


@pytest.mark.parametrize(
    "strong",
    [
        EVENT,
        replace(EVENT, given_id="7", occurred_at=None),
        replace(EVENT, identity_id="", pictures=(picture(PictureKind.FACE, 1),)),
    ],
)
def test_a_strong_event_does_not_read_its_raw_item(strong: AccessEvent) -> None:
    assert not needs_raw(strong)
    assert duplicate_key(strong, "d", b"1") == duplicate_key(strong, "d", b"2")


def test_t24_real_time_and_history_of_one_passage_share_a_key() -> None:
    real_time = replace(EVENT, channel=Channel.REAL_TIME, gate=Gate(ip="10.0.0.2", address="10.0.0.2"))
    stream = replace(EVENT, gate=Gate(ep_id="L__rtsp://10.0.0.2:554/1", owner="L", address="rtsp://10.0.0.2:554/1"))
    assert passage_key(EVENT, "peer") == passage_key(real_time, "peer") == passage_key(stream, "peer")


def test_t24_the_face_stands_for_a_missing_identity() -> None:
    face = replace(EVENT, identity_id="", pictures=(picture(PictureKind.FACE, 1),))
    assert passage_key(face, "peer") == passage_key(replace(face, channel=Channel.REAL_TIME), "peer")
    assert passage_key(face, "peer") != passage_key(replace(face, pictures=(picture(PictureKind.FACE, 2),)), "peer")


@pytest.mark.parametrize(
    "change", [{"identity_id": "E2"}, {"occurred_at": MOMENT + timedelta(seconds=1)}, {"gate": Gate(ip="10.0.0.3")}]
)
def test_t24_another_passage_has_another_key(change: dict[str, Any]) -> None:
    assert passage_key(replace(EVENT, **change), "peer") != passage_key(EVENT, "peer")
    assert passage_key(EVENT, "peer") != passage_key(EVENT, "other")


@pytest.mark.parametrize(
    "change",
    [{"occurred_at": None}, {"identity_id": ""}, {"identity_id": "", "pictures": (picture(PictureKind.SCENE, 1),)}],
)
def test_t24_without_a_time_or_somebody_there_is_no_passage_key(change: dict[str, Any]) -> None:
    assert passage_key(replace(EVENT, **change), "peer") is None
