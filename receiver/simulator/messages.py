"""Writes one passage as the three generations of HistoryEvent and as the RealTimeEvent of the same passage."""

import base64
import uuid
from array import array
from dataclasses import dataclass
from random import Random
from typing import Any

from receiver.simulator.devices import SimulatedDevice

USER_TYPES = {1: "employee", 2: "visitor", 3: "blacklist", 4: "stranger", 5: "vip"}
STRANGER = 4
NEW_STRANGER = "1001"
GATE_DEVICE, SNAPSHOT_DEVICE = "0", "1"
AGES = ("juvenile", "youth", "middle-aged", "aged")
FEATURE_LENGTH = 512
STAY_MS = 1800  # how long a person stays in the picture

Message = dict[str, Any]


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


def stretched(similarity: float) -> float:
    """Similarity 0..1 as the 0..100 that later firmware shows: 0.55 is its threshold 82, 1.0 is 100."""
    knee, low_slope, high_slope, high_offset = 0.55, 149.09, 40.0, 60.0
    shown = low_slope * similarity if similarity <= knee else high_slope * similarity + high_offset
    return round(shown, 2)


def history_event(passage: Passage, generation: str) -> Message:
    """The HistoryEvent of generation ``a``, ``b`` or ``c``."""
    return {"a": _generation_a, "b": _generation_b, "c": _generation_c}[generation](passage)


def real_time_event(passage: Passage) -> Message:
    """The RealTimeEvent: the first generation without want_action, ep_id and licence, whatever the box's firmware."""
    message = _generation_a(passage)
    del message["want_action"]
    for key in ("ep_id", "dev_sno", "info"):
        del message["ext_data"][key]
    return message


def _generation_a(passage: Passage) -> Message:
    gender, age = _gender_and_age(passage)
    return {
        "identity_id": passage.identity_id,
        "identity_name": passage.identity_name,
        "group_name": "default_group",
        "reg_pic": passage.library_picture,
        "timestamp": passage.timestamp,
        "score": round(passage.similarity, 4),
        "want_action": passage.want_action,
        "ext_data": {
            "device_ip": passage.device.ip,
            "ep_id": passage.device.ep_id,
            "dev_sno": passage.device.licence,
            "person_type": passage.person_type,
            "device_type": SNAPSHOT_DEVICE if passage.is_stranger else GATE_DEVICE,
            "spot_pic": passage.picture,
            "recognize_face": passage.picture,
            "grab_fiqa_info": _camera_quality(passage) if passage.is_stranger else {},
            "box_fiqa_info": _box_quality(passage) if passage.is_stranger else {},
            "info": {"age": age, "gender": gender, "glasses": "no"},
        },
    }


def _generation_b(passage: Passage) -> Message:
    return {
        "api_version": "1.0",
        "identity_id": passage.identity_id,
        "identity_name": passage.identity_name,
        "identity_info": _identity_info(passage),
        "timestamp": passage.timestamp,
        "out_timestamp": passage.timestamp + STAY_MS,
        "score": stretched(passage.similarity),
        "want_action": passage.want_action,
        "person_type": passage.person_type,
        "reg_pic": passage.library_picture,
        "spot_pic": passage.picture,
        "ir_pic": "",
        "recognize_face": passage.picture,
        "ep_info": {
            "ep_id": passage.device.ep_id,
            "ep_type": "photo",
            "ep_ip": passage.device.ip,
            "ep_name": passage.device.name,
            "device_id": passage.device.device_id,
        },
        "dev_sno": passage.device.licence,
        "recognize_face_attr": {**_attributes(passage), "mask": "0", "feature": []},
    }


def _generation_c(passage: Passage) -> Message:
    return {
        "api_version": "2.0",
        "identity_id": passage.identity_id,
        "identity_name": passage.identity_name,
        "timestamp": passage.timestamp,
        "in_timestamp": passage.timestamp,
        "out_timestamp": passage.timestamp + STAY_MS,
        "score": stretched(passage.similarity),
        "post_action": passage.want_action,
        "user_type": USER_TYPES[passage.person_type],
        "media_device_info": {
            "media_device_id": passage.device.device_id,
            "media_device_type": "photo",
            "media_device_ip": passage.device.ip,
            "media_device_name": passage.device.name,
            "media_device_url": passage.device.ip,
        },
        "mq_license_key": passage.device.licence,
        "reg_image": passage.library_picture,
        "spot_image": passage.picture,
        "ir_image": "",
        "recognize_face_image": passage.picture,
        "recognize_face_attr": {
            **_attributes(passage), "mask": "no", "feature_base64_str": _feature(passage),
        },
    }  # fmt: skip


def _identity_info(passage: Passage) -> Message:
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


def _attributes(passage: Passage) -> Message:
    """Where nothing was measured there is null, as boxes send it."""
    gender, age = _gender_and_age(passage)
    return {
        "point": None, "box": None, "age": age, "gender": gender, "glasses": None, "hat": None, "expression": None,
    }  # fmt: skip


def _gender_and_age(passage: Passage) -> tuple[str, str]:
    chance = _chance(passage)
    return chance.choice(("male", "female")), chance.choice(AGES)


def _feature(passage: Passage) -> str:
    """512 little-endian floats of length one: the size of a box's own template, comparable with nothing."""
    chance = _chance(passage)
    values = array("f", (chance.gauss(0, FEATURE_LENGTH**-0.5) for _ in range(FEATURE_LENGTH)))
    return base64.b64encode(values.tobytes()).decode("ascii")


def _camera_quality(passage: Passage) -> Message:
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


def _box_quality(passage: Passage) -> Message:
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
