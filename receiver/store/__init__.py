"""SQLAlchemy lives here only: tables, one file per aggregate, the outbox, pictures, migrations."""
