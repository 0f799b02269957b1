"""What a limited account is told of an event that it may see: nothing by which somebody else, who is out of its sight, could be known."""

from typing import Any

from receiver.domain.accounts import Limits
from receiver.domain.events import PictureKind

# What was looked at when it was decided who it is, or is not: others of the library.
OF_OTHERS = ("second_opinion", "registration", "review")
# The device's own word about who it is, as far as it names somebody.
NAMING = {"identity_id": "", "identity_name": "", "group": "", "identity_info": {}, "extra": {}, "notes": []}
OF_THE_MOMENT = frozenset({PictureKind.FACE, PictureKind.SCENE})


def narrowed(shown: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The event as an account with these limits is told it."""
    if not limits.is_limiting:
        return shown
    decision = shown["decision"]
    person = decision["person"] if decision else None
    if person is None:
        # How near the nearest was, whoever that is, would tell of people who are out of sight.
        shown = shown | {"decision": None, "second_opinion": None}
    if not limits.limits_people:
        return shown
    shown = shown | dict.fromkeys(OF_OTHERS)
    if person is None:
        return shown
    # By how much it was nearer than to the next one.
    shown = shown | {"decision": decision | {"margin": None, "cohort": None}}
    return shown if shown["reported"]["identity_name"] == person["name"] else _without_the_devices_word(shown)


def _without_the_devices_word(shown: dict[str, Any]) -> dict[str, Any]:
    """The device took the person for somebody else, and may have sent that one's picture."""
    told = {
        "reported": shown["reported"] | NAMING,
        "attributes": {},
        "pictures": {kind: each for kind, each in shown["pictures"].items() if kind in OF_THE_MOMENT},
        "refused_pictures": [each for each in shown["refused_pictures"] if each["kind"] in OF_THE_MOMENT],
    }
    if "sightings" in shown:
        told["sightings"] = [each for each in shown["sightings"] if each["kind"] in OF_THE_MOMENT]
    return shown | told
