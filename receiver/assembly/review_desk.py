"""Puts together the review list: bootstrap's part for what a person should look at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from receiver.assembly import adoption, repair
from receiver.domain.adoption import Came

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.domain.reviews import ReviewKind
    from receiver.services.deciding.deciding import Decider
    from receiver.services.intake.intake import Intake
    from receiver.services.intake.replaying import Replaying
    from receiver.services.people.enrolling import EnrolmentGate
    from receiver.services.people.people import People, See
    from receiver.services.reviewing.review_answers import Answer
    from receiver.services.reviewing.review_enrolments import Taken
    from receiver.services.reviewing.reviewing import Reviewing


@dataclass(frozen=True, slots=True)
class DeskParts:
    """What answers work with.

    Attributes:
        see: looks at one encoded picture.
    """

    see: "See"
    people: "People"
    gate: "EnrolmentGate"
    decider: "Decider"
    replaying: "Replaying"


def services_of(house: "House", parts: DeskParts) -> dict[str, Any]:
    """What the views and commands are given."""
    from receiver.services.reviewing.reviewing import Reviewing
    from receiver.services.reviewing.reviews_shown import ReviewList

    return {"reviews": ReviewList(house.store), "reviewing": Reviewing(house.store, answers_of(house, parts))}


def make_local(house: "House", see: "See", decider: "Decider", intake: "Intake") -> "Reviewing":
    """Deciding, for a command."""
    from receiver.services.intake.replaying import Replaying
    from receiver.services.people.enrolling import EnrolmentGate
    from receiver.services.people.people import People
    from receiver.services.reviewing.reviewing import Reviewing

    settings = house.settings
    gate = EnrolmentGate(decider, settings.quality_limits)
    people = People(house.store, house.pictures, see, settings.pixel_limit, gate)
    parts = DeskParts(see, people, gate, decider, Replaying(house.store, intake, settings.body_limit))
    return Reviewing(house.store, answers_of(house, parts))


def answers_of(house: "House", parts: DeskParts) -> "Mapping[ReviewKind, Answer]":
    """What accepting and rejecting does, by kind."""
    from receiver.domain.reviews import ReviewKind
    from receiver.services.reviewing.review_answers import Answer, Merging, TakingIds, TryingAgain
    from receiver.services.reviewing.review_enrolments import EnrolmentParts, Insisting
    from receiver.services.reviewing.review_messages import Reading
    from receiver.services.reviewing.review_pictures import Eyes, Renewing, Replacing

    eyes, ring = Eyes(house.store, house.pictures, parts.see), house.doorbell.ring
    merging, replacing = Merging(repair.make_correcting(house, parts.gate), ring), Replacing(eyes)
    insisting = EnrolmentParts(house.store, house.pictures, parts.people, _adopter(house, parts))
    return {
        ReviewKind.PROPOSED_MERGE: merging,
        ReviewKind.LOOK_ALIKE: merging,
        ReviewKind.IDENTITY_CONFLICT: Renewing(eyes),
        ReviewKind.IDENTITY_TAKEN: TakingIds(),
        ReviewKind.STALE_PICTURE: replacing,
        ReviewKind.CONTRADICTING_PICTURE: replacing,
        ReviewKind.SECOND_OPINION: Answer(),
        ReviewKind.QUARANTINED: Reading(house.store, parts.replaying),
        ReviewKind.FAILED_ENROLMENT: Insisting(insisting),
        ReviewKind.BURIED_TASK: TryingAgain(ring),
    }


def _adopter(house: "House", parts: DeskParts) -> "Callable[[tuple[int, str]], Taken | None]":
    """Takes over what a device keeps, insisting."""
    from receiver.services.reviewing.review_enrolments import Taken

    one = adoption.make_one(house, parts.decider, parts.gate, parts.see)

    def adopt(key: tuple[int, str]) -> Taken | None:
        judged = one.settle_now(key, is_insisted=True)
        if judged is None:
            return None
        return Taken(judged.person_id, judged.reason if judged.came is Came.REFUSED else None)

    return adopt
