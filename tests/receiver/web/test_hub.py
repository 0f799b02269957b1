"""The hub: what is remembered belongs to what was asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.domain.accounts import Limits
from receiver.services.alerting.announcing import Announcing
from receiver.web.hub import Hub
from tests.receiver.web.asgi import run
from tests.receiver.web.live_front import LiveSite, live_site


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[LiveSite]:
    with live_site(tmp_path, database_url) as opened:
        yield opened


def test_sight_of_some_announcements_is_not_that_of_the_whole_page(site: LiveSite) -> None:
    announcing = Announcing(site.house.store, site.house.announced)
    own = Hub(announcing)
    limits = Limits(gates=frozenset({7}))

    async def asked() -> None:
        before, first = site.opened(gate_id=7), site.opened(gate_id=7)
        site.alerting.acknowledge(before, "account 1")
        last = site.opened(gate_id=7)
        page = announcing.after(1)
        assert [each.alert_id for each in page] == [first, before, last]
        opened = [each for each in page if each.change == "opened"]
        assert await own.in_sight(opened, limits) == {first, last}
        assert await own.in_sight(page, limits) == {before, first, last}

    run(site.front, asked())
    own.close()
