"""What a clock that ran ahead has put off: once it is right again, that would wait for as long as the clock was ahead."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, true, update

from receiver.domain.breaker import LONGEST_THROTTLE
from receiver.store.database import Tx
from receiver.store.lanes import RESTING
from receiver.store.outbox import WAITING
from receiver.store.tables import delivery, destination, lane, task

# Nothing is put off for longer on purpose: claims and pauses after failures end within a minute. What is planned (runs of
# schedules, a person's `later`) stands elsewhere.
LONGEST_WAIT = timedelta(minutes=5)


def pull_in(tx: Tx, now: datetime, *, is_put_back: bool) -> int:
    """Everything that is put off for longer than anybody meant is due now; how many rows that were.

    Args:
        tx: to write.
        now: by the clock as it is.
        is_put_back: the clock has been put back while this process ran. Its own claims are then left to it, and destinations
            that may have asked for their time are tried: they can ask again.
    """
    late = now + LONGEST_WAIT
    free = lane.c.attempts == 0 if is_put_back else true()
    statements: list[Any] = [
        update(destination).where(destination.c.due_at > late, true() if is_put_back else _is_mistaken(now)),
        update(lane).where(lane.c.due_at > late, free),
        update(delivery).where(delivery.c.state == RESTING, delivery.c.due_at > late),
        update(task).where(task.c.state == WAITING, task.c.due_at > late),
    ]
    return sum(tx.execute(each.values(due_at=now)).rowcount for each in statements)


def _is_mistaken(now: datetime) -> Any:
    """As a condition: no answer has put the destination off for so long, or it took something at a time still to come."""
    furthest = now + timedelta(seconds=LONGEST_THROTTLE)
    return or_(
        destination.c.failures > 0, destination.c.due_at > furthest, destination.c.last_success > now + LONGEST_WAIT
    )
