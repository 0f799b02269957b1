"""Lanes: what is claimed when forwarding, one subscription's line of one device; and its books, which balance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Dialect, Row, delete, exists, func, select, update

from receiver.store.batches import MOST_ROWS, powers_of_two, with_rows
from receiver.store.database import Tx, driver_cursor
from receiver.store.tables import delivery, lane

WAITING, RESTING, DELIVERED, DEAD, DROPPED = "waiting", "resting", "delivered", "dead", "dropped"
# What has not come to its end yet.
UNSETTLED = (WAITING, RESTING)
# Where deliveries without a device wait.
NO_DEVICE = 0


@dataclass(frozen=True, slots=True)
class Lane:
    """One line that may be claimed, or has been.

    Attributes:
        attempts: claims since the last end of a turn, this one included once it is claimed.
        waiting: deliveries.
        batch_up_to: last delivery of a batch that failed as a whole.
        alone_up_to: last delivery that goes alone.
    """

    subscription_id: int
    device_id: int
    attempts: int
    waiting: int
    batch_up_to: int
    alone_up_to: int


@dataclass(frozen=True, slots=True)
class Books:
    """What became of everything that was ever written for a subscription: recorded = waiting + delivered + dead + dropped."""

    recorded: int = 0
    waiting: int = 0
    delivered: int = 0
    dead: int = 0
    dropped: int = 0
    waiting_bytes: int = 0
    bared: int = 0

    @property
    def is_balanced(self) -> bool:
        return self.recorded == self.waiting + self.delivered + self.dead + self.dropped


def record(tx: Tx, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Counts deliveries that are about to be written in their lanes, and makes the lanes that are not there yet.

    Before the deliveries take their numbers: on PostgreSQL the lane is held from here to the commit, so the numbers of one
    lane become visible in their order.
    """
    number: Counter[tuple[int, int]] = Counter()
    size: Counter[tuple[int, int]] = Counter()
    for row in rows:
        key = (row["subscription_id"], row["device_id"])
        number[key] += 1
        size[key] += row["size"]
    due_at = _bind_time(tx.dialect, now)
    values = [(*key, due_at, number[key], number[key], size[key]) for key in sorted(number)]
    if tx.dialect.name != "sqlite":
        tx.exec_driver_sql(UPSERT, values)
        return
    cursor, start = driver_cursor(tx), 0
    for count in powers_of_two(len(values), MOST_ROWS):
        some = values[start : start + count]
        cursor.execute(with_rows(SQLITE_UPSERT, len(values[0]), count), tuple(chain.from_iterable(some)))
        start += count


# On the intake's way: written by hand, since preparing it takes longer than running it.
UPSERT = """
INSERT INTO lane (subscription_id, device_id, due_at, recorded, waiting, waiting_bytes) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (subscription_id, device_id) DO UPDATE SET recorded = lane.recorded + excluded.recorded,
waiting = lane.waiting + excluded.waiting, waiting_bytes = lane.waiting_bytes + excluded.waiting_bytes
"""
SQLITE_UPSERT = UPSERT.replace("%s", "?")


@lru_cache(maxsize=4)
def _time_binder(dialect: Dialect) -> Any:
    return lane.c.due_at.type.dialect_impl(dialect).bind_processor(dialect)


def _bind_time(dialect: Dialect, moment: datetime) -> Any:
    bind = _time_binder(dialect)
    return moment if bind is None else bind(moment)


def due(tx: Tx, subscription_id: int, now: datetime, run_up_to: int | None, limit: int) -> list[Lane]:
    """The lanes of a subscription that have something to send now, those that have been due the longest first."""
    where = [lane.c.subscription_id == subscription_id, lane.c.waiting > 0, lane.c.due_at <= now]
    if run_up_to is not None:
        where.append(
            exists().where(
                delivery.c.subscription_id == lane.c.subscription_id,
                delivery.c.device_id == lane.c.device_id,
                delivery.c.state.in_(UNSETTLED),
                delivery.c.id <= run_up_to,
            )
        )
    found = tx.execute(select(lane).where(*where).order_by(lane.c.due_at).limit(limit))
    return [_lane(row) for row in found]


def _lane(row: Row[Any]) -> Lane:
    return Lane(row.subscription_id, row.device_id, row.attempts, row.waiting, row.batch_up_to, row.alone_up_to)


def claim(tx: Tx, found: Lane, now: datetime, until: datetime) -> bool:
    """Takes a lane until then; False if somebody else was faster."""
    statement = update(lane).where(*_is(found), lane.c.due_at <= now).values(due_at=until, attempts=lane.c.attempts + 1)
    return tx.execute(statement).rowcount == 1


def prolong(tx: Tx, found: Lane, held_until: datetime, until: datetime) -> None:
    """Keeps a claim for longer, where it has not been lost."""
    tx.execute(update(lane).where(*_is(found), lane.c.due_at == held_until).values(due_at=until))


@dataclass(frozen=True, slots=True)
class Settled:
    """What a turn has changed in a lane's books."""

    delivered: int = 0
    dead: int = 0
    dropped: int = 0
    size: int = 0

    @property
    def number(self) -> int:
        return self.delivered + self.dead + self.dropped


def settle(tx: Tx, found: Lane, held_until: datetime, settled: Settled, values: Mapping[str, Any]) -> None:
    """Ends a turn: the books, and the lane's other columns unless the claim was lost to somebody else meanwhile."""
    books = _books(settled)
    statement = update(lane).where(*_is(found), lane.c.due_at == held_until).values(**books, **values)
    if tx.execute(statement).rowcount == 0 and books:
        tx.execute(update(lane).where(*_is(found)).values(**books))


def move(tx: Tx, lane_key: tuple[int, int], settled: Settled) -> None:
    """The books alone: somebody other than the forwarder has settled deliveries, or made dead ones wait again (negative)."""
    where = (lane.c.subscription_id == lane_key[0], lane.c.device_id == lane_key[1])
    if settled != Settled():
        tx.execute(update(lane).where(*where).values(**_books(settled)))


def bare(tx: Tx, lane_key: tuple[int, int], number: int, size: int) -> None:
    """So many deliveries go without their pictures."""
    where = (lane.c.subscription_id == lane_key[0], lane.c.device_id == lane_key[1])
    values = {"bared": lane.c.bared + number, "waiting_bytes": lane.c.waiting_bytes - size}
    tx.execute(update(lane).where(*where).values(**values))


def _books(settled: Settled) -> dict[str, Any]:
    if settled == Settled():
        return {}
    return {
        "waiting": lane.c.waiting - settled.number,
        "waiting_bytes": lane.c.waiting_bytes - settled.size,
        "delivered": lane.c.delivered + settled.delivered,
        "dead": lane.c.dead + settled.dead,
        "dropped": lane.c.dropped + settled.dropped,
    }


def make_due(tx: Tx, subscription_id: int, now: datetime) -> None:
    """All lanes of a subscription may go on now; those that somebody works on stay theirs."""
    where = (lane.c.subscription_id == subscription_id, lane.c.waiting > 0, lane.c.due_at > now, lane.c.attempts == 0)
    tx.execute(update(lane).where(*where).values(due_at=now))


def books(tx: Tx) -> dict[int, Books]:
    """The books of every subscription, by its id."""
    return dict(_sums(tx, ()))


def books_of(tx: Tx, subscription_id: int) -> Books:
    """The books of one."""
    return dict(_sums(tx, (lane.c.subscription_id == subscription_id,))).get(subscription_id, Books())


def _sums(tx: Tx, where: Sequence[Any]) -> list[tuple[int, Books]]:
    columns = (
        lane.c.recorded, lane.c.waiting, lane.c.delivered, lane.c.dead, lane.c.dropped, lane.c.waiting_bytes, lane.c.bared,
    )  # fmt: skip
    statement = (
        select(lane.c.subscription_id, *(func.sum(column) for column in columns))
        .where(*where)
        .group_by(lane.c.subscription_id)
    )
    return [(int(number), Books(*(int(each) for each in sums))) for number, *sums in tx.execute(statement)]


def of_subscription(tx: Tx, subscription_id: int) -> list[Row[Any]]:
    """Its lanes, those with most to send first."""
    statement = select(lane).where(lane.c.subscription_id == subscription_id).order_by(lane.c.waiting.desc())
    return list(tx.execute(statement))


def _is(found: Lane) -> tuple[Any, Any]:
    return lane.c.subscription_id == found.subscription_id, lane.c.device_id == found.device_id


def let_go(tx: Tx, found: Lane, due_at: datetime) -> None:
    """Ends a claim in which nothing was tried."""
    tx.execute(update(lane).where(*_is(found)).values(due_at=due_at, attempts=0))


def drop(tx: Tx, subscription_id: int) -> None:
    """Those of a subscription that goes, with their books."""
    tx.execute(delete(lane).where(lane.c.subscription_id == subscription_id))
