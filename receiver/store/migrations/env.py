"""Alembic's entry: the connection and the parts come from receiver.store.migrating."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
