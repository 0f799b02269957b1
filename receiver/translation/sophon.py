"""Events of SOPHON boxes in our words: the wire's names end here."""

import hashlib

from receiver.domain.errors import Invalid
from receiver.domain.events import (
    ADDRESS_LIMIT,
    IP_LIMIT,
    SHORT_TEXT_LIMIT,
    TEXT_LIMIT,
    VERSION_LIMIT,
    AccessEvent,
    Channel,
    EventPicture,
    Gate,
    ListName,
    PictureKind,
    RefusedPicture,
    WantAction,
)
from receiver.translation.pictures import inspect
from receiver.translation.texts import address_text, column_json, column_text
from schemas.base64_text import decode_picture_text
from schemas.errors import BadBase64
from schemas.sophon import Message, PictureText

LISTS = {
    1: ListName.STAFF,
    2: ListName.VISITOR,
    3: ListName.BLACKLIST,
    4: ListName.STRANGER,
    5: ListName.VIP,
}
PERSON_TYPES = {name: number for number, name in LISTS.items()}
_STAFF = 1
_UNREADABLE = frozenset(("unreadable:person_type", "unreadable:user_type"))
_JSON_FIELDS = ("attributes", "identity_info", "grab_quality", "box_quality", "extra")


def speaker_of(message: Message) -> tuple[str, Gate]:
    """The licence and the gate that a message names, before its pictures are looked at."""
    return column_text(message.licence, TEXT_LIMIT), to_gate(message)


def to_event(message: Message, channel: Channel, pixel_limit: int, gate: Gate | None = None) -> AccessEvent:
    """The message as an event, its pictures decoded from base64 and looked at, not decoded as pictures.

    Pictures that are none, or have more than ``pixel_limit`` pixels, are in ``refused``; the event is kept. ``gate`` is what
    ``speaker_of`` has read already.
    """
    pictures, refused = _pictures(message.pictures, pixel_limit)
    return AccessEvent(
        generation=message.generation,
        channel=channel,
        identity_id=column_text(message.identity_id, TEXT_LIMIT),
        identity_name=column_text(message.identity_name, TEXT_LIMIT),
        group=column_text(message.group, TEXT_LIMIT),
        list=to_list(message),
        person_type=to_person_type(message),
        want_action=WantAction(message.want_action),
        score=to_score(message.score),
        score_raw=message.score,
        occurred_at=message.timestamp or message.in_timestamp or message.out_timestamp,
        entered_at=message.in_timestamp,
        left_at=message.out_timestamp,
        gate=gate or to_gate(message),
        licence=column_text(message.licence, TEXT_LIMIT),
        given_id=column_text(message.event_id, TEXT_LIMIT),
        api_version=column_text(message.api_version, VERSION_LIMIT),
        fiqa_result=message.fiqa_result,
        **{name: column_json(getattr(message, name)) for name in _JSON_FIELDS},
        pictures=pictures,
        refused=refused,
        notes=_notes(message),
    )


def to_person_type(message: Message) -> int | None:
    """As sent; staff is the default only where none was sent, for nobody has said so where it could not be read."""
    if message.person_type is not None:
        return message.person_type
    return _STAFF if _UNREADABLE.isdisjoint(message.notes) else None


def to_list(message: Message) -> ListName:
    """The person type decides; only where it is absent or unknown the name, and then staff is the default."""
    if message.person_type is not None:
        return LISTS[message.person_type]
    return ListName.STRANGER if message.identity_name.lower() == "stranger" else ListName.STAFF


def to_score(raw: float | None) -> float | None:
    """0..1: older boxes score so already, newer ones from 0 to 100; above 1 it must be the latter."""
    if raw is None:
        return None
    return max(0.0, min(1.0, raw / 100 if raw > 1 else raw))


def to_gate(message: Message) -> Gate:
    """Where the person stood; the ep_id's owner ends at the first ``__``, for the address may hold another."""
    ep_id = address_text(message.ep_id, ADDRESS_LIMIT)
    owner, address = split_ep_id(ep_id)
    ip = column_text(message.device_ip, IP_LIMIT)
    device_id = column_text(message.device_id, TEXT_LIMIT)
    url = address_text(message.device_url, ADDRESS_LIMIT)
    return Gate(
        ep_id=ep_id or device_id,
        owner=column_text(owner, TEXT_LIMIT),
        address=address or ip or url,
        name=column_text(message.device_name, TEXT_LIMIT),
        device_type=column_text(message.device_type, SHORT_TEXT_LIMIT),
        ip=ip,
        device_id=device_id,
        url=url,
    )


def split_ep_id(ep_id: str) -> tuple[str, str]:
    """Owner and address of ``<owner>__<address>``; both empty where there is no ``__``."""
    owner, mark, address = ep_id.partition("__")
    return (owner, address) if mark else ("", "")


def _pictures(
    texts: tuple[PictureText, ...], pixel_limit: int
) -> tuple[tuple[EventPicture, ...], tuple[RefusedPicture, ...]]:
    taken: list[EventPicture] = []
    refused: list[RefusedPicture] = []
    for text in texts:
        try:
            picture = _picture(text, pixel_limit)
        except (BadBase64, Invalid) as error:
            refused.append(RefusedPicture(PictureKind(text.kind), text.path, error.reason))
        else:
            if picture is not None:
                taken.append(picture)
    return tuple(taken), tuple(refused)


def _picture(text: PictureText, pixel_limit: int) -> EventPicture | None:
    decoded = decode_picture_text(text.text)
    if decoded is None:
        return None
    header = inspect(decoded.data, pixel_limit)
    return EventPicture(
        kind=PictureKind(text.kind),
        path=text.path,
        data=decoded.data,
        digest=hashlib.sha256(decoded.data).digest(),
        media_type=header.media_type,
        width=header.width,
        height=header.height,
        prefix=decoded.prefix if decoded.is_canonical else None,
    )


def _notes(message: Message) -> tuple[str, ...]:
    """What could not be read, and which texts the event holds only in part."""
    cut = [name for name in ("identity_id", "identity_name", "group", "licence", "event_id") if _is_cut(message, name)]
    return (*(column_text(note, TEXT_LIMIT) for note in message.notes), *(f"cut:{name}" for name in cut))


def _is_cut(message: Message, name: str) -> bool:
    return len(getattr(message, name)) > TEXT_LIMIT
