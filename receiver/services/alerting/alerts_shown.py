"""Alerts as plain values: lists, one with its events, frames, people and pictures side by side, and figures of a period."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from receiver.domain.accounts import NO_LIMITS, Limits
from receiver.domain.alert_words import sentence_of
from receiver.domain.errors import Invalid, NotFound
from receiver.domain.events import PictureKind
from receiver.services.asking.asking import Page, shown_link
from receiver.services.devices.devices_shown import shown_device, shown_gate
from receiver.store import alert_lists, alerts, devices, events, faces, frames, listing, people, sight
from receiver.store.alert_lists import AlertFilter
from receiver.store.database import Row, Tx
from receiver.store.store import Store

# Of one alert: the newest, and more on pages of their own.
SHOWN_EVENTS, SHOWN_FRAMES = 20, 6
THUMBNAIL_WIDTH = 200
LONGEST_PERIOD = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class _Around:
    """What is shown with alerts: looked up once for a whole page."""

    devices: Mapping[int, Row]
    gates: Mapping[int, Row]
    people: Mapping[int, Row]
    about: Mapping[int, int]
    accounts: Mapping[int, str]
    frames: Mapping[int, int]


class AlertsShown:
    """The read side."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(self, wanted: AlertFilter) -> Page:
        """Alerts newest first."""
        with self._store.read() as tx:
            rows = alert_lists.listed(tx, replace(wanted, limit=wanted.limit + 1))
            shown = rows[: wanted.limit]
            around = _around(tx, shown)
        cursor = str(shown[-1].id) if len(rows) > wanted.limit else None
        return Page([_shown(row, around) for row in shown], cursor)

    def alert(self, alert_id: int, limits: Limits = NO_LIMITS) -> dict[str, Any]:
        """One alert with everything about it.

        Raises:
            NotFound: ``no_such_alert``: there is none with that id within the limits.
        """
        with self._store.read() as tx:
            row = _found(tx, alert_id, limits)
            around = _around(tx, [row])
            person = around.people.get(around.about.get(row.id, 0))
            return {
                **_shown(row, around),
                "side_by_side": _side_by_side(tx, row, person),
                "event_list": _events(tx, row, limits),
                "frame_list": [shown_frame(each) for each in frames.newest_of_alert(tx, row.id, None, SHOWN_FRAMES)],
                "steps": [
                    {"kind": each.kind, "at": each.at, "by": each.by, "text": each.text}
                    for each in alerts.steps_of(tx, row.id)
                ],
            }

    def frames(self, alert_id: int, before: int | None, limit: int, limits: Limits = NO_LIMITS) -> Page:
        """An alert's frames, newest first.

        Raises:
            NotFound: ``no_such_alert``.
        """
        with self._store.read() as tx:
            _found(tx, alert_id, limits)
            rows = frames.newest_of_alert(tx, alert_id, before, limit + 1)
        shown = rows[:limit]
        return Page([shown_frame(row) for row in shown], str(shown[-1].id) if len(rows) > limit else None)

    def frame(self, frame_id: int) -> dict[str, Any]:
        """One frame.

        Raises:
            NotFound: ``no_frame``.
        """
        with self._store.read() as tx:
            row = frames.find(tx, frame_id)
        if row is None:
            raise NotFound("no_frame", f"there is no frame {frame_id}; it may have been kept for long enough")
        return shown_frame(row)

    def last_frame(self, device_id: int, limits: Limits = NO_LIMITS) -> dict[str, Any]:
        """A device's newest frame, calm or of an alert.

        Raises:
            NotFound: ``no_such_device``, ``no_frame``.
        """
        with self._store.read() as tx:
            if not sight.sees_device(tx, limits, device_id):
                raise NotFound("no_such_device", f"there is no device {device_id}")
            row = frames.last_of(tx, device_id)
        if row is None:
            raise NotFound("no_frame", "the device has sent no frame, or they were kept for long enough")
        return shown_frame(row)

    def statistics(self, since: datetime, until: datetime, limits: Limits = NO_LIMITS) -> dict[str, Any]:
        """How many alerts were opened in a period, of what sort, when, and how soon they were answered; aware times.

        Raises:
            Invalid: ``bad_period``: it ends before it begins, or is longer than 92 days.
        """
        if not timedelta() < until - since <= LONGEST_PERIOD:
            raise Invalid("bad_period", "a period ends after it begins, and is at most 92 days long")
        with self._store.read() as tx:
            found = alert_lists.figures(tx, since, until, limits)
            hours = alert_lists.by_hour(tx, since, until, limits)
        return {
            "from": since,
            "to": until,
            "total": sum(found.by.values()),
            **{f"by_{name}": _summed(found.by, place) for place, name in enumerate(alert_lists.GROUPED_BY)},
            "by_hour": [{"at": at, "count": number} for at, number in hours],
            "acknowledged": _took(found.answered),
            "closed": _took(found.closed),
        }


def _summed(by: Mapping[tuple[Any, ...], int], place: int) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for key, number in by.items():
        if key[place] not in {None, ""}:
            counts[str(key[place])] += number
    return dict(counts.most_common())


def _took(figures: tuple[int, float]) -> dict[str, Any]:
    number, seconds = figures
    return {"count": number, "mean_seconds": round(seconds / number, 1) if number else None}


def _found(tx: Tx, alert_id: int, limits: Limits) -> Row:
    row = alert_lists.found(tx, alert_id, limits)
    if row is None:
        raise NotFound("no_such_alert", f"there is no alert {alert_id}")
    return row


def _around(tx: Tx, rows: Sequence[Row]) -> _Around:
    about = alert_lists.people_of(tx, rows)
    return _Around(
        devices=devices.found(tx, {row.device_id for row in rows if row.device_id is not None}),
        gates=devices.gates_found(tx, {row.gate_id for row in rows if row.gate_id is not None}),
        people=people.found(tx, set(about.values())),
        about=about,
        accounts=alert_lists.account_names(tx, {row.assigned_to for row in rows if row.assigned_to is not None}),
        frames=frames.counts(tx, [row.id for row in rows]),
    )


def _shown(row: Row, around: _Around) -> dict[str, Any]:
    names = (
        "id", "kind", "severity", "state", "source", "title", "list", "behavior", "events", "detail", "opened_at",
        "started_at", "last_at", "ended_at", "updated_at", "acknowledged_at", "closed_at", "note", "escalate_at",
        "escalated_at",
    )  # fmt: skip
    person = around.people.get(around.about.get(row.id, 0))
    return {
        **{name: getattr(row, name) for name in names},
        "sentence": sentence_of(row.kind),
        "rule": row.rule_id,
        "device": shown_device(around.devices.get(row.device_id or 0)),
        "gate": shown_gate(around.gates.get(row.gate_id or 0)),
        "person": None if person is None else {"id": person.id, "name": person.name, "list": person.list},
        "event": row.event_id,
        "frames": around.frames.get(row.id, 0),
        "verified": not row.is_unverified,
        "acknowledged_by": row.acknowledged_by or None,
        "closed_by": row.closed_by or None,
        "outcome": row.outcome or None,
        "assigned_to": None
        if row.assigned_to is None
        else {"id": row.assigned_to, "name": around.accounts.get(row.assigned_to)},
    }


def _side_by_side(tx: Tx, row: Row, person: Row | None) -> dict[str, Any]:
    """The pictures by which somebody judges: the library's, the face at the gate, and the whole scene."""
    event = None if row.event_id is None else events.find(tx, row.event_id)
    shown = {} if event is None else _pictures(events.pictures_of(tx, [event.id])[event.id])
    return {
        "reference": _reference(tx, event, person),
        "face": shown.get(PictureKind.FACE),
        "scene": shown.get(PictureKind.SCENE),
    }


def _reference(tx: Tx, event: Row | None, person: Row | None) -> dict[str, Any] | None:
    """The face that was matched, while it is the person's; else the person's best one."""
    if person is None:
        return None
    matched = ((event.decision_detail if event is not None else None) or {}).get("face")
    face = None if matched is None else faces.find(tx, matched)
    if face is not None and face.person_id == person.id:
        return _picture(face.digest)
    best = listing.best_pictures(tx, [person.id]).get(person.id)
    return None if best is None else _picture(best)


def _events(tx: Tx, row: Row, limits: Limits) -> list[dict[str, Any]]:
    ids = [each for each in alerts.events_of(tx, row.id, SHOWN_EVENTS) if sight.sees_event(tx, limits, each)]
    pictures = events.pictures_of(tx, ids)
    found = [events.find(tx, event_id) for event_id in ids]
    return [
        {"id": each.id, "occurred_at": each.occurred_at, "gate": each.gate_id, "pictures": _pictures(pictures[each.id])}
        for each in found
        if each is not None
    ]


def _pictures(rows: Sequence[Row]) -> dict[str, Any]:
    return {row.kind: _picture(row.digest) for row in reversed(rows) if row.digest is not None}


def _picture(digest: bytes) -> dict[str, Any]:
    link = shown_link(digest)
    return {**link, "thumbnail": f"{link['url']}?width={THUMBNAIL_WIDTH}"}


def shown_frame(row: Row) -> dict[str, Any]:
    """A frame."""
    return {
        "id": row.id,
        "device": row.device_id,
        "alert": row.alert_id,
        "index": row.number,
        "taken_at": row.taken_at,
        "received_at": row.received_at,
        "media_type": row.media_type,
        "width": row.width,
        "height": row.height,
        **_picture(row.digest),
    }
