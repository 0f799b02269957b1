"""What vehicles tell: alerts that begin and end, frames of them, and calm frames; of a vehicle that nobody trusts, so much."""

import time
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

from receiver.domain.alerts import NewAlert, Severity, Source
from receiver.domain.errors import Conflict, Forbidden, NotFound, Unavailable
from receiver.domain.trust import TrustRules
from receiver.services.alerting.alerting import Alerting
from receiver.services.alerting.frames import Frames, NewFrame
from receiver.services.vehicles.registering import Vehicle
from receiver.store import vehicles
from receiver.store.store import Store

KIND = "behavior"
SEVERITY = {"Safe": Severity.INFO, "Tamper": Severity.CRITICAL}
# What a vehicle may be told of an alert: that there is none that it could still change.
GONE = "no_such_alert"
# How long what is kept of pending vehicles is taken for known.
COUNTED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame as it came: encoded, when it was taken, and the sender's own count."""

    data: bytes
    taken_at: datetime
    number: int


class Reporting:
    """The use cases of vehicles."""

    def __init__(self, store: Store, alerting: Alerting, frames: Frames, rules: TrustRules) -> None:
        self._store = store
        self._alerting = alerting
        self._frames = frames
        self._rules = rules
        self._full_until: dict[int, float] = {}

    def begin(self, vehicle: Vehicle, gate_id: int, started_at: datetime, behavior: str) -> int:
        """Opens an alert; its id.

        Raises:
            NotFound: ``no_such_gate``: the vehicle is another one.
            Unavailable: ``pending_full``.
        """
        check_gate(vehicle, gate_id)
        self._check_room(vehicle)
        new = NewAlert(
            kind=KIND,
            severity=SEVERITY.get(behavior, Severity.WARNING),
            source=Source.DEVICE,
            started_at=started_at,
            device_id=vehicle.device_id,
            gate_id=vehicle.gate_id,
            behavior=behavior,
            title=behavior,
            is_unverified=not vehicle.is_trusted,
        )
        return self._alerting.open(new)

    def end(self, vehicle: Vehicle, alert_id: int, ended_at: datetime) -> None:
        """Ends an alert.

        Raises:
            NotFound: ``no_such_alert``: there is none, it is another device's, or it has ended before.
        """
        try:
            self._alerting.end(alert_id, ended_at, vehicle.device_id)
        except (Conflict, Forbidden, NotFound) as error:
            raise NotFound(GONE, "there is no such alert of this vehicle that lasts") from error

    def add_frame(self, vehicle: Vehicle, alert_id: int, picture: Picture) -> int:
        """Keeps a frame of an alert; its id.

        Raises:
            NotFound: ``no_such_alert``: there is none, it is another device's, or it has ended.
            Invalid: ``not_a_picture``, ``too_many_pixels``.
            Unavailable: ``pending_full``, ``disk_full``.
        """
        future = self.begin_frame(vehicle, alert_id, picture)
        self.flush_frames()
        return frame_id_of(future)

    def add_calm(self, vehicle: Vehicle, gate_id: int, picture: Picture) -> int:
        """Keeps a calm frame; its id.

        Raises:
            NotFound: ``no_such_gate``: the vehicle is another one.
            Invalid: ``not_a_picture``, ``too_many_pixels``.
            Unavailable: ``pending_full``, ``disk_full``.
        """
        future = self.begin_calm(vehicle, gate_id, picture)
        self.flush_frames()
        return frame_id_of(future)

    def begin_frame(self, vehicle: Vehicle, alert_id: int, picture: Picture) -> "Future[int]":
        """Lines a frame of an alert up; after the next flush ``frame_id_of`` the future gives its id.

        Raises:
            Invalid: ``not_a_picture``, ``too_many_pixels``.
            Unavailable: ``pending_full``, ``disk_full``.
        """
        self._check_room(vehicle)
        return self._frames.begin(NewFrame(vehicle.device_id, alert_id, picture.data, picture.taken_at, picture.number))

    def begin_calm(self, vehicle: Vehicle, gate_id: int, picture: Picture) -> "Future[int]":
        """The same for a calm frame.

        Raises:
            NotFound: ``no_such_gate``: the vehicle is another one.
            Invalid: ``not_a_picture``, ``too_many_pixels``.
            Unavailable: ``pending_full``, ``disk_full``.
        """
        check_gate(vehicle, gate_id)
        self._check_room(vehicle)
        return self._frames.begin(NewFrame(vehicle.device_id, None, picture.data, picture.taken_at, picture.number))

    def flush_frames(self) -> None:
        """Commits the frames that are lined up."""
        self._frames.flush()

    def _check_room(self, vehicle: Vehicle) -> None:
        """Anybody can register: of those whom nobody trusts so much is kept, and no more.

        Raises:
            Unavailable: ``pending_full``.
        """
        if vehicle.is_trusted:
            return
        if self._full_until.get(vehicle.device_id, 0.0) > time.monotonic() or not self._has_room(vehicle.device_id):
            raise Unavailable(
                "pending_full", "nobody has trusted this device, and enough is kept of it; trust it, or block it"
            )

    def _has_room(self, device_id: int) -> bool:
        with self._store.read() as tx:
            number, size = vehicles.kept_of(tx, device_id)
            number_in_all, size_in_all = vehicles.kept_of(tx)
        rules = self._rules
        has_room = number < rules.events_each and size < rules.bytes_each
        has_room = has_room and number_in_all < rules.events_in_all and size_in_all < rules.bytes_in_all
        if not has_room:
            self._full_until = {each: end for each, end in self._full_until.items() if end > time.monotonic()} | {
                device_id: time.monotonic() + COUNTED_SECONDS
            }
        return has_room


def frame_id_of(future: "Future[int]") -> int:
    """The id of a frame that was lined up, and the line flushed.

    Raises:
        NotFound: ``no_such_alert``: there is none, it is another device's, or it has ended.
        Unavailable: the database does not work just now.
    """
    try:
        return future.result()
    except (Conflict, Forbidden, NotFound) as error:
        raise NotFound(GONE, "there is no such alert of this vehicle that lasts") from error


def check_gate(vehicle: Vehicle, gate_id: int) -> None:
    """A vehicle speaks for itself alone.

    Raises:
        NotFound: ``no_such_gate``.
    """
    if gate_id != vehicle.gate_id:
        raise NotFound("no_such_gate", "the vehicle has another id")
