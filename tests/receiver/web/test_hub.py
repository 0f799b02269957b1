"""The hub: what is remembered belongs to what was asked, and the one thread that follows outlives any trouble."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.domain.accounts import Limits
from receiver.domain.errors import Unavailable
from receiver.services.alerting.announcing import Announcing
from receiver.web import hub
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


@pytest.mark.parametrize(
    "trouble", [ValueError("filedescriptor out of range"), Unavailable("storage_unavailable", "x")]
)
@pytest.mark.parametrize("step", ["listen", "bounds", "after", "wait"])
def test_the_hub_goes_on_following_whatever_goes_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, trouble: Exception
) -> None:
    monkeypatch.setattr(hub, "POLL_SECONDS", 0.01)
    done = getattr(Announcing, step)
    troubles = [trouble]

    def once_in_trouble(self: Announcing, *arguments: Any) -> Any:
        if troubles:
            raise troubles.pop()
        return done(self, *arguments)

    monkeypatch.setattr(Announcing, step, once_in_trouble)

    async def told(site: LiveSite) -> None:
        async with site.listener(site.token()) as listener:
            await listener.until(listener.has_begun)
            for _ in range(2):
                alert = site.opened()
                await listener.until(lambda alert=alert: alert in listener.alerts)  # type: ignore[misc]
        assert troubles == []

    with live_site(tmp_path) as site:
        run(site.front, told(site))
