"""What an event's entry is in the rows of our tables."""

from dataclasses import dataclass
from typing import Any

from receiver.domain.events import AccessEvent
from receiver.services.intake.entries import ReadEntry
from receiver.store import trust

# Of an event whose faces are not read: nobody has trusted its device.
HELD_BACK = "held"
# In the place of a person type that could not be read: the column has no null.
UNREAD_TYPE = 0


@dataclass(frozen=True, slots=True)
class Ids:
    """The numbers of one entry's rows."""

    event: int
    message: int
    device: int
    gate: int | None


def key_rows(entry: ReadEntry, event_id: int) -> list[dict[str, Any]]:
    """The entry's keys as rows of event_key."""
    return [{"hash": each, "event_id": event_id, "first_seen": entry.received_at} for each in entry.hashes]


def event_row(entry: ReadEntry, ids: Ids, *, is_recognising: bool) -> dict[str, Any]:
    """What the device said as a row of event."""
    seen = entry.event
    return {
        "id": ids.event,
        "received_at": entry.received_at,
        "occurred_at": seen.occurred_at or entry.received_at,
        "has_device_time": seen.occurred_at is not None,
        "channel": seen.channel,
        "generation": seen.generation,
        "api_version": seen.api_version,
        "device_id": ids.device,
        "gate_id": ids.gate,
        "identity_id": seen.identity_id,
        "identity_name": seen.identity_name,
        "identity_group": seen.group,
        "reported_list": seen.list,
        "person_type": UNREAD_TYPE if seen.person_type is None else seen.person_type,
        "want_action": seen.want_action,
        "score": seen.score,
        "score_raw": seen.score_raw,
        "entered_at": seen.entered_at,
        "left_at": seen.left_at,
        "fiqa_result": seen.fiqa_result,
        "reported": _reported(seen),
        "attributes": dict(seen.attributes),
        "list": seen.list,
        **first_word(seen.list, is_recognising=is_recognising, is_held=entry.standing.is_held),
        "unverified": trust.WAITING if entry.standing.is_held else None,
        "unverified_bytes": entry.size if entry.standing.is_held else None,
    }


def first_word(list_name: str, *, is_recognising: bool, is_held: bool) -> dict[str, str]:
    """What is said of an event before its faces are read; of one that is held back, nothing."""
    if is_held:
        return {"recognition": HELD_BACK, "blacklist_said_by": ""}
    return {
        "recognition": "pending" if is_recognising else "off",
        "blacklist_said_by": "device" if list_name == "blacklist" else "",
    }


def _reported(seen: AccessEvent) -> dict[str, Any]:
    """What else the device said: shown with the event, never searched."""
    return {
        "licence": seen.licence,
        "ep_id": seen.gate.ep_id,
        "device_ip": seen.gate.ip,
        "device_type": seen.gate.device_type,
        "stream_url": seen.gate.url,
        "grab_quality": dict(seen.grab_quality),
        "box_quality": dict(seen.box_quality),
        "notes": list(seen.notes),
        "identity_info": dict(seen.identity_info),
        "extra": dict(seen.extra),
    }


def picture_rows(entry: ReadEntry, event_id: int, message_id: int) -> list[dict[str, Any]]:
    """The pictures' places as rows of event_picture."""
    rows: list[dict[str, Any]] = []
    slots = {slot.path: {"path": slot.path, "prefix": slot.prefix} for slot in entry.slots}
    for position, picture in enumerate(entry.event.pictures):
        rows.append(
            {
                "message_id": message_id,
                "position": position,
                "event_id": event_id,
                "kind": picture.kind,
                "slot": slots.get(picture.path),
                "digest": picture.digest,
                "media_type": picture.media_type,
                "width": picture.width,
                "height": picture.height,
                "refused": None,
            }
        )
    for position, refused in enumerate(entry.event.refused, start=len(rows)):
        rows.append(
            {
                "message_id": message_id,
                "position": position,
                "event_id": event_id,
                "kind": refused.kind,
                "slot": None,
                "digest": None,
                "media_type": "",
                "width": 0,
                "height": 0,
                "refused": refused.reason,
            }
        )
    return rows
