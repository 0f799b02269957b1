"""Puts together what puts the library right: bootstrap's part for corrections."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.services.correcting.correcting import Correcting
    from receiver.services.correcting.event_moves import EventMoves
    from receiver.services.people.enrolling import EnrolmentGate


def services_of(house: "House", gate: "EnrolmentGate") -> dict[str, Any]:
    """What the views and commands are given; ``gate`` says whether faces look like one person's."""
    from receiver.services.correcting.corrections_shown import CorrectionsShown
    from receiver.services.correcting.splitting import Splitting
    from receiver.services.correcting.undoing import Undoing

    return {
        "correcting": make_correcting(house, gate),
        "splitting": Splitting(house.store, gate, house.doorbell.ring),
        "undoing": Undoing(house.store, house.doorbell.ring),
        "corrections": CorrectionsShown(house.store),
    }


def make_correcting(house: "House", gate: "EnrolmentGate") -> "Correcting":
    """Merging, promoting and ignoring."""
    from receiver.services.correcting.correcting import Correcting

    return Correcting(house.store, gate, house.doorbell.ring)


def work_of(house: "House") -> dict[str, Any]:
    """What the worker is given."""
    return {"event_moves": make_event_moves(house)}


def make_event_moves(house: "House") -> "EventMoves":
    """The work on events that were too many for one transaction."""
    from receiver.services.correcting.event_moves import EventMoves

    return EventMoves(house.store)
