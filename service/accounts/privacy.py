"""Personal data end here: an account's on request, a whole election's when its legal term is over (docs/privacy.md).

What a person did stays under the account's id, which then leads to nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import and_, delete, func, select
from sqlalchemy.orm import Session

from service.access import Actor, Role
from service.accounts import problems as problems
from service.accounts.chunks import AT_ONCE
from service.accounts.lockout import forget_tries, sweep_tries
from service.accounts.ranks import authorise_account
from service.accounts.registry import refuse_last_admin
from service.audit import Act, append, kecamatan_of
from service.blobs.port import original_key, view_key
from service.errors import ServiceError
from service.ids import new_id
from service.services import Services
from service.store.accounts import Account, Activation, LoginSession
from service.store.photos import Photo, PhotoEvent, Upload
from service.store.readings import HandwritingKey, Reading
from service.store.regions import Election

STANDING_ROLES = frozenset({Role.KPU_KOTA, Role.KPU_PROVINSI, Role.KPU_RI, Role.ADMIN})
"""Offices that outlast an election; their accounts are erased by hand."""

KEEP_ENDED = timedelta(days=90)
"""How long a session that is over, and an activation that was used or ran out, can still be looked at."""

_PHOTOS_AT_ONCE = 100
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Erased:
    """What a run erased, or would.

    Attributes:
        photos: photos whose file, shown pictures and capture data are gone.
        accounts: accounts whose personal data are gone.
    """

    photos: int
    accounts: int


def erase_account(services: Services, actor: Actor, account_id: str, reason: str) -> Account:
    """Erases a person's data now, on request or because they left; doing it twice is no error.

    Raises:
        ServiceError: ``forbidden``, ``unknown_account``, ``role_out_of_reach``, ``own_account``, ``last_admin``.
    """
    if account_id == actor.account_id:
        raise ServiceError("own_account")
    with services.store.write() as session:
        account = authorise_account(actor, session.get(Account, account_id, with_for_update=True))
        if account.state == "erased":
            return account
        refuse_last_admin(session, account)
        append(session, [_erase(session, account, actor, reason)], services.now())
    return account


def erase_expired(services: Services, *, dry_run: bool = False) -> Erased:
    """Erases what no election needs any more, and tidies up sessions that are long over. Run it daily; resumable.

    Args:
        services: the process's services.
        dry_run: only count.

    Raises:
        ServiceError: ``storage_away``; what was erased until then stays erased, and the next run goes on.
    """
    now = services.now()
    with services.store.read() as session:
        elections = session.scalars(select(Election)).all()
    over = [e for e in elections if _is_over(e, now)]
    photos = sum(_erase_photos(services, election, dry_run) for election in over)
    accounts = _erase_accounts(services, elections, dry_run) if over else 0
    if not dry_run:
        sweep(services)
        _log.info("retention.run", photos=photos, accounts=accounts)
    return Erased(photos, accounts)


def sweep(services: Services) -> None:
    """Drops sessions and activations that have been over for :data:`KEEP_ENDED`, and old wrong logins."""
    now = services.now()
    old = now - KEEP_ENDED
    with services.store.write() as session:
        session.execute(delete(LoginSession).where((LoginSession.grace_until < old) | (LoginSession.revoked_at < old)))
        session.execute(delete(Activation).where((Activation.expires_at < old) | (Activation.used_at < old)))
        sweep_tries(session, now)


def _is_over(election: Election, now: datetime) -> bool:
    return election.erase_after is not None and election.erase_after <= now and election.state == "closed"


def _erase(session: Session, account: Account, actor: Actor | None, reason: str) -> Act:
    account.state = "erased"
    account.login = account.phone_hash = account.phone_sealed = account.name_sealed = account.password_hash = None
    account.rev += 1
    session.execute(delete(LoginSession).where(LoginSession.account_id == account.id))
    session.execute(delete(Activation).where(Activation.account_id == account.id))
    forget_tries(session, account.id)
    return Act("account.erased", f"account:{account.id}", kecamatan_of(account.scope), actor, reason)


def _erase_accounts(services: Services, elections: Sequence[Election], dry_run: bool) -> int:
    """Accounts of bodies formed for an election, all of whose elections are over."""
    now = services.now()
    temporary = sorted(role.value for role in Role if role not in STANDING_ROLES)
    query = select(Account).where(Account.role.in_(temporary), Account.state != "erased").order_by(Account.id)
    count, last = 0, ""
    while True:
        with services.store.read() if dry_run else services.store.write() as session:
            accounts = session.scalars(query.where(Account.id > last).limit(AT_ONCE)).all()
            if not accounts:
                return count
            last = accounts[-1].id
            done = [account for account in accounts if _outlived(account, elections, now)]
            count += len(done)
            if not dry_run:
                acts = [_erase(session, account, None, "election.erase_after") for account in done]
                append(session, acts, now)


def _outlived(account: Account, elections: Sequence[Election], now: datetime) -> bool:
    """Whether every election that the account may have served is over, and it is not a new one for the next."""
    served = [e for e in elections if e.scope.startswith(account.scope) or account.scope.startswith(e.scope)]
    if not served or not all(_is_over(election, now) for election in served):
        return False
    ends = [election.closes_at or election.erase_after for election in served]
    return account.created_at < max(end for end in ends if end is not None)


def _erase_photos(services: Services, election: Election, dry_run: bool) -> int:
    left = and_(Photo.election_id == election.id, Photo.erased_at.is_(None))
    if dry_run:
        with services.store.read() as session:
            return session.scalar(select(func.count()).select_from(Photo).where(left)) or 0
    count = 0
    while True:
        with services.store.read() as session:
            photos = session.scalars(select(Photo).where(left).order_by(Photo.id).limit(_PHOTOS_AT_ONCE)).all()
        if not photos:
            break
        for photo in photos:
            _delete_files(services, photo)
        count += _mark_erased(services, [photo.id for photo in photos])
    with services.store.write() as session:
        session.execute(delete(HandwritingKey).where(HandwritingKey.election_id == election.id))
        session.execute(delete(Upload).where(Upload.election_id == election.id))  # they hold network addresses
    return count


def _delete_files(services: Services, photo: Photo) -> None:
    """The file as sent and the pictures made of it. First these, then the row: a run cut in between is repeated."""
    with services.store.read() as session:
        parts = session.scalars(select(Reading.part).where(Reading.photo_id == photo.id).distinct()).all()
        needed = _needed_elsewhere(session, photo)
    for part in parts:
        services.blobs.delete(view_key(photo.id, part))
    if needed or not services.blobs.exists(original_key(photo.sha256)):
        return
    kept = services.blobs.get(original_key(photo.sha256))
    services.blobs.delete(original_key(photo.sha256))
    with services.store.read() as session:
        if _needed_elsewhere(session, photo):  # the same file was sent for a living election at this very moment
            services.blobs.put_bytes(original_key(photo.sha256), kept)


def _needed_elsewhere(session: Session, photo: Photo) -> bool:
    others = select(Photo.id).where(
        Photo.sha256 == photo.sha256, Photo.election_id != photo.election_id, Photo.erased_at.is_(None)
    )
    return session.scalars(others.limit(1)).first() is not None


def _mark_erased(services: Services, photo_ids: Sequence[str]) -> int:
    now = services.now()
    with services.store.write() as session:
        query = select(Photo).where(Photo.id.in_(photo_ids), Photo.erased_at.is_(None)).order_by(Photo.id)
        photos = session.scalars(query.with_for_update()).all()
        for photo in photos:
            photo.erased_at = now
            photo.capture = {}
            photo.rev += 1
            session.add(
                PhotoEvent(
                    id=new_id(),
                    photo_id=photo.id,
                    kind="erased",
                    tps_before=photo.tps,
                    tps_after=photo.tps,
                    page_before=photo.page,
                    page_after=photo.page,
                    account_id=None,
                    reason=None,
                    at=now,
                )
            )
        acts = [
            Act("photo.erased", f"photo:{photo.id}", kecamatan_of(photo.tps), None, "election.erase_after")
            for photo in photos
        ]
        append(session, acts, now)
    return len(photos)
