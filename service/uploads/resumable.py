"""Resumable uploads from the first byte to the receipt: appending, finishing, cancelling, and healing after a crash."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from starlette.types import Receive

from service.access import Action, Actor, authorise
from service.errors import ServiceError
from service.store.photos import Receipt
from service.uploads import uploads as rows
from service.uploads.intake import Intake, Submission
from service.uploads.reception import End, FileSink, Reception, end_error, receive_body
from service.uploads.spool import cover, disk_errors, reach
from service.uploads.uploads import Open

CHECKPOINT_S: Final = 10
"""How often a slow upload's bytes are made safe while they come: what a crash of the server can cost."""

CHECKSUMS: Final[Mapping[str, int]] = {"sha1": 20, "sha256": 32}
"""Algorithms of the checksum extension and the bytes of their sums."""

REFUSALS: Final = frozenset({"not_a_photo", "too_many_pixels"})
"""Codes after which the whole file is of no use: sending it again would end the same way."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the body of one request must hash to (tus 1.0, extension checksum)."""

    algorithm: str
    digest: bytes


def parse_checksum(header: str | None) -> Checksum | None:
    """An ``Upload-Checksum`` header: ``sha1 <base64>``.

    Raises:
        ServiceError: ``bad_request`` for an algorithm that is not offered, or a sum that cannot be one.
    """
    if header is None:
        return None
    algorithm, _, encoded = header.strip().partition(" ")
    try:
        digest = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if CHECKSUMS.get(algorithm) != len(digest):
        raise ServiceError("bad_request", details={"Upload-Checksum": f"one of {', '.join(CHECKSUMS)} and base64"})
    return Checksum(algorithm, digest)


async def append(
    intake: Intake,
    upload: Open,
    start: int,
    receive: Receive,
    checksum: Checksum | None,
    length_bytes: int | None,
    reception: Reception,
) -> tuple[Open, Receipt | None]:
    """Takes a body in at ``start``; the caller holds the upload.

    Args:
        intake: the way in.
        upload: as its row says now; ``start`` is where it stands.
        start: offset of the body's first byte.
        receive: ASGI's.
        checksum: of the body, where the client sent one.
        length_bytes: of the body, where the client said.
        reception: through which the body may be stopped.

    Returns:
        The upload afterwards, and the receipt when it was the end.

    Raises:
        ServiceError: what the body or the finished photo was refused for. Bytes that came and are of use stay.
    """
    room_bytes = upload.size_bytes - start
    if length_bytes is not None and length_bytes > room_bytes:
        raise ServiceError("upload_too_long", headers={"Connection": "close"})
    last_position = start
    timeout_s = intake.services.settings.chunk_timeout_s
    algorithms = ("sha256", checksum.algorithm) if checksum else ("sha256",)
    taken: End | None = None
    while taken is None:
        sink = intake.new_sink(*algorithms)
        # A body with a sum of its own is believed only as a whole.
        until = None if checksum else asyncio.get_running_loop().time() + CHECKPOINT_S
        left_bytes = upload.size_bytes - last_position
        try:
            taken = await receive_body(receive, sink, left_bytes, timeout_s, reception, until)
            position = last_position + sink.size_bytes
            if taken is End.COMPLETE and checksum and sink.digest(checksum.algorithm) != checksum.digest:
                raise ServiceError("checksum_mismatch")
            if taken is End.COMPLETE and position == upload.size_bytes:
                result = await finish(intake, upload, sink, last_position)
                intake.later(sink.discard)
                return result
            if taken is End.TOO_LONG or (checksum and taken is not End.COMPLETE and upload.claim.sha256 is None):
                raise end_error(taken or End.CUT, reception)
            upload = await _keep(intake, upload, sink, last_position)
        except (asyncio.CancelledError, ServiceError) as error:
            if isinstance(error, asyncio.CancelledError) or error.code in ("disk_full", "storage_away"):
                # The server is being stopped by force, or the disk is full: what is here may still be of use.
                intake.later(_rescue, intake, upload, sink, last_position)
            else:
                intake.later(sink.discard)
            raise
        intake.later(sink.discard)
        last_position = position
    if taken is not End.COMPLETE:
        raise end_error(taken, reception)
    return upload, None


async def finish(intake: Intake, upload: Open, tail: FileSink | None, tail_start: int) -> tuple[Open, Receipt | None]:
    """Has a whole upload accepted; the caller holds it.

    Args:
        intake: the way in.
        upload: as its row says now.
        tail: its last bytes, not in the spool yet; ``None``: all are.
        tail_start: offset of the tail's first byte.

    Raises:
        ServiceError: why it was not accepted. After ``checksum_mismatch`` the upload stands at 0 again; after
            ``not_a_photo`` and ``too_many_pixels`` it is over; else all its bytes are kept.
    """
    whole: Path | None = None
    try:
        if tail is not None and tail_start == 0:
            submission = _submission(upload, tail.path, tail.digest("sha256").hex())
        else:
            whole = intake.new_scratch()
            sha256 = await intake.file(assemble, intake, upload, whole, tail and tail.path, tail_start)
            submission = _submission(upload, whole, sha256)
        recorded = await intake.accept(submission)
    except ServiceError as error:
        await _not_accepted(intake, upload, error, tail, tail_start)
        raise
    finally:
        if whole is not None:
            intake.later(whole.unlink, True)
    intake.later(intake.spool.delete, upload.id)
    done = replace(upload, state="done", offset_bytes=upload.size_bytes, receipt_id=recorded.receipt.id)
    return done, recorded.receipt


async def heal(intake: Intake, upload: Open) -> tuple[Open, Receipt | None]:
    """Brings an open upload's row to what is safe in the spool, and accepts it when that is all.

    Needed where the server ended, or the database was away, between making bytes safe and saying so. Parts can also be
    fewer than the row says: the server ended while it dropped what was not as announced, or the spool is not the one
    that the upload was begun in. The phone then sends them again, where it would otherwise hear an error for days.
    """
    if upload.state != "open":
        return upload, None
    safe = min(reach(await intake.file(intake.spool.parts, upload.id)), upload.size_bytes)
    if safe != upload.offset_bytes:
        before = upload.offset_bytes
        await intake.write(lambda session: rows.advance(session, intake.services, upload.id, before, safe))
        upload = replace(upload, offset_bytes=safe)
    return await finish(intake, upload, None, 0) if upload.is_whole else (upload, None)


async def cancel(intake: Intake, upload: Open) -> None:
    """Ends an open upload and drops its bytes; the caller holds it.

    Raises:
        ServiceError: ``upload_done`` for one that has become a photo.
    """
    ended = await intake.write(lambda session: rows.end(session, upload, "terminated"))
    if not ended and (await intake.query(rows.find, intake.services, upload.id)).state == "done":
        raise ServiceError("upload_done")
    intake.later(intake.spool.delete, upload.id)


def require_alive(upload: Open, actor: Actor, intake: Intake) -> None:
    """Lets pass an upload that may still grow, or is done.

    Raises:
        ServiceError: ``upload_gone``; what its file was refused for; ``foreign_region``, ``forbidden`` where the sender
            may not send for the station any more.
    """
    authorise(actor, Action.UPLOAD, upload.place.tps)
    if upload.refused is not None:
        raise ServiceError(upload.refused)
    over = upload.state == "open" and upload.expires_at <= intake.services.now() and not upload.is_whole
    if over or upload.state in ("terminated", "expired"):
        raise ServiceError("upload_gone")


def assemble(intake: Intake, upload: Open, target: Path, tail: Path | None, tail_start: int) -> str:
    """Puts the parts together in one file; returns its SHA-256 (hex).

    Raises:
        ServiceError: ``storage_away``, ``disk_full``.
    """
    up_to = upload.size_bytes if tail is None else tail_start
    chosen = cover(intake.spool.parts(upload.id), up_to)
    digest = hashlib.sha256()
    with disk_errors(), target.open("xb") as file:
        position = 0
        for part, skip in chosen:
            for piece in intake.spool.read_part(upload.id, part):
                wanted = piece[skip : skip + up_to - position]
                skip = max(0, skip - len(piece))
                position += len(wanted)
                digest.update(wanted)
                file.write(wanted)
        if tail is not None:
            with tail.open("rb") as rest:
                while piece := rest.read(1024 * 1024):
                    digest.update(piece)
                    file.write(piece)
    return digest.hexdigest()


def _submission(upload: Open, path: Path, sha256: str) -> Submission:
    return Submission(
        upload.actor, upload.place, upload.claim, path, sha256, upload.size_bytes, "tus", upload_id=upload.id
    )


async def _keep(intake: Intake, upload: Open, sink: FileSink, start: int) -> Open:
    """Makes received bytes safe and says so in the row."""
    if not sink.size_bytes:
        return upload
    end = start + sink.size_bytes
    await intake.file(intake.spool.keep, upload.id, start, sink.path)
    moved = await intake.write(lambda session: rows.advance(session, intake.services, upload.id, start, end))
    if not moved:
        raise await conflict(intake, upload.id)
    return replace(upload, offset_bytes=end)


def _rescue(intake: Intake, upload: Open, sink: FileSink, start: int) -> None:
    """Makes safe what is in the file without saying so in the row: HEAD finds it (:func:`heal`)."""
    try:
        if sink.path.exists():
            intake.spool.keep(upload.id, start, sink.path)
    finally:
        sink.discard()


async def conflict(intake: Intake, upload_id: str) -> ServiceError:
    """``offset_conflict`` with the true offset."""
    now = await intake.query(rows.find, intake.services, upload_id)
    return ServiceError(
        "offset_conflict",
        details={"offset_bytes": now.offset_bytes},
        headers={"Upload-Offset": str(now.offset_bytes)},
    )


async def _not_accepted(
    intake: Intake, upload: Open, error: ServiceError, tail: FileSink | None, tail_start: int
) -> None:
    if error.code == "checksum_mismatch":
        await intake.file(intake.spool.delete, upload.id)
        await intake.write(lambda session: rows.start_again(session, intake.services, upload.id))
    elif error.code in REFUSALS:
        await intake.write(lambda session: rows.end(session, upload, "terminated", error.code))
        intake.later(intake.spool.delete, upload.id)
    elif tail is not None and tail.size_bytes:
        try:
            await _keep(intake, upload, tail, tail_start)
        except ServiceError as second:
            # The database is still away, or the disk still full; heal() finds what is safe.
            if second.code not in ("database_away", "disk_full", "storage_away", "offset_conflict"):
                raise
