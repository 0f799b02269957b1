"""Takes device identities over into the library: one after another, each through the enrolment gate, and never twice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from receiver import metrics
from receiver.domain.adoption import Came
from receiver.services.adopting.adopting_one import Judged, OneByOne
from receiver.services.importing.looking_ahead import LookingAhead
from receiver.services.people.portraits import See
from receiver.store import adoptions
from receiver.store.adoptions import Settled
from receiver.store.database import Row
from receiver.store.identities import Key
from receiver.store.pictures import Pictures
from receiver.store.store import Store

# How long a worker may be silent before another goes on.
LEASE = timedelta(seconds=60)
# Identities whose pictures are looked at together, in two threads.
WINDOW, THREADS = 8, 2


@dataclass(frozen=True, slots=True)
class AdoptingParts:
    """What adoptions work with.

    Attributes:
        see: looks at one encoded picture; called by several threads.
        make_one: what tries one identity, with whatever sees for it.
    """

    store: Store
    pictures: Pictures
    see: See
    make_one: Callable[[See], OneByOne]


class Adopting:
    """The handler of the topic ``adopt``; on the command line called without a task."""

    def __init__(self, parts: AdoptingParts) -> None:
        self._parts = parts
        self._store = parts.store

    def run(
        self,
        adoption_id: int,
        is_stopping: Callable[[], bool] = lambda: False,
        on_settled: Callable[[], None] = lambda: None,
        *,
        is_careful: bool = False,
    ) -> None:
        """Works until the adoption's line is empty, or somebody stops it; it goes on from there the next time.

        Args:
            adoption_id: whose line; adoptions.AUTOMATIC for those that begin by themselves.
            is_stopping: asked before each identity.
            on_settled: told of each.
            is_careful: one picture at a time: a worker ended while it looked at some.

        Raises:
            Unavailable, Busy: the storage or the engine cannot be had just now; call again later.
        """
        ahead = LookingAhead(self._parts.see, 1 if is_careful else THREADS)
        with ahead:
            one = self._parts.make_one(ahead.see)
            while not is_stopping():
                with self._store.read() as tx:
                    rows = adoptions.next_rows(tx, adoption_id, 1 if is_careful else WINDOW)
                if not rows and self._ended(adoption_id):
                    return
                self._look_ahead(ahead, rows)
                for row in rows:
                    if is_stopping():
                        return
                    self._settle(adoption_id, row, one.judge(row))
                    on_settled()

    def give_up(self, adoption_id: int) -> None:
        """The worker ended each time at the first one in line: that one is refused, and the others go on."""
        with self._store.read() as tx:
            rows = adoptions.next_rows(tx, adoption_id, 1)
        for row in rows:
            self._settle(adoption_id, row, Judged(Came.REFUSED, "engine_crashed"))
        self.leave(adoption_id, timedelta())

    def leave(self, adoption_id: int, lease: timedelta) -> None:
        """Whoever comes next may go on with it after the lease."""
        with self._store.write() as tx:
            adoptions.lease(tx, adoption_id, datetime.now(UTC) + lease)

    def adopt_one(self, key: Key, *, is_insisted: bool = False) -> Judged | None:
        """Tries one identity at once; None if there is none.

        Args:
            key: which.
            is_insisted: take the picture in spite of what speaks against it.

        Raises:
            Unavailable, Busy: the storage or the engine cannot be had just now.
        """
        return self._parts.make_one(self._parts.see).settle_now(key, is_insisted=is_insisted)

    def _look_ahead(self, ahead: LookingAhead, rows: Sequence[Row]) -> None:
        ahead.forget()
        for row in rows:
            stored = self._parts.pictures.get(row.digest) if row.digest is not None else None
            if stored is not None:
                ahead.begin(stored.data)

    def _settle(self, adoption_id: int, row: Row, judged: Judged) -> None:
        with self._store.write() as tx:
            settled = Settled(judged.came, judged.values(row))
            if adoptions.settle(tx, adoption_id, (row.device_id, row.external_id), settled):
                judged.note(tx, row, datetime.now(UTC))
        metrics.ADOPTIONS.labels(judged.came).inc()
        # Alone: whoever recognises an event holds an identity and asks for the task, in that order.
        self.leave(adoption_id, LEASE)

    def _ended(self, adoption_id: int) -> bool:
        with self._store.write() as tx:
            return adoptions.end(tx, adoption_id, datetime.now(UTC))
