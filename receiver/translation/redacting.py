"""What is left of a stored message when the person whom it tells of is erased; and which texts name somebody."""

import json
import re
from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

from schemas.bodies import read_text
from schemas.errors import UnreadableBody

MARK = "gatehouse"
SENTENCE = "erased: who was seen, the pictures and whatever else could tell it were taken away; this is no original"
# Where and when, by every generation's names: all else, known to us or not, may speak of the person and goes.
KEPT = frozenset(
    (
        *("timestamp", "in_timestamp", "out_timestamp", "api_version", "score", "want_action", "post_action"),
        *("person_type", "user_type", "dev_sno", "mq_license_key", "ep_id", "ep_ip", "ep_name", "ep_type"),
        *("device_id", "device_ip", "device_type", "media_device_id", "media_device_ip", "media_device_name"),
        "media_device_type",
    )
)
CONTAINERS = frozenset(("ext_data", "ep_info", "media_device_info"))
LONGEST = 255
# A shorter name or id stands in too many texts that do not mean it; as a whole value it is found at any length.
SHORTEST = 3
_WORD = re.compile(r"[^\W_]+")


def redacted(document: Any, names: Collection[str]) -> dict[str, Any]:
    """The message's time, gate and device, and a mark that says so; a value that holds one of ``names`` goes too."""
    return {**_kept(document, names), MARK: SENTENCE}


def is_redacted(document: Any) -> bool:
    """Whether a stored message has lost what it told of a person."""
    return isinstance(document, dict) and document.get(MARK) == SENTENCE


def _kept(document: Any, names: Collection[str]) -> dict[str, Any]:
    if not isinstance(document, dict):
        return {}
    found: dict[str, Any] = {}
    for key, value in document.items():
        if key in CONTAINERS:
            found[key] = _kept(_opened(value), names)
        elif key in KEPT and isinstance(value, str | int | float | bool) and not _holds(value, names):
            found[key] = value
    return found


def _opened(value: Any) -> Any:
    """A container, which some firmware sends as text."""
    if not isinstance(value, str):
        return value
    try:
        return read_text(value)
    except UnreadableBody:
        return None


def _holds(value: Any, names: Collection[str]) -> bool:
    text = str(value)
    if len(text) > LONGEST:
        return True
    return any(text == name or (len(name) >= SHORTEST and name in text) for name in names)


def tells_of(text: str, names: Collection[str]) -> bool:
    """Whether one of the names stands in a text, in whatever capitals; a short one as a word of its own."""
    small = text.casefold()
    words = set(_WORD.findall(small))
    return any(each in words or (len(each.encode()) >= SHORTEST and each in small) for each in map(str.casefold, names))


def spellings(names: Collection[str], ids: Collection[str]) -> list[bytes]:
    """How a body that could not be read would spell a name, or an id as a whole value: plain, as JSON and in a form."""
    found = {each for name in names if len(name.encode()) >= SHORTEST for each in _spelt(name)}
    for text in ids:
        found |= {b'"%s"' % each for each in _spelt(text)} | {b"'%s'" % each for each in _spelt(text)}
        found |= {b"=%s&" % each for each in _spelt(text)}
    return sorted(found)


def _spelt(text: str) -> set[bytes]:
    plain = text.encode("utf-8", "replace")
    escaped = json.dumps(text)[1:-1].encode()
    gb = text.encode("gb18030", "replace")
    return {plain, escaped, gb, quote(text, errors="replace").encode(), quote_plus(text, errors="replace").encode()}


def names_somebody(raw: bytes, spelt: Sequence[bytes]) -> bool:
    """Whether a body holds one of the spellings; hexadecimal digits of escapes may be of either case."""
    small = raw.lower()
    return any(each in raw or ((b"\\u" in each or b"%" in each) and each.lower() in small) for each in spelt)
