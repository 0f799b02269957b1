"""ServerAPI's words and ours: roles, vehicles that are gates, alerts with a behavior, times without a zone."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from receiver.domain.accounts import Role

ROLES = {"Admin": Role.ADMIN, "Full": Role.REGISTRAR, "Limited": Role.VIEWER}
# A guard may do more than look, and may not make accounts: what `Full` is to its clients.
_SHOWN_ROLES = {Role.ADMIN: "Admin", Role.REGISTRAR: "Full", Role.GUARD: "Full", Role.VIEWER: "Limited"}
# An alert that no vehicle has opened has no word of its own.
UNSAFE, SAFE = "Unsafe", "Safe"


class AlertRow(Protocol):
    """The columns of an alert that are shown."""

    id: int
    gate_id: int | None
    started_at: datetime
    ended_at: datetime | None
    behavior: str | None


class FrameRow(Protocol):
    """The columns of a frame that are shown."""

    id: int
    alert_id: int | None
    taken_at: datetime
    number: int


def to_utc(moment: datetime, zone: ZoneInfo) -> datetime:
    """A time of its clients: one of the site's."""
    return moment.replace(tzinfo=zone).astimezone(UTC)


def to_local(moment: datetime | None, zone: ZoneInfo, separator: str = "T") -> str | None:
    """A time as its clients read it."""
    if moment is None:
        return None
    return moment.astimezone(zone).replace(tzinfo=None, microsecond=0).isoformat(separator)


def role_of(role: str) -> str:
    """A role of ours in its words."""
    return _SHOWN_ROLES[Role(role)]


def to_alert(row: AlertRow, zone: ZoneInfo) -> dict[str, Any]:
    """An alert of a list."""
    return {
        "id": row.id,
        "alert_id": row.id,
        "truck_id": row.gate_id,
        "alert_init": to_local(row.started_at, zone),
        "alert_end": to_local(row.ended_at, zone),
        "behavior": row.behavior or UNSAFE,
        "started": row.ended_at is None,
    }


def to_last_alert(row: AlertRow, zone: ZoneInfo) -> dict[str, Any]:
    """The last alert within a list of vehicles: its times are written in another way there."""
    return {
        "id": row.id,
        "alert_init": to_local(row.started_at, zone, " "),
        "alert_end": to_local(row.ended_at, zone, " ") or "",
        "behavior": row.behavior or UNSAFE,
        "started": row.ended_at is None,
    }


def to_frame(row: FrameRow, picture: bytes | None, zone: ZoneInfo) -> dict[str, Any]:
    """A frame, its picture under the name of the README and under that of the code."""
    text = "" if picture is None else b64encode(picture).decode()
    return {
        "id": row.id,
        "alert_id": row.alert_id,
        "frame_index": row.number,
        "frame_timestamp": to_local(row.taken_at, zone),
        "frame_image": text,
        "frame": text,
    }


def to_status(gate: Any, alert: AlertRow | None, frame: dict[str, Any] | None, zone: ZoneInfo) -> dict[str, Any]:
    """How a vehicle is just now."""
    is_lasting = alert is not None and alert.ended_at is None
    return {
        "deviceId": gate.device_id,
        "truck_id": gate.id,
        "lastAlert": None if alert is None else alert.behavior or UNSAFE,
        "lastAlertTimestamp": None if alert is None else to_local(alert.started_at, zone),
        "lastFrameStatus": None
        if frame is None
        else {
            "behavior": (alert.behavior or UNSAFE) if is_lasting and alert is not None else SAFE,
            "frame": frame["frame"],
            "timestamp": frame["frame_timestamp"],
        },
        "startTime": to_local(gate.first_seen, zone),
    }


def paged(name: str, rows: list[dict[str, Any]], total: int, size: int) -> dict[str, Any]:
    """A page with its totals."""
    return {name: rows, "totalPages": -(-total // size), "totalItems": total, "perPage": size}
