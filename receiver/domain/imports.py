"""What an import is made of: one row a line of the file, what came of it, and how it is summed up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """Where an import stands."""

    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


ENDED = frozenset({JobState.DONE, JobState.CANCELLED, JobState.FAILED})


class RowState(StrEnum):
    """What came of a row; in a dry run: what would come of it."""

    WAITING = "waiting"
    ENROLLED = "enrolled"
    EXTENDED = "extended"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody whom a file tells of: one row of a table, one folder, or one picture.

    Attributes:
        place: where it stands in the file, for people: ``people.csv line 7``, ``1001/``.
        external_id: the id that devices know the person by; empty where the file has none.
        name: as the file says; empty where it says none, then the external id stands for it.
        list: staff, visitor, blacklist or vip; empty where the file does not say.
        pictures: paths within the file.
        note: free text.
        more: what else the table says, by our names: groups, valid_from, valid_until (ISO 8601, without a zone), fields.
        reason: machine word why it is refused without a look at any picture; empty if it is not.
        detail: that reason as a sentence.
    """

    place: str
    external_id: str = ""
    name: str = ""
    list: str = ""
    pictures: Sequence[str] = ()
    note: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    detail: str = ""

    @property
    def shown_name(self) -> str:
        return self.name or self.external_id


def percent(total: int | None, counts: Mapping[str, int]) -> int:
    """How far an import is, 0 to 100, rounded down: 100 only when no row waits.

    Args:
        total: rows of the import; None while they are not known yet.
        counts: rows by state.
    """
    if total is None:
        return 0
    done = sum(number for state, number in counts.items() if state != RowState.WAITING)
    return 100 if total == 0 else min(100, 100 * done // total)
