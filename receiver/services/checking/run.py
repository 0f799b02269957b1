"""Works on a check of the library, stage after stage in small steps; one that was ended is taken up where it stood."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from receiver.domain.errors import SetupError
from receiver.domain.reviews import ReviewKind
from receiver.services.checking.ageing import find_aged
from receiver.services.checking.alike import find_look_alikes
from receiver.services.checking.contradictions import find_contradictions
from receiver.services.checking.merges import propose_merges
from receiver.services.checking.steps import Counts, Steps, Tools
from receiver.services.pacing import Pace
from receiver.store import library, library_checks, reviews
from receiver.store.database import Row

# What a check finds, and so what a whole one may find gone.
KINDS = (
    ReviewKind.PROPOSED_MERGE,
    ReviewKind.LOOK_ALIKE,
    ReviewKind.CONTRADICTING_PICTURE,
    ReviewKind.STALE_PICTURE,
)
SETTLED = 100


def settle_the_gone(steps: Steps) -> Counts | None:
    """The last stage: what was found before and not again went away by itself."""
    settled = 0
    while not steps.is_stopping:
        now = datetime.now(UTC)
        with steps.pace.step(), steps.tools.store.write() as tx:
            some = library_checks.outdated(tx, KINDS, steps.row.started_at, SETTLED)
            settled += sum(reviews.settle(tx, each, now) for each in some)
        if not some:
            return {"items": settled}
    return None


STAGES: Mapping[str, Callable[[Steps], Counts | None]] = {
    "strangers": propose_merges,
    "look_alikes": find_look_alikes,
    "contradictions": find_contradictions,
    "ageing": find_aged,
    "settling": settle_the_gone,
}


class CheckingLibrary:
    """The handler of the topic ``library_check``; on the command line called without a worker."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def run(self, check_id: int, pace: Pace | None = None, on_step: Callable[[], object] = lambda: None) -> None:
        """Works until the check is done, or somebody stops us; it goes on from there the next time.

        Raises:
            Unavailable: the storage cannot be had just now; call again later.
        """
        pace = pace or Pace()
        while not pace.is_stopping():
            with self._tools.store.read() as tx:
                row = library_checks.find(tx, check_id)
                has_faces = library.active(tx) is not None
            if row is None or row.state != library_checks.RUNNING:
                self._let_go(check_id)
                return
            try:
                counts = STAGES[row.stage](Steps(self._tools, pace, row, on_step)) if has_faces else {}
            except SetupError as error:
                self.give_up(check_id, error.reason)
                return
            if counts is not None:
                self._go_on(row, counts)
                on_step()

    def give_up(self, check_id: int, reason: str) -> None:
        """The check failed for good; the next night's begins anew."""
        now = datetime.now(UTC)
        values = {"state": library_checks.FAILED, "reason": reason[:64], "updated_at": now, "ended_at": now}
        with self._tools.store.write() as tx:
            library_checks.change(tx, check_id, values)
            library_checks.drop_task(tx, check_id)

    def _go_on(self, row: Row, counts: Counts) -> None:
        """The stage is done: the next one, or the end."""
        now = datetime.now(UTC)
        names = list(STAGES)
        later = names[names.index(row.stage) + 1 :]
        values = {
            "counts": {**row.counts, row.stage: dict(counts)},
            "position": 0,
            "done": 0,
            "total": 0,
            "updated_at": now,
        }
        if later:
            values["stage"] = later[0]
        else:
            values |= {"state": library_checks.DONE, "ended_at": now}
        with self._tools.store.write() as tx:
            is_ours = library_checks.move_on(tx, row, values)
            if is_ours and not later:
                library_checks.drop_task(tx, row.id)
                library_checks.drop_old(tx, KEPT)
        if not later:
            # The faces take room that a worker needs once a night.
            self._tools.library.forget()

    def _let_go(self, check_id: int) -> None:
        with self._tools.store.write() as tx:
            library_checks.drop_task(tx, check_id)


# Checks that are remembered: a year of nights.
KEPT = 366
