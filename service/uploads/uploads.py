"""The rows of resumable uploads. An offset in the database never says more than what is safe in the spool."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from service.access import Actor, Role
from service.errors import ServiceError
from service.ids import new_id
from service.services import Services
from service.store.photos import Upload
from service.uploads.checks import Place
from service.uploads.claims import Claim

State = Literal["open", "done", "terminated", "expired"]

IDLE: Final = timedelta(hours=1)
"""An upload that got nothing for so long makes room when its account has too many."""


@dataclass(frozen=True, slots=True)
class Open:
    """A resumable upload as its row says.

    Attributes:
        id: its id.
        state: ``open``, ``done``, ``terminated`` or ``expired``.
        actor: who began it; used when the machine itself finishes it.
        place: where the photo belongs.
        claim: what the sender said.
        size_bytes: announced.
        offset_bytes: safe so far.
        expires_at: when it ends unless more comes.
        receipt_id: once it is done.
        refused: code for which the whole file was refused.
    """

    id: str
    state: State
    actor: Actor
    place: Place
    claim: Claim
    size_bytes: int
    offset_bytes: int
    expires_at: datetime
    receipt_id: str | None
    refused: str | None

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are here."""
        return self.offset_bytes == self.size_bytes


def begin(
    session: Session, services: Services, actor: Actor, place: Place, claim: Claim, size_bytes: int
) -> str | None:
    """Makes an upload; one that this account began for the same photo and never used is given again.

    When the account has too many, its longest idle one ends, if it is empty or idle for :data:`IDLE`.

    Returns:
        Its id; ``None`` when the account has too many.
    """
    now = services.now()
    ttl = timedelta(hours=services.settings.upload_ttl_hours)
    mine = (Upload.account_id == actor.account_id, Upload.state == "open", Upload.expires_at > now)
    details = _details(actor, place, claim)
    if claim.sha256 is not None:
        unused = session.scalars(
            select(Upload)
            .where(*mine, Upload.offset_bytes == 0, Upload.size_bytes == size_bytes, Upload.sha256 == claim.sha256)
            .where(Upload.election_id == place.election_id, Upload.tps == place.tps)
            .limit(1)
        ).first()
        if unused is not None:
            unused.details, unused.expires_at = details, now + ttl
            return unused.id
    if (session.scalar(select(func.count()).where(*mine)) or 0) >= services.settings.max_open_uploads:
        oldest = session.scalars(
            select(Upload).where(*mine).order_by(Upload.offset_bytes > 0, Upload.expires_at).limit(1)
        ).one()
        if oldest.offset_bytes > 0 and oldest.expires_at - ttl > now - IDLE:
            return None
        oldest.state = "terminated"
    row = Upload(
        id=new_id(),
        account_id=actor.account_id,
        election_id=place.election_id,
        tps=place.tps,
        sha256=claim.sha256,
        size_bytes=size_bytes,
        offset_bytes=0,
        details=details,
        state="open",
        receipt_id=None,
        created_at=now,
        expires_at=now + ttl,
    )
    session.add(row)
    session.flush()
    return row.id


def find(services: Services, upload_id: str, actor: Actor | None = None) -> Open:
    """An upload, of this actor where one is given.

    Raises:
        ServiceError: ``unknown_upload``, also for one of another account.
    """
    if len(upload_id) != 32 or not upload_id.isalnum() or not upload_id.isascii():
        raise ServiceError("unknown_upload")
    with services.store.read() as session:
        row = session.get(Upload, upload_id)
    if row is None or (actor is not None and row.account_id != actor.account_id):
        raise ServiceError("unknown_upload")
    return from_row(row)


def find_to_resume(services: Services, actor: Actor, claim: Claim, size_bytes: int) -> Open | None:
    """The actor's own unfinished upload of the same photo for the same station, the one that got furthest."""
    with services.store.read() as session:
        row = session.scalars(
            select(Upload)
            .where(
                Upload.account_id == actor.account_id,
                Upload.state == "open",
                Upload.expires_at > services.now(),
                Upload.election_id == claim.election,
                Upload.tps == claim.tps,
                Upload.sha256 == claim.sha256,
                Upload.size_bytes == size_bytes,
            )
            .order_by(Upload.offset_bytes.desc(), Upload.id)
            .limit(1)
        ).first()
    return None if row is None else from_row(row)


def advance(session: Session, services: Services, upload_id: str, start: int, end: int) -> bool:
    """Says that the bytes up to ``end`` are safe; False when the row does not stand at ``start`` any more."""
    expires_at = services.now() + timedelta(hours=services.settings.upload_ttl_hours)
    changed = session.execute(
        update(Upload)
        .where(Upload.id == upload_id, Upload.state == "open", Upload.offset_bytes == start)
        .values(offset_bytes=end, expires_at=expires_at)
        .execution_options(synchronize_session=False)
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def end(session: Session, upload: Open, state: str, refused: str | None = None) -> bool:
    """Ends an open upload as ``terminated`` or ``expired``; False when it is not open any more."""
    row = session.get(Upload, upload.id, with_for_update=True, populate_existing=True)
    if row is None or row.state != "open":
        return False
    row.state = state
    if refused is not None:
        row.details = {**row.details, "refused": refused}
    return True


def start_again(session: Session, services: Services, upload_id: str) -> None:
    """Puts the offset back to 0: what came is not what was announced."""
    expires_at = services.now() + timedelta(hours=services.settings.upload_ttl_hours)
    session.execute(
        update(Upload)
        .where(Upload.id == upload_id, Upload.state == "open")
        .values(offset_bytes=0, expires_at=expires_at)
        .execution_options(synchronize_session=False)
    )


def from_row(row: Upload) -> Open:
    """A row as a value."""
    details: Mapping[str, Any] = row.details
    sender = details["sender"]
    return Open(
        id=row.id,
        state=cast(State, row.state),
        actor=Actor(row.account_id, Role(sender["role"]), sender["scope"], sender["session"], sender["origin"]),
        place=Place(row.election_id, row.tps, details["kecamatan"]),
        claim=Claim.model_validate(details["claim"]),
        size_bytes=row.size_bytes,
        offset_bytes=row.offset_bytes,
        expires_at=row.expires_at,
        receipt_id=row.receipt_id,
        refused=details.get("refused"),
    )


def _details(actor: Actor, place: Place, claim: Claim) -> dict[str, Any]:
    return {
        "claim": claim.model_dump(mode="json", exclude_none=True),
        "kecamatan": place.kecamatan,
        "sender": {
            "role": actor.role.value,
            "scope": actor.scope,
            "session": actor.session_id,
            "origin": actor.origin,
        },
    }
