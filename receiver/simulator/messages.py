"""Writes one passage as the three generations of HistoryEvent and as the RealTimeEvent of the same passage."""

import base64
import uuid
from array import array
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from receiver.simulator.devices import SimulatedDevice
from schemas.sophon import Message, PictureText
from schemas.sophon_writing import GATE, SNAPSHOT, STRANGER, stretched, write

NEW_STRANGER = "1001"
AGES = ("juvenile", "youth", "middle-aged", "aged")
FEATURE_LENGTH = 512
STAY_MS = 1800  # how long a person stays in the picture

Event = dict[str, Any]


@dataclass(frozen=True)
class Passage:
    """Somebody stood at a gate: what every generation says in its own words.

    Attributes:
        timestamp: milliseconds since 1970.
        similarity: 0..1, as the box's own comparison gave it.
        picture: base64; both the scene and the face crop.
        library_picture: base64, or empty.
        traits: seed of the face attributes, so that one person keeps them.
    """

    device: SimulatedDevice
    identity_id: str
    identity_name: str
    person_type: int
    want_action: str
    timestamp: int
    similarity: float
    picture: str
    library_picture: str
    traits: int

    @property
    def is_stranger(self) -> bool:
        return self.person_type == STRANGER


def history_event(passage: Passage, generation: str) -> Event:
    """The HistoryEvent of generation ``a``, ``b`` or ``c``."""
    return write(_message(passage, generation.upper()), generation.upper())


def real_time_event(passage: Passage) -> Event:
    """The RealTimeEvent: the first generation without want_action, ep_id and licence, whatever the box's firmware."""
    event = write(_message(passage, "A"), "A")
    del event["want_action"]
    for key in ("ep_id", "dev_sno", "info"):
        del event["ext_data"][key]
    return event


def _message(passage: Passage, generation: str) -> Message:
    """What a box of that generation knows."""
    moment = datetime.fromtimestamp(passage.timestamp / 1000, UTC)
    texts = {"library": passage.library_picture, "scene": passage.picture, "face": passage.picture}
    return Message(
        generation,
        identity_id=passage.identity_id,
        identity_name=passage.identity_name,
        person_type=passage.person_type,
        want_action=passage.want_action,
        score=round(passage.similarity, 4) if generation == "A" else stretched(passage.similarity),
        timestamp=moment,
        in_timestamp=moment,
        out_timestamp=moment + timedelta(milliseconds=STAY_MS),
        ep_id=passage.device.ep_id,
        device_id=passage.device.device_id,
        device_ip=passage.device.ip,
        device_name=passage.device.name,
        device_type=SNAPSHOT if passage.is_stranger else GATE,
        licence=passage.device.licence,
        attributes=_attributes(passage, generation),
        identity_info=_identity_info(passage),
        grab_quality=_camera_quality(passage) if passage.is_stranger else {},
        box_quality=_box_quality(passage) if passage.is_stranger else {},
        pictures=tuple(PictureText(kind, (), text) for kind, text in texts.items() if text),
    )


def _identity_info(passage: Passage) -> Event:
    if passage.is_stranger and passage.want_action != NEW_STRANGER:
        return {}
    face_id = uuid.uuid5(uuid.NAMESPACE_OID, passage.identity_id).hex
    return {
        "face_ids": [face_id],
        "image_id": face_id[::-1],
        "name": passage.identity_name,
        "type": passage.person_type,
        "permission_ids": ["0"],
    }


def _attributes(passage: Passage, generation: str) -> Event:
    """Only the first generation says of glasses, only the third sends a template."""
    gender, age = _gender_and_age(passage)
    known = {"age": age, "gender": gender, "mask": "no"}
    return known | {"A": {"glasses": "no"}, "B": {}, "C": {"feature_base64_str": _feature(passage)}}[generation]


def _gender_and_age(passage: Passage) -> tuple[str, str]:
    chance = _chance(passage)
    return chance.choice(("male", "female")), chance.choice(AGES)


def _feature(passage: Passage) -> str:
    """512 little-endian floats of length one: the size of a box's own template, comparable with nothing."""
    chance = _chance(passage)
    values = array("f", (chance.gauss(0, FEATURE_LENGTH**-0.5) for _ in range(FEATURE_LENGTH)))
    return base64.b64encode(values.tobytes()).decode("ascii")


def _camera_quality(passage: Passage) -> Event:
    chance = _chance(passage)
    return {
        "confidence": 90,
        "face_id": chance.randrange(1, 1000),
        "rect": {"top": 100, "bottom": 340, "left": 200, "right": 400},
        "rel_rect": {"top": 100, "bottom": 340, "left": 200, "right": 400},
        "pitch": 0,
        "yaw": 0,
        "roll": 0,
        "age": chance.randrange(1, 6),
        "eye_dist": chance.randrange(60, 110),
        "sex": chance.randrange(2),
    }


def _box_quality(passage: Passage) -> Event:
    chance = _chance(passage)
    names = ["face_size", "clarity", "headpose", "partial", "brightness"]
    return {
        "age": chance.randrange(1, 6),
        "sex": chance.randrange(2),
        "info": {
            "face_size": 240.0,
            "clarity": 1.28,
            "headpose": {"roll_angle": 4.1, "pitch_angle": 7.4, "yaw_angle": 3.3},
            "partial": False,
            "brightness": 0.83,
        },
        "fiqa_result": True,
        "success": names,
        "fails": [],
    }


def _chance(passage: Passage) -> Random:
    return Random(passage.traits)  # noqa: S311  not a secret: it only has to be the same again
