"""When a vehicle was last seen, and from where: written down now and then, and never in a frame's way."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.domain.errors import Unavailable
from receiver.store import devices
from tests.conversations.vehicle_talk import Talk, talk_to
from tests.receiver.web.site import Site

LONG = timedelta(hours=1)


def seen(site: Site, talk: Talk, last_seen: datetime) -> None:
    """As if it had been seen then."""
    with site.store.write() as tx:
        devices.change(tx, talk.vehicle["id"], {"last_seen": last_seen, "address": "10.0.0.1"})
    talk.services.vehicles._known.clear()


def kept(site: Site, talk: Talk) -> tuple[datetime, str]:
    with site.store.read() as tx:
        (row,) = [each for each in devices.listed(tx, 0, 99) if each.id == talk.vehicle["id"]]
    return row.last_seen, row.address


def test_an_address_that_changes_with_each_frame_is_not_written_with_each(any_site: Site) -> None:
    talk, moment = talk_to(any_site), datetime.now(UTC).replace(microsecond=0) + LONG
    seen(any_site, talk, moment)
    for address in ("10.0.0.2", "10.0.0.3", "10.0.0.2"):
        assert talk.services.vehicles.by_token(talk.vehicle["token"], address).device_id == talk.vehicle["id"]
        assert kept(any_site, talk) == (moment, "10.0.0.1")
    seen(any_site, talk, moment - 2 * LONG)
    talk.services.vehicles.by_token(talk.vehicle["token"], "10.0.0.2")
    last_seen, address = kept(any_site, talk)
    assert last_seen > moment - 2 * LONG
    assert address == "10.0.0.2"


def test_a_vehicle_comes_in_where_nothing_can_be_written(any_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = talk_to(any_site)
    seen(any_site, talk, datetime.now(UTC) - LONG)

    def away(*_given: object) -> Any:
        raise Unavailable("storage_unavailable", "away")

    with monkeypatch.context() as patched:
        patched.setattr(devices, "change", away)
        assert talk.services.vehicles.by_token(talk.vehicle["token"], "10.0.0.2").is_trusted
    assert kept(any_site, talk)[1] == "10.0.0.1"
