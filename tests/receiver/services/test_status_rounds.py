"""Reports that come together are kept together; and a problem is noted once a minute."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.services.intake import statuses as statuses_module
from receiver.services.intake.statuses import NOTED_EVERY
from receiver.store import devices
from receiver.store.store import Store
from schemas.errors import UnreadableItem
from tests.receiver.boxes import LICENCE, statuses_of


def report(box: str = LICENCE, **changes: Any) -> dict[str, Any]:
    return {"gateway_name": "north", "dev_sno": box, "gateway_status": "online", **changes}


def all_devices(store: Store) -> list[Any]:
    with store.read() as tx:
        return devices.listed(tx, 0, 99)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_unreadable_report_keeps_the_others_out(store: Store, place: int) -> None:
    reports: list[object] = [report("BOX1"), report("BOX2")]
    reports.insert(place, "no report")
    with pytest.raises(UnreadableItem):
        statuses_of(store).record(reports, "10.0.0.9")
    assert all_devices(store) == []
    statuses_of(store).record([report("BOX1"), report("BOX2")], "10.0.0.9")
    assert len(all_devices(store)) == 2


def test_a_devices_status_names_its_sub_devices(store: Store) -> None:
    subs = [
        {"ep_id": f"{LICENCE}__10.0.0.21", "ep_name": "door", "ep_ip": "10.0.0.21", "ep_status": "online"},
        {"ep_name": "without any address", "ep_status": "offline"},
    ]
    statuses_of(store).record([report(sub_devices=subs)], "10.0.0.9")
    (device,) = all_devices(store)
    shown = [(each["name"], each["address"], each["status"]) for each in device.status["sub_devices"]]
    assert shown == [("door", "10.0.0.21", "online"), ("without any address", "", "offline")]
    statuses_of(store).record([report(sub_devices=subs[1:])], "10.0.0.9")
    (device,) = all_devices(store)
    assert [each["name"] for each in device.status["sub_devices"]] == ["without any address"]


def test_a_problem_is_noted_once_a_minute_for_each_address(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    present = datetime(2024, 1, 1, tzinfo=UTC)

    class Clock:
        @staticmethod
        def now(_zone: object) -> datetime:
            return present

    monkeypatch.setattr(statuses_module, "datetime", Clock)
    statuses = statuses_of(store)

    def noted() -> list[tuple[str, str]]:
        return sorted((row.address, row.problem) for row in all_devices(store))

    statuses.note_problem("10.0.0.1", "first")
    present += NOTED_EVERY - timedelta(microseconds=1)
    statuses.note_problem("10.0.0.1", "second")
    statuses.note_problem("10.0.0.2", "first")
    assert noted() == [("10.0.0.1", "first"), ("10.0.0.2", "first")]
    present += timedelta(microseconds=1)
    statuses.note_problem("10.0.0.1", "third")
    statuses.note_problem("10.0.0.2", "third")
    assert noted() == [("10.0.0.1", "third"), ("10.0.0.2", "first")]
