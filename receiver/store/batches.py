"""Many rows into one table with little work for each: the intake's hot path.

SQLAlchemy compiles the statement and knows how each column's values are bound; only its per-row bookkeeping is left out,
which took more time than SQLite's own work. On SQLite the rows go in as one statement: the sqlite3 module gives up the
interpreter lock at every step, and beside busy web threads each time of getting it back costs more than writing a row.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Dialect, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

from receiver.store.database import Tx, driver_cursor

Bind = Callable[[Any], Any] | None
# Rows go in by powers of two: each of the few statements that this takes stays prepared, and preparing one takes longer than
# writing its rows. Far below SQLite's limit of 32 766 values in one statement.
MOST_ROWS = 256


def insert_rows(
    tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]], *, may_exist: bool = False, refresh: str | None = None
) -> None:
    """Writes rows that all name the same columns.

    Args:
        tx: a write transaction.
        table: where to.
        rows: column name -> value.
        may_exist: rows whose key is there already are passed over.
        refresh: with may_exist, a column that is set anew in rows that are there already.
    """
    if not rows:
        return
    names = tuple(rows[0])
    statement, binds = _prepared(tx.dialect, table, names, may_exist=may_exist, refresh=refresh)
    values = [[row[name] if bind is None else bind(row[name]) for name, bind in binds] for row in rows]
    if not tx.dialect.positional:
        tx.exec_driver_sql(statement, [dict(zip(names, each, strict=True)) for each in values])
        return
    cursor = driver_cursor(tx)
    start = 0
    for count in powers_of_two(len(values), MOST_ROWS):
        some = values[start : start + count]
        cursor.execute(with_rows(statement, len(names), count), tuple(chain.from_iterable(some)))
        start += count


def powers_of_two(total: int, most: int) -> list[int]:
    """The total as a sum of powers of two, largest first, none above ``most``: 7 is 4 + 2 + 1."""
    whole, rest = divmod(total, most)
    return [most] * whole + [1 << bit for bit in reversed(range(rest.bit_length())) if rest >> bit & 1]


@lru_cache(maxsize=256)
def with_rows(statement: str, columns: int, rows: int) -> str:
    """A statement for one row made one for many."""
    group = f"({', '.join('?' * columns)})"
    return statement.replace(group, ", ".join([group] * rows), 1)


@lru_cache(maxsize=256)
def _prepared(
    dialect: Dialect, table: Table, names: tuple[str, ...], *, may_exist: bool, refresh: str | None
) -> tuple[str, tuple[tuple[str, Bind], ...]]:
    """The statement's text for one row, and in its order each column with how its values are bound."""
    own = sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)
    statement: Any = insert(table)
    if refresh is not None:
        keys = list(table.primary_key.columns)
        statement = own.on_conflict_do_update(index_elements=keys, set_={refresh: own.excluded[refresh]})
    elif may_exist:
        statement = own.on_conflict_do_nothing()
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    order = tuple(compiled.positiontup or names) if dialect.positional else names
    return str(compiled), tuple(
        (name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in order
    )
