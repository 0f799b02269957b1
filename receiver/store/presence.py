"""When and where people were seen, as columns of numbers; reads one index and nothing else.

A poster that faces a camera has more events than a page has time for: as rows of their own, fifty thousand take ten times as long.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, ColumnElement, String, case, cast, extract, func, select, type_coerce

from receiver.domain.accounts import NO_LIMITS, Limits
from receiver.domain.presence import Presence
from receiver.store.database import Tx
from receiver.store.limiting import events_within
from receiver.store.tables import event

# Ids in one statement; SQLite takes 32766.
IDS = 10_000


def presences(tx: Tx, person_ids: Sequence[int], limits: Limits = NO_LIMITS) -> Iterator[tuple[int, Presence]]:
    """Each of the people who was seen, with when and where.

    Args:
        tx: any.
        person_ids: whose.
        limits: of whoever asks: only events in sight count.
    """
    place = case((event.c.gate_id.is_(None), -event.c.device_id), else_=event.c.gate_id)
    columns = (_microseconds(tx), place)
    for start in range(0, len(person_ids), IDS):
        statement = (
            select(event.c.person_id, *(func.aggregate_strings(_text(tx, each), ",") for each in columns))
            .where(event.c.person_id.in_(list(person_ids[start : start + IDS])), *events_within(limits))
            .group_by(event.c.person_id)
        )
        for person_id, *found in tx.execute(statement):
            yield person_id, Presence(*(_numbers(each) for each in found))


def _microseconds(tx: Tx) -> ColumnElement[int]:
    """Since 1970, as SQLite keeps it."""
    if tx.dialect.name == "sqlite":
        return type_coerce(event.c.occurred_at, BigInteger)
    return cast(extract("epoch", event.c.occurred_at) * 1_000_000, BigInteger)


def _text(tx: Tx, column: ColumnElement[int]) -> ColumnElement[str]:
    """SQLite writes numbers as it joins them."""
    return type_coerce(column, String) if tx.dialect.name == "sqlite" else cast(column, String)


def _numbers(text: str) -> npt.NDArray[np.int64]:
    return np.fromstring(text, np.int64, sep=",")
