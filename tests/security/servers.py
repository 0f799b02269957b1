"""One real server for all tests that only ask it, and sites of their own for those that end processes."""

from collections.abc import Iterator

import pytest

from tests.receiver.web.conftest import any_site, site
from tests.system.conftest import MakeSite, make_site
from tests.system.processes import Site, eventually

__all__ = ["MakeSite", "any_site", "make_site", "server", "site"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A web process over an empty data folder, without an engine."""
    site = Site(tmp_path_factory.mktemp("server") / "data", RECOGNITION="off")
    site.start("web")
    try:
        eventually(site.is_ready)
        yield site
        assert site.running["web"].poll() is None, site.logs()
    finally:
        site.kill(*site.running)
