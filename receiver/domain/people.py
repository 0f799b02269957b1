"""What the library says of a person beside the name: whether it holds just now, and the states of a person and of a face."""

from datetime import datetime
from enum import StrEnum

AUTOMATIC_SOURCES = frozenset({"device_1001", "event"})
"""Of faces that came into the library by themselves: nobody has said that they show this person, and none other."""


class PersonState(StrEnum):
    """Whether somebody still belongs here."""

    ACTIVE = "active"
    SET_ASIDE = "set_aside"  # somebody who left: still recognised, and it is said
    IGNORED = "ignored"  # nobody: a poster on the wall; still recognised, so that nothing more comes of it
    MERGED = "merged"  # turned out to be somebody else, who has everything now; ``merged_into`` says who


class FaceState(StrEnum):
    """What a picture of a person is used for."""

    CURRENT = "current"  # people are recognised by it
    FORMER = "former"  # another one took its place; it can be restored
    SET_ASIDE = "set_aside"  # a person decided against it; no device brings it back


def standing(
    state: str, valid_from: datetime | None, valid_until: datetime | None, moment: datetime
) -> tuple[str, ...]:
    """What speaks against letting somebody in who is known: ``set_aside``, ``ignored``, ``not_valid_now``; empty where nothing does.

    Whoever guards a gate must learn who stands there also where that one may not come in any more, so that such people
    stay in the gallery and are called by their name; these words are then among the reasons.

    Args:
        state: of PersonState.
        valid_from: aware; None: since ever.
        valid_until: aware, itself no longer valid; None: for ever.
        moment: aware, when the person stood there.
    """
    is_early = valid_from is not None and moment < valid_from
    is_over = valid_until is not None and moment >= valid_until
    aside = (str(state),) if state in {PersonState.SET_ASIDE, PersonState.IGNORED} else ()
    return aside + (("not_valid_now",) if is_early or is_over else ())
