"""What Alembic runs; the connection comes from :mod:`service.store.migrate`."""

from alembic import context
from sqlalchemy import Connection

from service.store.tables import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_type=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
if connection.in_transaction():
    connection.commit()
