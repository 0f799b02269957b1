"""Puts together what works on imports: bootstrap's part for many people at once."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.domain.scales import Scale
    from receiver.services.importing.importing import Importing
    from receiver.services.people.enrolling import EnrolmentGate
    from receiver.services.recognising.engines import Engines


def make_importing(
    house: "House", engines: "Engines", gate: "EnrolmentGate", scales: "Mapping[str, Scale]"
) -> "Importing":
    """The work on imports; what enrols is the same library that people's own pictures go through."""
    from receiver.services.importing.importing import Importing, ImportingParts
    from receiver.services.importing.rehearsing import RehearsedLibrary, rehearsal_maker
    from receiver.services.people.people import People
    from receiver.services.recognising.engines import LibraryEngine
    from receiver.services.upkeep.room import Room

    settings = house.settings
    limits, pixels = settings.quality_limits, settings.pixel_limit

    def rehearsed() -> RehearsedLibrary:
        return RehearsedLibrary(settings.model, settings.fpir, settings.blacklist_fpir, scales)

    return Importing(
        ImportingParts(
            store=house.store,
            pictures=house.pictures,
            see=LibraryEngine(house.store, engines, house.read_image).sightings,
            make_people=lambda store, pictures, see: People(store, pictures, see, pixels, gate),
            check_room=Room(settings.data_dir, settings.disk_reserve).check,
            pixel_limit=pixels,
            rehearse=rehearsal_maker(rehearsed, limits, pixels),
            zone=settings.timezone,
        )
    )
