"""Opens, answers and closes alerts; each change is told in its own transaction: by a step, an announcement and a notice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver import metrics
from receiver.domain.alerts import (
    TOLD,
    AlertNotice,
    AlertState,
    Change,
    NewAlert,
    Outcome,
    Source,
    Standing,
    after,
    is_repeat,
    storable,
)
from receiver.domain.errors import Conflict, Forbidden, NotFound
from receiver.store import accounts, alerts, announcements
from receiver.store.database import Row, Tx
from receiver.store.store import Store
from receiver.translation.texts import column_text

# Told of each change that concerns whoever subscribes, within its transaction.
Notices = Callable[[Tx, AlertNotice], None]
# Who does what nobody did by hand.
SERVER = "server"
# Of an alert, for those who follow: ids and words, never a name.
FACTS = (
    "kind", "severity", "state", "source", "title", "rule_id", "device_id", "gate_id", "person_id", "list", "event_id", "behavior",
    "events", "assigned_to", "outcome",
)  # fmt: skip


def nobody_told(_tx: Tx, _notice: AlertNotice) -> None:
    """Where nobody subscribes."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What one transaction did to one alert."""

    alert: Row
    change: Change
    by: str = SERVER


class Alerting:
    """What devices, programs, people and rules do with alerts.

    Args:
        ring: wakes whoever follows announcements; called after a commit.
        notices: passes changes on.
    """

    def __init__(self, store: Store, ring: Callable[[], None], notices: Notices = nobody_told) -> None:
        self._store = store
        self._notices = notices
        self.ring = ring

    def open(self, new: NewAlert) -> int:
        """Opens an alert, or adds to one that lasts; its id."""
        with self._store.write() as tx:
            (alert_id,) = self.open_in(tx, [new], datetime.now(UTC))
        self.ring()
        return alert_id

    def open_in(self, tx: Tx, new: Sequence[NewAlert], now: datetime) -> list[int]:
        """The same for several, at the end of a transaction of the caller's, who rings after its commit."""
        # In one order in every process, or two of them would wait for each other.
        order = sorted(range(len(new)), key=lambda place: new[place].key or "")
        happened = {place: _opened(tx, _with_time(new[place]), now) for place in order}
        self.tell(tx, list(happened.values()), now)
        return [int(happened[place].alert.id) for place in range(len(new))]

    def end(self, alert_id: int, ended_at: datetime, device_id: int | None = None) -> None:
        """What an alert is about is over; whoever looks at alerts still has to close it.

        Args:
            alert_id: which.
            ended_at: aware.
            device_id: the device that says so; None: nobody in particular.

        Raises:
            NotFound: ``no_such_alert``.
            Forbidden: ``foreign_alert``: it is another device's.
            Conflict: ``alert_over``: it has ended before.
        """

        def values(alert: Row) -> dict[str, Any]:
            check_device(alert, device_id)
            over_at = storable(ended_at)
            return {"ended_at": max(over_at, alert.started_at), "last_at": max(over_at, alert.last_at)}

        self._change(alert_id, Change.ENDED, "" if device_id is None else f"device {device_id}", values)

    def acknowledge(self, alert_id: int, by: str, note: str = "") -> None:
        """Somebody looks after it; a second time nothing changes.

        Raises:
            NotFound: ``no_such_alert``.
            Conflict: ``alert_closed``.
        """

        def values(alert: Row) -> dict[str, Any] | None:
            if alert.state == AlertState.ACKNOWLEDGED:
                return None
            return {"acknowledged_by": by[:255], "acknowledged_at": datetime.now(UTC), "escalate_at": None}

        self._change(alert_id, Change.ACKNOWLEDGED, by, values, note)

    def assign(self, alert_id: int, by: str, account_id: int | None) -> None:
        """An account is to look after it; None: no longer anybody.

        Raises:
            NotFound: ``no_such_alert``, ``no_such_account``.
            Conflict: ``alert_closed``.
        """
        if account_id is not None:
            with self._store.read() as tx:
                if accounts.find(tx, account_id) is None:
                    raise NotFound("no_such_account", "there is no account with that id")
        said = "" if account_id is None else f"account {account_id}"
        self._change(alert_id, Change.ASSIGNED, by, lambda _alert: {"assigned_to": account_id}, said)

    def close(self, alert_id: int, by: str, outcome: Outcome, note: str = "") -> None:
        """It has been dealt with.

        Raises:
            NotFound: ``no_such_alert``.
            Conflict: ``alert_closed``.
        """
        self._change(alert_id, Change.CLOSED, by, lambda alert: closing(alert, by, outcome, note), note)

    def close_in(self, tx: Tx, alert_id: int, outcome: Outcome, now: datetime) -> bool:
        """Closes an alert at the end of a transaction of the caller's, as the server, for its cause has gone away.

        Whoever calls rings after the commit. False if it is closed already, or there is none.
        """
        alert = alerts.held(tx, alert_id)
        if alert is None or alert.state == AlertState.CLOSED:
            return False
        changed = alerts.change(tx, alert_id, _closed_now(alert, outcome, now))
        alerts.add_step(tx, alert_id, Change.CLOSED, (SERVER, now))
        self.tell(tx, [Happened(changed, Change.CLOSED)], now)
        return True

    def comment(self, alert_id: int, by: str, said: str) -> None:
        """Something to remember of it; also when it is closed.

        Raises:
            NotFound: ``no_such_alert``.
        """
        self._change(alert_id, Change.COMMENTED, by, lambda _alert: {}, said)

    def escalate(self, now: datetime, limit: int = 100) -> int:
        """Tells somebody else of the alerts that nobody has answered in time; how many."""
        with self._store.write() as tx:
            happened = [self._escalated(tx, alert_id, now) for alert_id in alerts.to_escalate(tx, now, limit)]
            told = [each for each in happened if each is not None]
            self.tell(tx, told, now)
        if told:
            self.ring()
        return len(told)

    def tell(self, tx: Tx, happened: Sequence[Happened], now: datetime) -> None:
        """Announces changes and passes them on: the last that a transaction does."""
        for each in happened:
            metrics.ALERTS.labels(each.change, each.alert.severity).inc()
        heard = [each for each in happened if not each.alert.is_unverified]
        for each in heard:
            if each.change in TOLD:
                self._notices(tx, AlertNotice(each.alert.id, each.change, now, facts_of(each.alert)))
        for each in heard:
            announcements.note(tx, each.change, each.alert.id, {**facts_of(each.alert), "by": each.by}, now)

    def _change(
        self, alert_id: int, change: Change, by: str, values: Callable[[Row], Mapping[str, Any] | None], said: str = ""
    ) -> None:
        now = datetime.now(UTC)
        with self._store.write() as tx:
            alert = held(tx, alert_id)
            state = after(standing_of(alert), change).state
            new = values(alert)
            if new is None:
                return
            changed = alerts.change(tx, alert_id, {**new, "state": state.value, "updated_at": now})
            alerts.add_step(tx, alert_id, change, (by, now), column_text(said, 4000))
            self.tell(tx, [Happened(changed, change, by)], now)
        self.ring()

    def _escalated(self, tx: Tx, alert_id: int, now: datetime) -> Happened | None:
        alert = alerts.held(tx, alert_id)
        try:
            # Somebody may have answered, or another worker been faster.
            after(standing_of(alert), Change.ESCALATED) if alert is not None else None
        except Conflict:
            return None
        changed = alerts.change(tx, alert_id, {"escalate_at": None, "escalated_at": now, "updated_at": now})
        alerts.add_step(tx, alert_id, Change.ESCALATED, (SERVER, now))
        return Happened(changed, Change.ESCALATED)


def _with_time(new: NewAlert) -> NewAlert:
    return replace(new, started_at=storable(new.started_at))


def _opened(tx: Tx, new: NewAlert, now: datetime) -> Happened:
    """Opens an alert, or adds to the one that lasts."""
    if new.key is not None:
        present = _present(tx, new, new.key, now)
        if present is not None:
            return _repeated(tx, present, new, now)
    alert = alerts.add(tx, _row(new, now))
    if new.event_id is not None:
        alerts.add_event(tx, alert.id, new.event_id)
    if new.key is not None:
        alerts.keep_key(tx, new.key, alert.id, new.started_at)
    return Happened(alert, Change.OPENED, _opener(new))


def _present(tx: Tx, new: NewAlert, key: str, now: datetime) -> Row | None:
    """The alert to which what is new belongs; None: it is one of its own.

    Mostly that is the newest one. A device that tells of an hour that it was offline beside the present goes back and forth.
    """
    newest = alerts.claim_key(tx, key, now)
    present = None if newest.alert_id is None else alerts.held(tx, newest.alert_id)
    if present is not None and _lasts(present, new):
        return present
    earlier = alerts.last_begun(tx, key, new.started_at + timedelta(seconds=new.suppress_seconds))
    return earlier if earlier is not None and _lasts(earlier, new) else None


def _lasts(present: Row, new: NewAlert) -> bool:
    """Whether the alert is not closed, and what is new belongs to it: who was dealt with and comes again is new."""
    lasting = (present.started_at, present.last_at)
    return present.state != AlertState.CLOSED and is_repeat(lasting, new.started_at, new.suppress_seconds)


def _repeated(tx: Tx, present: Row, new: NewAlert, now: datetime) -> Happened:
    if new.event_id is not None:
        alerts.add_event(tx, present.id, new.event_id)
    last_at = max(present.last_at, new.started_at)
    values = {
        "events": present.events + (new.event_id is not None),
        "started_at": min(present.started_at, new.started_at),
        "last_at": last_at,
        "updated_at": now,
    }
    alerts.keep_key(tx, present.key, present.id, last_at)
    return Happened(alerts.change(tx, present.id, values), Change.REPEATED, _opener(new))


def _row(new: NewAlert, now: datetime) -> dict[str, Any]:
    is_escalating = new.escalate_seconds is not None and not new.is_unverified
    return {
        "kind": new.kind,
        "severity": new.severity.value,
        "state": AlertState.OPEN.value,
        "source": new.source.value,
        "title": column_text(new.title, 255),
        "rule_id": new.rule_id,
        "device_id": new.device_id,
        "gate_id": new.gate_id,
        "person_id": new.person_id,
        "list": new.list,
        "event_id": new.event_id,
        "behavior": new.behavior,
        "key": new.key,
        "events": 0 if new.event_id is None else 1,
        "detail": dict(new.detail),
        "is_unverified": new.is_unverified,
        "opened_at": now,
        "started_at": new.started_at,
        "last_at": new.started_at,
        "updated_at": now,
        "escalate_at": now + timedelta(seconds=new.escalate_seconds or 0) if is_escalating else None,
    }


def _opener(new: NewAlert) -> str:
    if new.source is Source.RULE:
        return f"rule {new.rule_id}"
    return f"device {new.device_id}" if new.source is Source.DEVICE else new.source.value


def _closed_now(alert: Row, outcome: Outcome, now: datetime) -> dict[str, Any]:
    state = after(standing_of(alert), Change.CLOSED).state
    return closing(alert, SERVER, outcome, "") | {"state": state.value, "closed_at": now, "updated_at": now}


def closing(alert: Row, by: str, outcome: Outcome, note: str) -> dict[str, Any]:
    """The columns of an alert that is closed now."""
    now = datetime.now(UTC)
    return {
        "closed_by": by[:255],
        "closed_at": now,
        "outcome": outcome.value,
        "note": column_text(note, 4000),
        "ended_at": alert.ended_at or now,
        "escalate_at": None,
    }


def held(tx: Tx, alert_id: int) -> Row:
    """One alert, that stays as it is until this write transaction has ended.

    Raises:
        NotFound: ``no_such_alert``.
    """
    found = alerts.held(tx, alert_id)
    if found is None:
        raise NotFound("no_such_alert", "there is no alert with that id")
    return found


def check_device(alert: Row, device_id: int | None) -> None:
    """Raises Forbidden, ``foreign_alert``, where a device speaks of another one's alert."""
    if device_id is not None and alert.device_id != device_id:
        raise Forbidden("foreign_alert", "the alert is another device's")


def standing_of(alert: Row) -> Standing:
    """What decides on what may happen to an alert."""
    return Standing(AlertState(alert.state), alert.ended_at is not None, alert.escalated_at is not None)


def facts_of(alert: Row) -> dict[str, Any]:
    """An alert for those who follow."""
    ended_at = None if alert.ended_at is None else alert.ended_at.isoformat()
    times = {"started_at": alert.started_at.isoformat(), "ended_at": ended_at}
    return {name: getattr(alert, name) for name in FACTS} | times
