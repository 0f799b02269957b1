"""Puts together who is told live: bootstrap's part for streams and Socket.IO."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.web.app import Services

# Of the places for those who have not said who they are one address may have one in so many.
GUEST_SHARE = 4


def services_of(house: "House") -> dict[str, Any]:
    """What the views are given."""
    from receiver.web.seats import Seats

    return {"live_seats": Seats(house.settings.live_connections)}


def hooks_of(house: "House", services: "Services") -> dict[str, Any]:
    """What the front is given."""
    from receiver.services.alerting.announcing import Announcing
    from receiver.web.audience import Audience, Doors
    from receiver.web.hub import Hub
    from receiver.web.live import LiveStreams
    from receiver.web.relay import Relay
    from receiver.web.seats import Seats
    from receiver.web.socket_io import SocketIo

    hub, seats, admitting = Hub(Announcing(house.store, house.announced)), services.live_seats, services.admitting
    guests = Seats(house.settings.connections // 2, GUEST_SHARE)
    audience = Audience(hub, Doors(admitting.by_user_token, admitting.again, seats, guests))
    relay = Relay(house.settings.data_dir) if house.settings.web_processes > 1 else None
    hooks = {
        "live": LiveStreams(hub, seats, admitting.again),
        "sockets": SocketIo(audience, relay),
        "on_end": hub.close,
    }
    if relay is None:
        return hooks
    house.closers.append(relay.close)
    return {**hooks, "line": relay.listening}
