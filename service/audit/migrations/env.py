"""Run by Alembic, inside the transaction of `service.audit.tables.migrate`."""

from alembic import context

from service.audit.migration import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
