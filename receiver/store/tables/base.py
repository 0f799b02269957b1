"""What all tables share: their names for keys and indexes, and the two databases they live in."""

from sqlalchemy import MetaData

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
main = MetaData(naming_convention=NAMING)
# Pictures live in a database file of their own on SQLite, in the same database on PostgreSQL.
picture_store = MetaData(naming_convention=NAMING)
