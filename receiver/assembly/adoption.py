"""Puts together what takes device identities over into the library: bootstrap's part for adoptions."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.services.adopting.adopting import Adopting
    from receiver.services.adopting.adopting_one import OneByOne
    from receiver.services.adopting.adoptions import Adoptions
    from receiver.services.deciding.deciding import Decider
    from receiver.services.people.enrolling import EnrolmentGate
    from receiver.services.people.people import See
    from receiver.services.recognising.engines import Engines


def make_adoptions(house: "House") -> "Adoptions":
    """Beginning and showing adoptions."""
    from receiver.services.adopting.adoptions import Adoptions

    return Adoptions(house.store, house.doorbell.ring, is_recognising=house.settings.engine_name != "off")


def make_adopting(house: "House", engines: "Engines", decider: "Decider") -> "Adopting":
    """The work on adoptions; what enrols is the same library that people's own pictures go through."""
    from receiver.services.adopting.adopting import Adopting, AdoptingParts
    from receiver.services.people.enrolling import EnrolmentGate
    from receiver.services.recognising.engines import LibraryEngine

    gate = EnrolmentGate(decider, house.settings.quality_limits)
    see = LibraryEngine(house.store, engines, house.read_image).sightings
    parts = AdoptingParts(house.store, house.pictures, see, lambda eyes: make_one(house, decider, gate, eyes))
    return Adopting(parts)


def make_one(house: "House", decider: "Decider", gate: "EnrolmentGate", see: "See") -> "OneByOne":
    """Trying one identity after another, with whatever sees."""
    from receiver.services.adopting.adopting_one import OneByOne, OneParts
    from receiver.services.people.people import People

    people = People(house.store, house.pictures, see, house.settings.pixel_limit, gate)
    return OneByOne(OneParts(house.store, house.pictures, people, decider, see, gate.limits))
