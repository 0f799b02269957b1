"""An event of any generation, written as another one and read again, still says the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.sophon import Message, PictureText, read
from schemas.sophon_writing import similarity, stretched, write

MOMENT = datetime(2026, 3, 1, 8, 30, 0, 123000, tzinfo=UTC)
LICENCE = "ABCDEF000120240101000001"
FULL = Message(
    "B",
    identity_id="E1007",
    identity_name="Test Person",
    person_type=5,
    want_action="1002",
    score=93.4,
    timestamp=MOMENT,
    in_timestamp=MOMENT,
    out_timestamp=MOMENT + timedelta(seconds=2),
    ep_id=f"{LICENCE}__rtsp://10.0.0.40:554/ch1",
    device_id="3f09148d-0000-48fb-a29f-95bb9d23ff51",
    device_ip="10.0.0.40",
    device_name="east door",
    device_type="rtsp",
    licence=LICENCE,
    attributes={"age": "youth", "gender": "male", "mask": "0", "feature": [0.5, -0.25], "box": [1, 2, 3, 4]},
    identity_info={"image_id": "7bab"},
    pictures=tuple(PictureText(kind, (), f"text of {kind}") for kind in ("face", "scene", "library", "infrared")),
)
# What every generation has a word for.
SHARED = ("identity_id", "identity_name", "person_type", "want_action", "timestamp", "device_ip", "licence")
GENERATIONS = ("A", "B", "C")


def written(message: Message, generation: str) -> tuple[dict[str, Any], Message]:
    document = write(message, generation)
    return document, read(document)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("source", GENERATIONS)
def test_what_all_generations_know_survives_every_way(source: str, generation: str) -> None:
    _, first = written(FULL, source)
    document, again = written(first, generation)
    assert (again.generation, again.notes, again.extra) == (generation, (), {})
    assert {name: getattr(again, name) for name in SHARED} == {name: getattr(FULL, name) for name in SHARED}
    assert {each.kind: each.text for each in again.pictures} == {each.kind: each.text for each in FULL.pictures}
    assert again.attributes["age"] == "youth"
    assert "null" not in str(document)


def test_the_gate_and_the_times_stay_the_same_between_the_newer_generations() -> None:
    _, again = written(FULL, "C")
    assert (again.in_timestamp, again.out_timestamp) == (FULL.in_timestamp, FULL.out_timestamp)
    assert (again.device_id, again.device_name, again.device_type) == (FULL.device_id, "east door", "rtsp")


def test_a_gate_without_ep_id_is_named_as_platforms_name_it() -> None:
    assert write(replace(FULL, ep_id=""), "A")["ext_data"]["ep_id"] == f"{LICENCE}__10.0.0.40"
    assert write(replace(FULL, ep_id="", licence=""), "B")["ep_info"]["ep_id"] == FULL.device_id
    assert write(replace(FULL, device_id=""), "C")["media_device_info"]["media_device_id"] == FULL.ep_id


@pytest.mark.parametrize(
    ("source", "score", "target", "shown"),
    [
        ("A", 0.55, "B", 82.0),
        ("A", 0.8, "C", 92.0),
        ("A", 93.0, "B", 93.0),
        ("B", 82.0, "A", 0.55),
        ("C", 92.0, "A", 0.8),
        ("C", 0.62, "A", 0.62),
        ("B", 6.56, "C", 6.56),
        ("A", 0.81, "A", 0.81),
        ("B", 250.0, "A", 1.0),
        ("A", None, "B", None),
    ],
)
def test_scores_go_over_to_the_other_scale(source: str, score: float | None, target: str, shown: float | None) -> None:
    assert write(replace(FULL, generation=source, score=score), target)["score"] == pytest.approx(shown, abs=0.01)


def test_the_two_scales_are_each_others_inverse() -> None:
    for step in range(101):
        assert similarity(stretched(step / 100)) == pytest.approx(step / 100, abs=0.001)


@pytest.mark.parametrize(("name", "expected"), [("stranger", 4), ("Test Person", 1)])
def test_whoever_has_no_type_is_staff_unless_called_a_stranger(name: str, expected: int) -> None:
    silent = replace(FULL, person_type=None, identity_name=name)
    assert write(silent, "A")["ext_data"]["person_type"] == expected
    assert read(write(silent, "C")).person_type == expected


@pytest.mark.parametrize(
    ("attributes", "numbers"),
    [
        ({"feature": [0.5, -0.25]}, [0.5, -0.25]),
        ({"feature_base64_str": "AAAAPwAAgL4="}, [0.5, -0.25]),
        ({"feature_binary": "AAAAPwAAgL4="}, [0.5, -0.25]),
        ({"feature_base64_str": "no base64!"}, []),
        ({"feature_base64_str": "AAA="}, []),
        ({"feature_base64_str": "AADAfwAAgH8="}, []),
        ({"feature": ["x"]}, ["x"]),
        ({}, []),
    ],
)
def test_a_template_goes_over_as_numbers_or_as_text(attributes: dict[str, Any], numbers: list[Any]) -> None:
    given = replace(FULL, attributes=attributes)
    assert write(given, "B")["recognize_face_attr"]["feature"] == numbers
    packed = write(given, "C")["recognize_face_attr"]["feature_base64_str"]
    assert (packed is None) == (attributes in ({}, {"feature": ["x"]}))


@pytest.mark.parametrize(
    ("said", "number", "word"),
    [("0", "0", "no"), ("yes", "1", "yes"), ("2", "2", None), (None, None, None), (0, 0, "no")],
)
def test_masks_are_numbers_then_words(said: object, number: object, word: object) -> None:
    given = replace(FULL, attributes={"mask": said})
    assert write(given, "B")["recognize_face_attr"]["mask"] == number
    assert write(given, "C")["recognize_face_attr"]["mask"] == word


def test_the_least_that_can_be_read_can_be_written() -> None:
    for generation in GENERATIONS:
        document, again = written(Message("A", identity_name="Test Person"), generation)
        assert again.identity_name == "Test Person"
        assert again.timestamp is None
        assert document["timestamp"] is None
