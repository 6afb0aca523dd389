"""Brings a database to the newest shape (Alembic); safe to run at every start and from several processes at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from service.store.engine import Store

_FOLDER = Path(__file__).with_name("migrations")
_LOCK = 7_281_020_241_109
"""Number of the advisory lock that lets one process migrate at a time on PostgreSQL."""


def migrate(store: Store) -> str:
    """Runs every migration that has not been run.

    Returns:
        The revision that the database has now.

    Raises:
        sqlalchemy.exc.OperationalError: the database cannot be reached.
    """
    with store.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
        try:
            command.upgrade(_config(connection), "head")
        finally:
            connection.rollback()
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()
    return newest_revision()


def newest_revision() -> str:
    """The revision this version of Turus needs."""
    head = ScriptDirectory(str(_FOLDER)).get_current_head()
    assert head is not None
    return head


def current_revision(store: Store) -> str | None:
    """The revision the database has; ``None``: never migrated."""
    with store.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config
