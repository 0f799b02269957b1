"""A site that may tell this machine, a receiver on it, and a forwarder whose clock the test sets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.receiver.bad_receiver import BadReceiver
from tests.receiver.teller import Clock, Teller, forwarder_of
from tests.receiver.web.site import Site, open_site


@dataclass
class Desk:
    """Asked as a program would, and what came of it."""

    site: Site
    receiver: BadReceiver
    clock: Clock
    teller: Teller

    def made(self, **more: Any) -> dict[str, Any]:
        document = {"name": "hub", "channel": "http", "target": {"url": self.receiver.url}, **more}
        answer = self.site.client.post("/v1/subscriptions", json=document)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        found: dict[str, Any] = answer.get_json()
        return found

    def changed(self, number: int, **what: Any) -> Any:
        answer = self.site.client.patch(f"/v1/subscriptions/{number}", json=what)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()

    def figures(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.site.get(f"/v1/subscriptions/{number}")["figures"]
        return found


@contextmanager
def open_desk(folder: Path, database_url: str) -> Iterator[Desk]:
    """One with a folder and a database of its own."""
    clock = Clock()
    with (
        open_site(folder, database_url, destination_networks="127.0.0.0/8", timezone="Europe/Paris") as site,
        BadReceiver(clock=clock) as receiver,
        forwarder_of(site.store, folder, clock) as forwarding,
    ):
        yield Desk(site, receiver, clock, Teller(site.store, site.services.intake, clock, forwarding))
