"""Puts together who is told live: bootstrap's part for streams and Socket.IO."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.web.app import Services


def services_of(house: "House") -> dict[str, Any]:
    """What the views are given."""
    from receiver.web.seats import Seats

    return {"live_seats": Seats(house.settings.live_connections)}


def hooks_of(house: "House", services: "Services") -> dict[str, Any]:
    """What the front is given."""
    from receiver.services.alerting.announcing import Announcing
    from receiver.web.hub import Hub
    from receiver.web.live import LiveStreams

    hub = Hub(Announcing(house.store, house.announced))
    return {"live": LiveStreams(hub, services.live_seats, services.admitting.again), "on_end": hub.close}
