"""Sites whose processes never outlive their test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.processes import Site, Upstream

MakeSite = Callable[..., Site]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.close()


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[MakeSite]:
    sites: list[Site] = []

    def make(database_url: str = "", **settings: str) -> Site:
        site = Site(tmp_path / f"data{len(sites)}", database_url, **settings)
        sites.append(site)
        return site

    yield make
    for site in sites:
        site.kill(*site.running)
