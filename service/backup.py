"""Backup and restore: the database first, then the photos it names, then the key.

Photos are stored before their rows and never change, so photos copied *after* the database was copied are complete
for it. The job engine's tables are not kept: whatever was waiting is found again from our own rows.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, make_url, select

from service.blobs.port import original_key
from service.errors import ServiceError, register
from service.services import Services
from service.settings import Settings
from service.store.engine import Store
from service.store.migrate import current_revision
from service.store.photos import Photo

register(
    {
        "backup_failed": (
            500,
            "Cadangan tidak dapat dibuat; lihat rinciannya.",
            "The backup could not be made; see the details.",
        ),
        "restore_refused": (
            409,
            "Pemulihan ditolak; lihat rinciannya. Tidak ada yang diubah.",
            "The restore was refused; see the details. Nothing was changed.",
        ),
    }
)

SQLITE_NAME, POSTGRES_NAME, NOTE_NAME, KEY_NAME = "turus.sqlite3", "turus.pgdump", "backup.json", "secret.key"
_UNFINISHED = ".new"

Progress = Callable[[int, int], None]


def back_up(services: Services, to: Path, progress: Progress = lambda done, total: None) -> int:
    """Copies everything into a folder; photos already there from an earlier backup are not copied again.

    Args:
        services: of this machine. The service may be running.
        to: folder, made if missing.
        progress: called with photos done and photos in all.

    Returns:
        Number of photos in the backup.

    Raises:
        ServiceError: ``backup_failed`` with what pg_dump said, ``blob_missing`` or ``storage_away``.
    """
    to.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = make_url(services.settings.database)
    if services.store.is_sqlite:
        _copy_sqlite(str(url.database), to / SQLITE_NAME)
    else:
        _run(["pg_dump", "--format=custom", f"--file={to / POSTGRES_NAME}", _libpq(url)], "backup_failed", url)
    wanted = _kept_photos(services)
    keys = [*map(original_key, wanted), *services.blobs.keys("views/")]
    for done, blob_key in enumerate(keys, 1):
        _copy_blob(services, blob_key, to)
        progress(done, len(keys))
    _forget_erased(services, to, wanted)
    key = services.settings.data_dir / KEY_NAME
    if key.exists():
        shutil.copy(key, to / KEY_NAME)
    note = {"revision": current_revision(services.store), "photos": len(wanted), "made_at": services.now().isoformat()}
    (to / NOTE_NAME).write_text(json.dumps(note, indent=2) + "\n")
    return len(wanted)


def restore(settings: Settings, source: Path) -> None:
    """Puts a backup's database and key back; then :func:`restore_photos` puts the photos back.

    Raises:
        ServiceError: ``restore_refused`` when there is a database already, or the folder holds no backup of this kind.
    """
    url = make_url(settings.database)
    if not (source / NOTE_NAME).exists():
        raise ServiceError("restore_refused", details={"folder": str(source), "problem": "no finished backup"})
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    key = settings.data_dir / KEY_NAME
    if key.exists() and (source / KEY_NAME).exists() and key.read_bytes() != (source / KEY_NAME).read_bytes():
        raise ServiceError("restore_refused", details={"problem": f"{key} is another key than the backup's"})
    if url.get_backend_name() == "sqlite":
        _restore_sqlite(source / SQLITE_NAME, Path(str(url.database)))
    else:
        _restore_postgres(source / POSTGRES_NAME, url)
    if (source / KEY_NAME).exists() and not key.exists():
        shutil.copy(source / KEY_NAME, key)
        key.chmod(0o600)


def restore_photos(services: Services, source: Path, progress: Progress = lambda done, total: None) -> int:
    """Stores what the photo storage lacks: photos that the restored database names, and the pictures people are shown.

    Returns:
        How many photos it stored.

    Raises:
        ServiceError: ``restore_refused`` for a photo that is not what its name says; what was stored before it stays.
    """
    wanted = set(_kept_photos(services))
    photos = [path for path in (source / "originals").glob("*/*") if path.name in wanted]
    views = [path for path in (source / "views").glob("*/*") if path.suffix != _UNFINISHED]
    stored = 0
    for done, path in enumerate([*photos, *views], 1):
        is_photo = done <= len(photos)
        key = original_key(path.name) if is_photo else f"views/{path.name}"
        if not services.blobs.exists(key):
            if is_photo:
                _refuse_damaged(path)
            scratch = services.settings.spool_dir / f"restore-{path.name}"
            scratch.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, scratch)
            services.blobs.put_file(key, scratch)
            scratch.unlink(missing_ok=True)
            stored += is_photo
        progress(done, len(photos) + len(views))
    return stored


def _kept_photos(services: Services) -> Sequence[str]:
    """SHA-256 of every photo that was not erased."""
    with services.store.read() as session:
        return session.scalars(select(Photo.sha256).where(Photo.erased_at.is_(None)).distinct()).all()


def _copy_sqlite(database: str, to: Path) -> None:
    """SQLite's online backup: a consistent copy while others write."""
    fresh = to.with_suffix(_UNFINISHED)
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(fresh)) as target:
        source.backup(target)
    fresh.replace(to)


def _copy_blob(services: Services, key: str, to: Path) -> None:
    kind, _, name = key.partition("/")
    path = to / kind / name.partition("-")[0][-2:] / name  # the last digits of an id and of a hash are well mixed
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(_UNFINISHED)
    with fresh.open("wb") as file:
        file.write(services.blobs.get(key))
        file.flush()
        os.fsync(file.fileno())  # the next backup into this folder takes it for good
    fresh.replace(path)


def _forget_erased(services: Services, to: Path, kept: Sequence[str]) -> None:
    """What was erased must not live on in a backup folder that is used again, its shown pictures neither.

    Only what the database says was erased goes: a file that it does not know may be all that is left of another one.
    """
    with services.store.read() as session:
        rows = session.execute(select(Photo.id, Photo.sha256).where(Photo.erased_at.is_not(None))).all()
    erased = {name for row in rows for name in row}.difference(kept)
    for kind in ("originals", "views"):
        for path in (to / kind).glob("*/*"):
            if path.name.partition("-")[0] in erased:
                path.unlink()


def _refuse_damaged(path: Path) -> None:
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != path.name:
            raise ServiceError("restore_refused", details={"file": str(path), "problem": "it is damaged"})


def _restore_sqlite(dump: Path, database: Path) -> None:
    if not dump.exists():
        raise ServiceError("restore_refused", details={"problem": f"{dump.name} is not in the backup"})
    # A write-ahead log left beside it would be played into the restored database and damage it.
    for there in (database, *(Path(f"{database}{end}") for end in ("-wal", "-shm"))):
        if there.exists():
            raise ServiceError("restore_refused", details={"problem": f"{there} exists already; move it away first"})
    database.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(dump, database)


def _restore_postgres(dump: Path, url: URL) -> None:
    if not dump.exists():
        raise ServiceError("restore_refused", details={"problem": f"{dump.name} is not in the backup"})
    store = Store(url.render_as_string(hide_password=False))
    try:
        if current_revision(store) is not None:
            raise ServiceError("restore_refused", details={"problem": "the database is not empty"})
    finally:
        store.close()
    _run(
        ["pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={_libpq(url)}", str(dump)],
        "restore_refused",
        url,
    )


def _libpq(url: URL) -> str:
    """The address for PostgreSQL's own programs, without the password: that goes by the environment, not by ``ps``."""
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _run(command: list[str], code: str, url: URL) -> None:
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ServiceError(code, details={"problem": f"{command[0]} is not installed"}) from error
    if done.returncode:
        raise ServiceError(code, details={"problem": done.stderr.strip()[-500:]})
