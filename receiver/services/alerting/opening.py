"""Opens alerts that programs tell of: what they name is looked up, so that an alert never is about what is not there."""

from collections.abc import Mapping
from dataclasses import replace

from receiver.domain.alerts import NewAlert
from receiver.domain.errors import Conflict, Invalid, NotFound
from receiver.services.alerting.alerting import Alerting
from receiver.store import alerts, devices, erasures, events, people
from receiver.store.database import Tx
from receiver.store.store import Store


class Opening:
    """The use case behind POST /v1/alerts."""

    def __init__(self, store: Store, alerting: Alerting) -> None:
        self._store = store
        self._alerting = alerting

    def open(self, new: NewAlert) -> int:
        """Opens an alert, or adds to the one that lasts; its id.

        Raises:
            Invalid: ``no_such_event``, ``no_such_device``, ``no_such_gate``, ``no_such_person``.
        """
        with self._store.read() as tx:
            known = _about_event(tx, new)
            _check(tx, known)
        return self._alerting.open(known)

    def device_of(self, alert_id: int) -> int:
        """The device of an alert, whose frames it may have.

        Raises:
            NotFound: ``no_such_alert``.
            Conflict: ``alert_without_device``.
        """
        with self._store.read() as tx:
            row = alerts.find(tx, alert_id)
        if row is None:
            raise NotFound("no_such_alert", f"there is no alert {alert_id}")
        if row.device_id is None:
            raise Conflict("alert_without_device", "frames belong to a device, and the alert names none")
        return int(row.device_id)


def _about_event(tx: Tx, new: NewAlert) -> NewAlert:
    """What is not said is what the event says."""
    if new.event_id is None:
        return new
    event = None if erasures.is_hidden(tx, new.event_id) else events.find(tx, new.event_id)
    if event is None:
        raise Invalid("no_such_event", f"there is no event {new.event_id}")
    return replace(
        new,
        device_id=new.device_id or event.device_id,
        gate_id=new.gate_id or event.gate_id,
        person_id=new.person_id or event.person_id,
        list=event.list,
    )


def _check(tx: Tx, new: NewAlert) -> None:
    wanted: Mapping[str, tuple[int | None, Mapping[int, object]]] = {
        "no_such_device": (new.device_id, devices.found(tx, {new.device_id or 0})),
        "no_such_gate": (new.gate_id, devices.gates_found(tx, {new.gate_id or 0})),
        "no_such_person": (new.person_id, people.found(tx, [new.person_id or 0])),
    }
    for reason, (wanted_id, found) in wanted.items():
        if wanted_id is not None and wanted_id not in found:
            raise Invalid(reason, f"there is nothing with the id {wanted_id}")
