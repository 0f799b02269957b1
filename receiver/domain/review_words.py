"""What the review list says to a person: what was found, and what each answer does; translated for the reader."""

from collections.abc import Mapping
from dataclasses import dataclass

from receiver.domain.reviews import ReviewKind
from recognition.advice import N_


@dataclass(frozen=True, slots=True)
class Words:
    """Of one kind.

    Attributes:
        sentence: what was found, and what is asked.
        on_accept: what accepting does.
        on_reject: what rejecting does.
    """

    sentence: str
    on_accept: str
    on_reject: str


WORDS: Mapping[ReviewKind, Words] = {
    ReviewKind.PROPOSED_MERGE: Words(
        N_("Their faces are as near as two pictures of one person. Are these two the same person?"),
        N_("The two become one person; this can be undone."),
        N_("They stay two people, and this pair is never proposed again."),
    ),
    ReviewKind.IDENTITY_CONFLICT: Words(
        N_("A new picture was sent for this person, but it shows another face. Is it this person?"),
        N_("The new face becomes the current one; the older one stays as a former one and can be restored."),
        N_("The library stays as it is."),
    ),
    ReviewKind.IDENTITY_TAKEN: Words(
        N_("A device named the first person by an id that belongs to the other one. Does the id belong to the first?"),
        N_("The id of this device goes over to the first person."),
        N_("The id stays with the other person."),
    ),
    ReviewKind.LOOK_ALIKE: Words(
        N_("The faces of these two people are too near to be told apart surely. Are they the same person?"),
        N_("The two become one person; the merge can be undone."),
        N_("They are two people; they are not asked about again."),
    ),
    ReviewKind.STALE_PICTURE: Words(
        N_("This picture hardly fits the person's present face any more. Should it go out of use?"),
        N_("The picture goes out of use, and the proposed newer one, if there is one, takes its place."),
        N_("The picture stays in use."),
    ),
    ReviewKind.CONTRADICTING_PICTURE: Words(
        N_("This picture does not fit the person's other pictures. Does it show somebody else?"),
        N_("The picture is set aside, and the proposed one, if there is one, takes its place."),
        N_("It shows the same person, and stays in use."),
    ),
    ReviewKind.SECOND_OPINION: Words(
        N_("The device named somebody whom the server does not see in the picture. Was the device wrong?"),
        N_("The device was wrong; nothing is changed."),
        N_("It does not matter; nothing is changed."),
    ),
    ReviewKind.QUARANTINED: Words(
        N_("A message could not be read. Should it be read again?"),
        N_("It is read again, and what it tells becomes events."),
        N_("It is discarded; the same message again is not asked about."),
    ),
    ReviewKind.FAILED_ENROLMENT: Words(
        N_("Somebody could not be enrolled. Should it be done in spite of the reason?"),
        N_("The person is enrolled, and it is recorded that somebody insisted."),
        N_("Nobody is enrolled."),
    ),
    ReviewKind.BURIED_TASK: Words(
        N_("A task failed every time and was given up. Should it be tried again?"),
        N_("It is tried again at once."),
        N_("It is dropped for good."),
    ),
}
