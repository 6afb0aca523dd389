"""What the migrations make is, to the last collation, what the code's tables describe."""

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, make_url, text

from service.store.engine import Store
from service.store.migrate import current_revision, migrate, newest_revision
from service.store.tables import metadata
from service.store.triggers import APPEND_ONLY

_POSTGRESQL = (
    "SELECT table_name, column_name, ordinal_position, data_type, character_maximum_length, collation_name,"
    " is_nullable, column_default, is_identity FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name <> 'alembic_version'",
    "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass",
    "SELECT relname, reloptions FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'",
    "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'",
)
_SQLITE = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND tbl_name <> 'alembic_version'"


def _shape(connection: Connection) -> set[str]:
    """Everything the database says about its tables and indexes, one line a fact."""
    if connection.dialect.name == "postgresql":
        return {repr(tuple(row)) for query in _POSTGRESQL for row in connection.execute(text(query))}
    return {
        f"{name}: {line.strip().rstrip(',')}"
        for name, sql in connection.execute(text(_SQLITE))
        for line in (sql or "").splitlines()
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def made_by_the_models(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database whose tables come from the models, without any migration."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'models.sqlite3'}"
    else:
        make: Callable[[], str] = request.getfixturevalue("postgres")
        url = make()
    engine = create_engine(url)
    with engine.begin() as connection:
        if request.param == "postgresql":
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
            connection.execute(text("CREATE TABLE alembic_version ()"))
        metadata.create_all(connection)
    engine.dispose()
    return url


def test_models_and_migrations_make_the_same_tables(
    made_by_the_models: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if make_url(made_by_the_models).get_backend_name() == "sqlite":
        migrated = f"sqlite:///{tmp_path / 'migrated.sqlite3'}"
        store = Store(migrated)
        migrate(store)
        store.close()
    else:
        migrated = request.getfixturevalue("postgres")()
    shapes = []
    for url in (made_by_the_models, migrated):
        engine = create_engine(url)
        with engine.connect() as connection:
            shapes.append(_shape(connection))
        engine.dispose()
    models, migrations = shapes
    assert len(models) > len(metadata.tables)
    assert models - migrations == set()
    assert migrations - models == set()


def test_tables_and_migrations_agree(store: Store) -> None:
    """Alembic would write nothing more: nobody forgot to write a migration."""
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_append_only_table_has_its_triggers(store: Store) -> None:
    query = (
        "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'"
        if store.is_sqlite
        else "SELECT DISTINCT event_object_table FROM information_schema.triggers"
    )
    with store.read() as session:
        assert set(session.scalars(text(query))) == set(APPEND_ONLY)


def test_migrating_twice_changes_nothing(store: Store) -> None:
    assert migrate(store) == newest_revision() == current_revision(store)
