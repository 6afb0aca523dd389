"""A real PostgreSQL for the tests, and empty, migrated databases on it.

To make a database and to drop it costs far more than most tests: one is emptied and lent again, unless a test left
something in it that a new one does not have, or is still connected to it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, make_url, text

from service.ids import new_id
from service.store.engine import Store
from service.store.migrate import migrate
from service.store.tables import metadata

_TEMPLATE = "turus_template"
_LEAVE_WITHIN_S = 1.0


class Databases:
    """Databases on one server; calling it makes a new one and gives its address."""

    def __init__(self, address: str) -> None:
        self._base = make_url(address)
        self._free: list[str] = []
        with self._connect() as connection:
            for name in ("fsync", "full_page_writes"):  # no test cuts the power
                connection.execute(text(f"ALTER SYSTEM SET {name} = off"))
            connection.execute(text("SELECT pg_reload_conf()"))
            connection.execute(text(f"CREATE DATABASE {_TEMPLATE}"))
        store = Store(self._address(_TEMPLATE))
        migrate(store)
        store.close()
        with self._connect(_TEMPLATE) as connection:
            self._shape = _shape(connection)

    def __call__(self) -> str:
        return self._address(self._make())

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Address of an empty database, for as long as the context lasts."""
        name = self._free.pop() if self._free else self._make()
        yield self._address(name)
        if self._is_left(name) and self._emptied(name):
            self._free.append(name)
        else:
            with self._connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

    def _make(self) -> str:
        name = f"t{new_id()}"
        with self._connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}"))
        return name

    def _is_left(self, name: str) -> bool:
        """Whether nobody is connected any more; the server notices a moment after a client has gone."""
        deadline = time.monotonic() + _LEAVE_WITHIN_S
        connected = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name")
        with self._connect() as connection:
            while connection.scalar(connected, {"name": name}):
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.01)
        return True

    def _emptied(self, name: str) -> bool:
        with self._connect(name) as connection:
            if _shape(connection) != self._shape:
                return False
            connection.execute(text("SET session_replication_role = replica"))  # neither triggers nor foreign keys
            for table in metadata.tables:
                connection.execute(text(f"DELETE FROM {table}"))
        return True

    @contextmanager
    def _connect(self, name: str | None = None) -> Iterator[Connection]:
        engine = create_engine(self._address(name), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def _address(self, name: str | None) -> str:
        url = self._base.set(database=name) if name else self._base
        return url.render_as_string(hide_password=False)


def _shape(connection: Connection) -> tuple[int, ...]:
    """Counts that change with any table, column, index, rule or trigger, also with a trigger that is switched off."""
    counts = (
        "pg_class WHERE oid >= 16384",
        "pg_attribute WHERE attrelid >= 16384 AND NOT attisdropped",
        "pg_constraint WHERE oid >= 16384",
        "pg_trigger WHERE tgenabled = 'O'",
    )
    return tuple(connection.scalar(text(f"SELECT count(*) FROM {count}")) or 0 for count in counts)
