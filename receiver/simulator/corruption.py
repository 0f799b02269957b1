"""Breaks messages in the ways that boxes and networks break them, and knows what a right server answers to each."""

from enum import StrEnum
from typing import Any

import orjson

from receiver.simulator.messages import Event

CUT = 40  # bytes missing at the end: what is left still holds the time, so that no two cut messages are the same
NOT_BASE64 = "<<no picture>>"
NOT_A_PICTURE = "VGhpcyBpcyBhIHNlbnRlbmNlLCBub3QgYSBwaWN0dXJlLg=="
FACE_KEYS = ("recognize_face", "recognize_face_image")


class Corruption(StrEnum):
    """What is wrong with a message; in this order they take turns."""

    TRUNCATED_JSON = "truncated_json"
    NOT_AN_EVENT = "not_an_event"
    BAD_BASE64 = "bad_base64"
    NOT_A_PICTURE = "not_a_picture"
    WRONG_TYPES = "wrong_types"

    @property
    def is_quarantined(self) -> bool:
        """Whether the server keeps it aside; the others are events, with a picture less or with types to convert."""
        return self in (Corruption.TRUNCATED_JSON, Corruption.NOT_AN_EVENT)

    @property
    def is_refused_first(self) -> bool:
        """Whether the server says 400 until the same bytes come a second time."""
        return self is Corruption.TRUNCATED_JSON


def corrupted(message: Event, kind: Corruption) -> bytes:
    """The message's bytes with that damage."""
    if kind is Corruption.TRUNCATED_JSON:
        return orjson.dumps(message)[:-CUT]
    if kind is Corruption.NOT_AN_EVENT:
        return orjson.dumps({"greeting": "hello", "counter": message["timestamp"]})
    if kind is Corruption.WRONG_TYPES:
        return orjson.dumps(_with_types_traded(message))
    return orjson.dumps(_with_face(message, NOT_BASE64 if kind is Corruption.BAD_BASE64 else NOT_A_PICTURE))


def _with_face(message: Event, text: str) -> Event:
    return {
        key: text if key in FACE_KEYS else _with_face(value, text) if isinstance(value, dict) else value
        for key, value in message.items()
    }


def _with_types_traded(message: Event) -> Event:
    """Numbers as text, digits as numbers, empty text as null: the values stay readable."""
    return {key: _traded(value) for key, value in message.items()}


def _traded(value: Any) -> Any:
    if isinstance(value, dict):
        return _with_types_traded(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        is_number = value.isascii() and value.isdigit() and str(int(value)) == value
        return int(value) if is_number else value or None
    return value
