"""The rules that open alerts, with a counter by which whoever follows them learns that one has changed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from receiver.store.database import Tx
from receiver.store.tables import rule, rule_book

# More than anybody keeps an eye on; each is weighed with every event.
MOST_RULES = 200


def version(tx: Tx) -> int:
    """Counts up whenever a rule changes."""
    return int(tx.execute(select(rule_book.c.version)).scalar() or 0)


def _note_change(tx: Tx) -> None:
    tx.execute(update(rule_book).values(version=rule_book.c.version + 1))


def listed(tx: Tx) -> list[Row[Any]]:
    """All rules, in the order in which they were made."""
    return list(tx.execute(select(rule).order_by(rule.c.id)))


def find(tx: Tx, rule_id: int) -> Row[Any] | None:
    """One rule, or None."""
    return tx.execute(select(rule).where(rule.c.id == rule_id)).one_or_none()


def add(tx: Tx, values: Mapping[str, Any]) -> int:
    """Writes a new rule; returns its id."""
    _note_change(tx)
    return int(tx.execute(insert(rule).values(**values).returning(rule.c.id)).scalar_one())


def change(tx: Tx, rule_id: int, values: Mapping[str, Any]) -> bool:
    """Sets columns of one rule; False if there is none."""
    _note_change(tx)
    return tx.execute(update(rule).where(rule.c.id == rule_id).values(**values)).rowcount == 1


def remove(tx: Tx, rule_id: int) -> bool:
    """Deletes a rule; its alerts stay. False if there is none."""
    _note_change(tx)
    return tx.execute(delete(rule).where(rule.c.id == rule_id)).rowcount == 1
