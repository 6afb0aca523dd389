"""What was left behind: uploads that ended unfinished, finished ones nobody accepted, files of crashed processes."""

from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from service.blobs.port import original_key
from service.errors import ServiceError
from service.services import Services
from service.store.photos import Photo, Upload
from service.uploads import uploads as rows
from service.uploads.intake import Intake, Submission
from service.uploads.resumable import REFUSALS, assemble
from service.uploads.spool import reach
from service.uploads.uploads import Open

QUIET: Final = timedelta(minutes=2)
"""A whole upload is left to its own connection for so long."""

OLD_FILE: Final = timedelta(hours=24)
"""No request lasts so long; a temporary file this old belongs to a process that is gone."""

OLD_ROW: Final = timedelta(days=30)
"""How long an ended upload can still be asked about. Its row holds the sender's network address."""

_BATCH: Final = 200
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did.

    Attributes:
        accepted: whole uploads that became photos.
        expired: uploads that ended unfinished.
        files: temporary files deleted.
        spools: uploads whose parts were deleted because no open upload needs them.
        rows: ended uploads forgotten.
        failed: whole uploads that could not be accepted now; the next sweep tries again.
    """

    accepted: int
    expired: int
    files: int
    spools: int
    rows: int
    failed: int


def sweep(intake: Intake) -> Swept:
    """One look; safe from several processes at once."""
    services = intake.services
    now = services.now()
    accepted, failed = _accept_whole(intake, now)
    expired = _expire(intake, now)
    swept = Swept(
        accepted, expired, _delete_old_files(intake, now), _delete_spools(intake), _forget(intake, now), failed
    )
    if any(astuple(swept)):
        _log.info("uploads.swept", **asdict(swept))
    return swept


def blobs_without_row(services: Services) -> Iterator[str]:
    """SHA-256 of originals that no photo row names: bytes whose sender never got a receipt, or is about to.

    Reads the whole store's list, so it is for a quiet hour, not for each sweep. Nothing is deleted: who finds a name
    here twice, an hour apart, may look into it.
    """
    names = (key.removeprefix(original_key("")) for key in services.blobs.keys(original_key("")))
    batch: list[str] = []
    for name in names:
        batch.append(name)
        if len(batch) == _BATCH:
            yield from _unknown(services, batch)
            batch = []
    yield from _unknown(services, batch)


def _unknown(services: Services, names: list[str]) -> list[str]:
    with services.store.read() as session:
        known = set(session.scalars(select(Photo.sha256).where(Photo.sha256.in_(names))))
    return [name for name in names if name not in known]


def _accept_whole(intake: Intake, now: datetime) -> tuple[int, int]:
    ttl = timedelta(hours=intake.services.settings.upload_ttl_hours)
    accepted = failed = 0
    for upload in _open_uploads(intake.services, idle_since=now - QUIET + ttl, only_whole=True):
        try:
            accepted += _accept(intake, upload)
        except ServiceError as error:
            failed += 1
            _log.warning("uploads.not_accepted", upload=upload.id, code=error.code)
    return accepted, failed


def _accept(intake: Intake, upload: Open) -> bool:
    path = intake.new_scratch()
    try:
        sha256 = assemble(intake, upload, path, None, 0)
        intake.accept_now(
            Submission(
                upload.actor, upload.place, upload.claim, path, sha256, upload.size_bytes, "tus", upload_id=upload.id
            )
        )
    except ServiceError as error:
        code = error.code
        if code in REFUSALS:
            intake.writer.run(lambda session: rows.end(session, upload, "terminated", code)).result()
            return False
        if code == "checksum_mismatch":
            intake.spool.delete(upload.id)
            intake.writer.run(lambda session: rows.start_again(session, intake.services, upload.id)).result()
            return False
        raise
    finally:
        path.unlink(missing_ok=True)
    return True


def _expire(intake: Intake, now: datetime) -> int:
    """Ends what is past its time, unless the spool holds more than the row knows: then it is whole or goes on."""
    uploads = _open_uploads(intake.services, idle_since=now, only_whole=False)
    return sum(_expire_one(intake, upload) for upload in uploads if not upload.is_whole)


def _expire_one(intake: Intake, upload: Open) -> bool:
    services, before = intake.services, upload.offset_bytes
    if reach(intake.spool.parts(upload.id)) >= upload.size_bytes:
        intake.writer.run(
            lambda session: rows.advance(session, services, upload.id, before, upload.size_bytes)
        ).result()
        return False
    return intake.writer.run(lambda session: rows.end(session, upload, "expired")).result()


def _open_uploads(services: Services, idle_since: datetime, only_whole: bool) -> list[Open]:
    query = select(Upload).where(Upload.state == "open", Upload.expires_at <= idle_since).order_by(Upload.expires_at)
    if only_whole:
        query = query.where(Upload.offset_bytes == Upload.size_bytes)
    with services.store.read() as session:
        return [rows.from_row(row) for row in session.scalars(query.limit(_BATCH))]


def _delete_old_files(intake: Intake, now: datetime) -> int:
    deleted = 0
    for path in intake.scratch_dir.glob("*"):
        try:
            if path.stat().st_mtime < (now - OLD_FILE).timestamp():
                path.unlink()
                deleted += 1
        except FileNotFoundError:
            continue
    return deleted


def _delete_spools(intake: Intake) -> int:
    """Parts of uploads that are done or over. An upload's row is there before its first part."""
    deleted = 0
    ids = list(intake.spool.uploads())
    for first in range(0, len(ids), _BATCH):
        some = ids[first : first + _BATCH]
        with intake.services.store.read() as session:
            needed = set(session.scalars(select(Upload.id).where(Upload.id.in_(some), Upload.state == "open")))
        for upload_id in some:
            if upload_id not in needed:
                intake.spool.delete(upload_id)
                deleted += 1
    return deleted


def _forget(intake: Intake, now: datetime) -> int:
    def work(session: Session) -> int:
        old = select(Upload.id).where(Upload.state != "open", Upload.expires_at < now - OLD_ROW).limit(_BATCH)
        gone = delete(Upload).where(Upload.id.in_(old)).execution_options(synchronize_session=False)
        return int(session.execute(gone).rowcount)  # type: ignore[attr-defined]

    return intake.writer.run(work).result()
