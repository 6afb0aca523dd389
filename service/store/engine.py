"""One way to the database: ``store.read()`` and ``store.write()``, the same on SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

_LOCK_WAIT_S = 10
_WRITES = "turus_writes"

_SQLITE_AWAY = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_PROTOCOL",
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",  # a file system that was mounted read-only after a fault of its disk
)
"""Beginnings of names of result codes, so that their extended codes are meant too."""

_POSTGRESQL_AWAY = ("08", "53", "57", "58030", "40001", "40P01", "55P03")
"""Connections, resources, an operator's doing (restart), input or output; then two that wait for each other."""


class Store:
    """Sessions on one database. Share one per process; it is safe to use from many threads."""

    def __init__(self, url: str, pool_size: int = 20) -> None:
        """Connects lazily: a database that is away is found out by the first query.

        Args:
            url: an SQLAlchemy address: ``sqlite:///path`` or ``postgresql+psycopg://...``.
            pool_size: connections kept open; as many again may be opened for a while.
        """
        self.engine = _make_engine(url, pool_size)
        self._writer = self.engine.execution_options(**{_WRITES: True})

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the single-machine database: one writer at a time."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; nothing it does is kept."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction: committed when the block ends, rolled back when it raises.

        On SQLite the write lock is taken at the start (BEGIN IMMEDIATE), so that what was read inside stays true. On
        PostgreSQL the isolation is READ COMMITTED: lock the rows that a decision rests on.
        """
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()


def is_outage(error: BaseException) -> bool:
    """Whether the error says that the database cannot be reached or does not answer, and trying again may help.

    A faulty statement, a missing table or a broken rule is none: it would fail the same for ever. Codes from
    https://sqlite.org/rescode.html and appendix A of PostgreSQL's manual.
    """
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or is_disk_full(error):
        return True
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return str(name).startswith(_SQLITE_AWAY)
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_POSTGRESQL_AWAY)
    return isinstance(error, OperationalError)  # nobody answered: there is no code


def is_disk_full(error: BaseException) -> bool:
    """Whether the database has no room left on its disk."""
    return isinstance(error, DBAPIError) and cause_of(error) in ("SQLITE_FULL", "53100")


def cause_of(error: BaseException) -> str:
    """The driver's own code for what happened (``SQLITE_BUSY``, ``55P03``), without the statement or its values."""
    driver = getattr(error, "orig", None)
    return getattr(driver, "sqlite_errorname", None) or getattr(driver, "sqlstate", None) or type(driver).__name__


def _make_engine(url: str, pool_size: int) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed,
            connect_args={"timeout": _LOCK_WAIT_S, "check_same_thread": False},
            hide_parameters=True,  # errors are logged, and the values can be personal data
            pool_size=pool_size,
            max_overflow=pool_size,
        )
        _tame_sqlite(engine)
        return engine
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,
        pool_timeout=_LOCK_WAIT_S,
        connect_args={
            "connect_timeout": 5,
            "options": f"-c lock_timeout={_LOCK_WAIT_S * 1000} -c idle_in_transaction_session_timeout=60000",
        },
    )


def _tame_sqlite(engine: Engine) -> None:
    """WAL with a full sync at each commit, foreign keys checked, and transactions that begin when we say so."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection, _record):  # type: ignore[no-untyped-def]
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "recursive_triggers=ON",  # else INSERT OR REPLACE deletes a row past the append-only triggers
            f"busy_timeout={_LOCK_WAIT_S * 1000}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
