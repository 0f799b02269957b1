"""Keeps what boxes report of themselves: figures, addresses and the state of their capture devices.

Of a box that nobody has trusted only that it was there is noted; of a blocked one, nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain.device_status import DeviceStatus, SubDevice
from receiver.domain.errors import NotFound
from receiver.domain.trust import Claim, State
from receiver.services.devices.device_book import DeviceBook
from receiver.store import devices, trust
from receiver.store.database import Tx
from receiver.store.store import Store
from receiver.translation.device_status import to_status
from schemas import device_status
from schemas.errors import UnreadableBody

NOTED_EVERY = timedelta(minutes=1)
NOTED_PEERS = 1000
# Reports and the capture devices in them, in one request: each takes a moment of a transaction for which all others wait.
ROWS_LIMIT = 2000
NEVER = datetime.min.replace(tzinfo=UTC)


class Statuses:
    """The use case behind DeviceStatus and its siblings."""

    def __init__(self, store: Store, book: DeviceBook) -> None:
        self._store = store
        self._book = book
        self._noted: dict[str, datetime] = {}

    def record(self, items: Sequence[object], peer: str, proofs: tuple[bytes, ...] = ()) -> None:
        """Keeps reports, all or none; the newest of a device replaces the one before.

        Args:
            items: the reports.
            peer: the address that they came from.
            proofs: as in ``receiver.domain.trust.Claim``.

        Raises:
            schemas.errors.UnreadableItem: one is no report.
            schemas.errors.UnreadableBody: ``too_many_sub_devices``.
        """
        statuses = _read(items)
        now = datetime.now(UTC)
        with self._book.staged(), self._store.write() as tx:
            self._book.refresh(tx)
            for status in statuses:
                licence = status.licence or next((each.owner for each in status.sub_devices if each.owner), "")
                self._keep(tx, status, Claim(licence, peer, "", proofs), now)

    def note_problem(self, peer: str, reason: str) -> None:
        """Flags the device that speaks from an address; once a minute at the most, for anybody can do it wrong at will."""
        now = datetime.now(UTC)
        if now - self._noted.get(peer, NEVER) < NOTED_EVERY:
            return
        if len(self._noted) > NOTED_PEERS:
            self._noted.clear()
        self._noted[peer] = now
        with self._book.staged(), self._store.write() as tx:
            flagged = devices.flag_by_address(tx, peer, {"problem": reason, "problem_at": now})
            if not flagged:
                self._book.refresh(tx)
                device_id = self._met(tx, Claim("", peer), now)
                if device_id is not None:
                    devices.change(tx, device_id, {"problem": reason, "problem_at": now})

    def put_into_group(self, device_id: int, group: str) -> None:
        """Puts a device into a group; empty takes it out. From its next event on, the group's ids of people hold for it.

        Raises:
            NotFound: there is no such device.
        """
        with self._store.write() as tx:
            if not devices.exists(tx, device_id):
                raise NotFound("no_such_device", f"there is no device {device_id}")
            devices.change(tx, device_id, {"device_group": group})

    def _met(self, tx: Tx, claim: Claim, now: datetime) -> int | None:
        """The device that speaks; None if it is blocked, or one more than may be pending."""
        standing = self._book.look_up(tx, claim)
        if standing.state is State.BLOCKED:
            trust.count_dropped(tx, standing.key, 1)
            return None
        if not self._book.has_room_for(tx, standing, claim.peer):
            return None
        return self._book.device(tx, standing, claim, now)

    def _keep(self, tx: Tx, status: DeviceStatus, claim: Claim, now: datetime) -> None:
        device_id = self._met(tx, claim, now)
        if device_id is None:
            return
        if not self._book.look_up(tx, claim).is_trusted:
            devices.change(tx, device_id, {"last_seen": now, "status_at": now})
            return
        devices.change(tx, device_id, _values(status, now) | {"address": claim.peer, "last_seen": now})
        for sub_device in status.sub_devices:
            _keep_gate(tx, device_id, sub_device, now)


def _read(items: Sequence[object]) -> list[DeviceStatus]:
    statuses: list[DeviceStatus] = []
    rows = 0
    for item in items:
        status = to_status(device_status.read(item))
        rows += 1 + len(status.sub_devices)
        if rows > ROWS_LIMIT:
            raise UnreadableBody(
                "too_many_sub_devices", f"more than {ROWS_LIMIT} reports and capture devices; send fewer at once"
            )
        statuses.append(status)
    return statuses


def _values(status: DeviceStatus, now: datetime) -> dict[str, Any]:
    said = (("name", status.name), ("serial", status.serial), ("mac", status.mac))
    return {name: value for name, value in said if value} | {
        "status_at": now,
        "status": {
            "status": status.status,
            "addresses": list(status.addresses),
            "port": status.port,
            "figures": dict(status.figures),
            "extra": dict(status.extra),
            "notes": list(status.notes),
            "sub_devices": [asdict(each) for each in status.sub_devices],
        },
    }


def _keep_gate(tx: Tx, device_id: int, reported: SubDevice, now: datetime) -> None:
    key = reported.address or reported.ep_id or reported.ip
    if not key:
        return
    values = {
        "address": reported.address,
        "name": reported.name,
        "device_type": reported.device_type,
        "ip": reported.ip,
        "status": reported.status,
    }
    said = {name: value for name, value in values.items() if value} | {"last_seen": now}
    found = devices.find_gate(tx, device_id, key)
    if found is None:
        devices.add_gate(tx, said | {"device_id": device_id, "key": key, "first_seen": now})
    else:
        devices.change_gate(tx, found, said)
