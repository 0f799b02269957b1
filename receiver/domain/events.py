"""What a device told us, in our own words: one frozen AccessEvent, whatever generation of message it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

# How long an event's texts may be, in characters.
TEXT_LIMIT = 255  # identity id and name, group, licence, given id, names of devices
ADDRESS_LIMIT = 512  # ep_id, address and url of a gate
SHORT_TEXT_LIMIT = 32  # type of a device
IP_LIMIT = 64
VERSION_LIMIT = 16  # api_version


class Channel(StrEnum):
    """By which of a box's reports an event came; both may report one passage."""

    HISTORY = "history"
    REAL_TIME = "real_time"


class ListName(StrEnum):
    """What a person is to the gate."""

    STAFF = "staff"
    VISITOR = "visitor"
    BLACKLIST = "blacklist"
    STRANGER = "stranger"
    VIP = "vip"


class WantAction(StrEnum):
    """What the device did to its own library, and wants us to follow."""

    NOTHING = "0"
    NEW_STRANGER = "1001"
    LIBRARY_UPDATE = "1002"


class PictureKind(StrEnum):
    """What a picture shows."""

    FACE = "face"  # the crop of who stood there (recognize_face)
    SCENE = "scene"  # the whole view (spot_pic)
    LIBRARY = "library"  # the device's library picture (reg_pic), not the person at the gate
    INFRARED = "infrared"  # ir_pic


@dataclass(frozen=True, slots=True)
class EventPicture:
    """One picture that came with an event, decoded from its text but not yet from its image format.

    Attributes:
        path: where it stood in the message, e.g. ``("ext_data", "spot_pic")``.
        data: the encoded picture's bytes (JPEG, PNG, ...).
        digest: SHA-256 of ``data``, 32 bytes.
        media_type: from the header, e.g. ``image/jpeg``.
        width: pixels, from the header.
        height: pixels, from the header.
        prefix: what stood before the base64 text; None if the text cannot be made again from ``data`` and must be kept.
    """

    kind: PictureKind
    path: tuple[str, ...]
    data: bytes
    digest: bytes
    media_type: str
    width: int
    height: int
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedPicture:
    """A picture that was not taken: the event is kept, with the reason."""

    kind: PictureKind
    path: tuple[str, ...]
    reason: str  # bad_base64, not_a_picture, too_many_pixels


@dataclass(frozen=True, slots=True)
class Gate:
    """Where the person stood, as the message says it; every field may be empty.

    Attributes:
        ep_id: the capture device's id as sent (``<owner>__<address>``), or ``media_device_id``/``device_id``.
        owner: the part of ep_id before the first ``__``: a licence code, a UUID or ``0x<mac>``.
        address: the part after it, else the capture device's ip: an IP or a whole RTSP URL.
        device_type: as sent, as text: ``0``..``4``, ``photo``, ``rtsp``, ``card``, ``file``, ``gb28181``.
        url: the capture device's stream, where the message names it apart from ep_id.

    Credentials are removed from ep_id, address and url.
    """

    ep_id: str = ""
    owner: str = ""
    address: str = ""
    name: str = ""
    device_type: str = ""
    ip: str = ""
    device_id: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class AccessEvent:
    """One fact a device told us: who was seen, where, when, how sure.

    Attributes:
        generation: ``A``, ``B`` or ``C``: the shape of message it came in.
        given_id: the event's own id if the message carried one, else empty.
        list: the reported person type in our words; absent person_type means staff.
        person_type: 1..5 as sent (or translated from ``user_type``); 1 if absent, None if it could not be read.
        score: normalised to 0..1, or None; guessed from the scale (see translation.sophon).
        score_raw: as sent.
        occurred_at: aware UTC, or None where the message carried no readable time.
        licence: ``dev_sno`` / ``mq_license_key``, else empty.
        fiqa_result: the device's own word whether the face is good enough to register; None if it said nothing.
        attributes: face attributes as sent (age, gender, glasses, mask, box, point, feature, ...).
        identity_info: what the device's library holds about the person (generation B).
        grab_quality: what the camera says about the picture's quality (``grab_fiqa_info``, generation A).
        box_quality: what the box says about it (``box_fiqa_info``, generation A).
        extra: unknown keys of the top level and, under its name, of a nested object; kept because the contract says it
            may grow. Also values that could not be read.
        notes: machine words about what was odd in the message: ``unreadable:<key>``, ``cut:<key>``.

    Texts are safe for a database: no NUL, no lone surrogates, no longer than the limits above; the original message
    keeps them whole. The same holds for the texts inside the mappings, which are strict JSON and free of credentials.
    """

    generation: str
    channel: Channel
    identity_id: str = ""
    identity_name: str = ""
    group: str = ""
    list: ListName = ListName.STAFF
    person_type: int | None = 1
    want_action: WantAction = WantAction.NOTHING
    score: float | None = None
    score_raw: float | None = None
    occurred_at: datetime | None = None
    entered_at: datetime | None = None
    left_at: datetime | None = None
    gate: Gate = field(default_factory=Gate)
    licence: str = ""
    given_id: str = ""
    api_version: str = ""
    fiqa_result: bool | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    identity_info: Mapping[str, Any] = field(default_factory=dict)
    grab_quality: Mapping[str, Any] = field(default_factory=dict)
    box_quality: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[EventPicture, ...] = ()
    refused: tuple[RefusedPicture, ...] = ()
    notes: tuple[str, ...] = ()

    def picture(self, kind: PictureKind) -> EventPicture | None:
        """The picture of that kind, if the event brought a usable one."""
        return next((picture for picture in self.pictures if picture.kind is kind), None)
