"""Numbers for new rows, taken before they are written, so that rows that refer to each other go in as batches."""

from sqlalchemy import Table, text

from receiver.store.database import Tx, driver_cursor


def take(tx: Tx, table: Table, count: int) -> range | list[int]:
    """``count`` fresh ids of ``table``; on SQLite without gaps, since the open write transaction excludes all others."""
    if count == 0:
        return []
    if tx.dialect.name == "sqlite":
        # The table is AUTOINCREMENT: sqlite_sequence holds the highest id ever used, also of rows deleted since.
        found = driver_cursor(tx).execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)).fetchone()
        last = found[0] if found else 0
        return range(last + 1, last + 1 + count)
    statement = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
    return list(tx.execute(statement, {"name": table.name, "count": count}).scalars())
