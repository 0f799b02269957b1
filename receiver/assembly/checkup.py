"""Puts together what looks over the whole library: bootstrap's part for the nightly check."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.services.checking.library_checks import LibraryChecks
    from receiver.services.checking.run import CheckingLibrary
    from receiver.services.deciding.library import Library


def services_of(house: "House") -> dict[str, Any]:
    """What the views are given."""
    return {"library_checks": make_library_checks(house)}


def work_of(house: "House", library: "Library") -> dict[str, Any]:
    """What the worker is given."""
    return {"library_checks": make_library_checks(house), "checking": make_checking(house, library)}


def make_library_checks(house: "House") -> "LibraryChecks":
    """Beginning and showing checks."""
    from receiver.services.checking.library_checks import LibraryChecks

    return LibraryChecks(house.store, house.doorbell.ring, house.settings.library_check)


def make_checking(house: "House", library: "Library") -> "CheckingLibrary":
    """The work on checks, with a library of its own: it is forgotten after each."""
    from receiver.services.checking.run import CheckingLibrary
    from receiver.services.checking.steps import Tools

    return CheckingLibrary(Tools(house.store, library, house.settings.quality_limits))
