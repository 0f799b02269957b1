"""What front ends of vehicles ask for: pages of alerts, of gates and of accounts, frames, and how a gate is just now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receiver.domain.accounts import Limits
from receiver.domain.errors import NotFound
from receiver.store import alerts, devices, frames, sight, vehicles
from receiver.store.database import Row, Tx
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from receiver.store.vehicles import GateFilter, VehicleAlerts, Window


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of a list, and how many there are in all."""

    total: int
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """A frame with its picture, None if that is no longer there."""

    row: Row
    picture: bytes | None


@dataclass(frozen=True, slots=True)
class GateNow:
    """How a gate is: its row, its last alert, and its newest frame."""

    gate: Row
    alert: Row | None
    frame: ShownFrame | None


class VehiclesShown:
    """The read side; nothing that is out of whoever asks's sight."""

    def __init__(self, store: Store, pictures: Pictures) -> None:
        self._store = store
        self._pictures = pictures

    def alerts(self, wanted: VehicleAlerts) -> Rows:
        """A page of alerts."""
        with self._store.read() as tx:
            return Rows(*vehicles.alerts(tx, wanted))

    def frames(
        self, alert_id: int, since: tuple[datetime | None, int | None], window: Window, limits: Limits
    ) -> list[ShownFrame]:
        """A page of an alert's frames; none of an alert that is not there."""
        with self._store.read() as tx:
            if not alerts.in_sight(tx, [alert_id], limits):
                return []
            rows = vehicles.frames_of(tx, alert_id, since, window)
        return [self._shown(row) for row in rows]

    def last_frame(self, gate_id: int, limits: Limits) -> ShownFrame:
        """The newest frame of a gate, calm or of an alert.

        Raises:
            NotFound: ``no_such_gate``; ``no_frames``: there is none.
        """
        found = self.now(gate_id, limits).frame
        if found is None:
            raise NotFound("no_frames", "that gate has sent no frame")
        return found

    def now(self, gate_id: int, limits: Limits) -> GateNow:
        """How a gate is just now.

        Raises:
            NotFound: ``no_such_gate``.
        """
        with self._store.read() as tx:
            gate = devices.gates_found(tx, {gate_id}).get(gate_id)
            if gate is None or (limits.gates and gate_id not in limits.gates):
                raise NotFound("no_such_gate", "there is no gate with that id")
            last = vehicles.last_alerts(tx, [gate_id], limits).get(gate_id)
            frame = frames.last_of(tx, gate.device_id)
            seen = frame if frame is not None and _is_in_sight(tx, frame, limits) else None
        return GateNow(gate, last, None if seen is None else self._shown(seen))

    def gates(self, wanted: GateFilter, *, with_alerts: bool) -> tuple[Rows, Mapping[int, int], Mapping[int, Row]]:
        """A page of gates; with how many alerts each has, and the last one, if that is asked for."""
        with self._store.read() as tx:
            found = Rows(*vehicles.gates(tx, wanted))
            if not with_alerts:
                return found, {}, {}
            ids = [row.id for row in found.rows]
            return found, vehicles.alert_counts(tx, ids, wanted.limits), vehicles.last_alerts(tx, ids, wanted.limits)

    def users(self, wanted: Mapping[str, Any], window: Window) -> Rows:
        """A page of accounts."""
        with self._store.read() as tx:
            return Rows(*vehicles.users(tx, wanted, window))

    def _shown(self, row: Row) -> ShownFrame:
        kept = self._pictures.get(row.digest)
        return ShownFrame(row, None if kept is None else kept.data)


def _is_in_sight(tx: Tx, frame: Row, limits: Limits) -> bool:
    if frame.alert_id is None:
        return sight.sees_device(tx, limits, frame.device_id)
    return bool(alerts.in_sight(tx, [frame.alert_id], limits))
