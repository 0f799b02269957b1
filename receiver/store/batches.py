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
# Well below SQLite's limit of 32 766 values in one statement.
VALUES_AT_ONCE = 10_000


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
    group = f"({', '.join('?' * len(names))})"
    size = max(1, VALUES_AT_ONCE // len(names))
    cursor = driver_cursor(tx)
    for start in range(0, len(values), size):
        some = values[start : start + size]
        many = statement.replace(group, ", ".join([group] * len(some)), 1)
        cursor.execute(many, tuple(chain.from_iterable(some)))


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
