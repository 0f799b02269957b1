"""Puts together vehicles that register themselves: bootstrap's part for the interface that they speak."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.assembly.house import House


def services_of(house: "House") -> dict[str, Any]:
    """What the views are given."""
    from receiver.assembly import alarms
    from receiver.assembly.trust import rules_of
    from receiver.services.accounts.passwords import Passwords
    from receiver.services.accounts.signing import Signer, load_key
    from receiver.services.vehicles.registering import Vehicles
    from receiver.services.vehicles.reporting import Reporting
    from receiver.services.vehicles.vehicles_shown import VehiclesShown

    rules = rules_of(house.settings)
    signer = Signer(load_key(house.settings.data_dir))
    return {
        "vehicles": Vehicles(house.store, Passwords(), signer, rules),
        "vehicle_reporting": Reporting(house.store, alarms.make_alerting(house), alarms.make_frames(house), rules),
        "vehicles_shown": VehiclesShown(house.store, house.pictures),
    }
