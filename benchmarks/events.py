"""Builds HistoryEvents of a wanted size with real JPEG pictures, in buffers whose changing places are patched in place."""

import base64
import json
from dataclasses import dataclass

import cv2
import numpy as np

FIRST_TIMESTAMP = 1_735_689_600_000  # milliseconds; every event adds one
SERIAL_DIGITS = 14  # of the sixteen base64 characters that make a picture unique; the first two say which picture
SMALLEST = 4096  # bytes of an event that has pictures
SHARES = {"reg_pic": 0.25, "recognize_face": 0.2, "spot_pic": 0.55}
REQUEST = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
)
MARK = "@@"  # stands where something changes until its place is known; neither JSON nor base64 has it


def jpeg(size: int, seed: int) -> bytes:
    """A picture of noise and shades of exactly ``size`` bytes: the rest is filled by a comment segment at the front."""
    edge = max(16, int((size * 1.6) ** 0.5))
    noise = np.random.default_rng(seed).integers(0, 256, (edge // 2, edge // 2, 3), dtype=np.uint8)
    image = cv2.resize(noise, (edge, edge), interpolation=cv2.INTER_CUBIC)
    for quality in range(95, 4, -1):
        found, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        rest = size - len(encoded) - 4
        if found and 16 <= rest <= 65_000:
            content = encoded.tobytes()
            return content[:2] + b"\xff\xfe" + (rest + 2).to_bytes(2, "big") + b"c" * rest + content[2:]
    raise ValueError(f"no JPEG of {size} bytes can be made")


@dataclass(frozen=True)
class Patch:
    """A place in a request that changes with every event, and the digits that go there."""

    offset: int
    template: bytes  # a %d format of fixed width
    base: int


@dataclass
class Request:
    """One request that can be made another event by writing a few digits into it."""

    buffer: bytearray
    patches: tuple[Patch, ...]

    def renew(self, serial: int) -> bytearray:
        """The request as the event of that number; the buffer is the same one."""
        for patch in self.patches:
            text = patch.template % (patch.base + serial)
            self.buffer[patch.offset : patch.offset + len(text)] = text
        return self.buffer


def build_request(size: int, person: int, device: int, path: str = "/HistoryEvent") -> Request:
    """A generation A event of about ``size`` bytes of body, of less than 4 KiB without pictures; the library picture depends on the person alone."""
    places: dict[str, tuple[bytes, int]] = {}
    text_size = (size - 750) * 3 // 4
    pictures = {
        key: _picture_text(int(text_size * share), person * 10 + number) if size >= SMALLEST else ""
        for number, (key, share) in enumerate(SHARES.items())
    }
    ext_data = {
        "device_ip": f"10.0.0.{20 + device}",
        "ep_id": f"BENCHM000120240101{device:06d}__10.0.0.{20 + device}",
        "dev_sno": f"BENCHM000120240101{device:06d}",
        "person_type": 1,
        "device_type": "0",
        "spot_pic": pictures["spot_pic"],
        "recognize_face": pictures["recognize_face"],
        "grab_fiqa_info": {},
        "box_fiqa_info": {},
        "info": {"age": "youth", "gender": "female", "glasses": "no"},
    }
    message = {
        "identity_id": f"E{person:04d}",
        "identity_name": f"Person {person}",
        "group_name": "default_group",
        "reg_pic": pictures["reg_pic"],
        "timestamp": FIRST_TIMESTAMP,
        "score": 0.81,
        "want_action": "0",
        "ext_data": ext_data,
    }
    body = json.dumps(message)
    head = REQUEST.format(path=path, length=len(body))
    whole = bytearray((head + body).encode("ascii"))
    places["timestamp"] = (b"%013d", whole.index(str(FIRST_TIMESTAMP).encode()))
    for prefix, key in ((b"FA", "recognize_face"), (b"SP", "spot_pic")) if size >= SMALLEST else ():
        start = whole.index(f'"{key}": "'.encode()) + len(f'"{key}": "')
        places[key] = (prefix + b"%%0%dd" % SERIAL_DIGITS, start + _comment_offset())
    patches = tuple(
        Patch(offset, template, FIRST_TIMESTAMP if key == "timestamp" else 0)
        for key, (template, offset) in places.items()
    )
    return Request(whole, patches)


def _picture_text(size: int, seed: int) -> str:
    return base64.b64encode(jpeg(size, seed)).decode("ascii")


def _comment_offset() -> int:
    """Six bytes of JPEG stand before the comment's text: eight characters of base64."""
    return 8
