"""Sessions of browsers and tokens of devices: opened, recognised at every request, ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service.access import GRANTS, Action, Actor, Role
from service.accounts import problems as problems
from service.accounts.tokens import MAX_TOKEN_CHARS, new_token, token_hash
from service.audit import Act, append, kecamatan_of
from service.errors import ServiceError
from service.ids import new_id
from service.services import Services
from service.store.accounts import Account, LoginSession

TOUCH_EVERY = timedelta(minutes=5)
"""How exact ``last_used_at`` is. A phone that asks every second must not cost a disk sync every second."""

LABEL_CHARS = 64

Kind = Literal["browser", "device"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just opened.

    Attributes:
        token: the secret; shown once, stored nowhere.
        session_id: its id.
        kind: ``browser`` or ``device``.
        expires_at: until when it is good for everything.
        offline_until: until when photos may still be delivered with it; ``None`` where nothing is (browsers, and roles
            that send no photos).
    """

    token: str
    session_id: str
    kind: Kind
    expires_at: datetime
    offline_until: datetime | None


def open_session(session: Session, services: Services, account: Account, kind: Kind, label: str = "") -> Opened:
    """Opens a session within the caller's transaction; the caller adds it to the audit (:func:`opened_act`)."""
    now = services.now()
    days = services.settings.device_days if kind == "device" else services.settings.session_days
    expires_at = now + timedelta(days=days)
    delivers = kind == "device" and Action.UPLOAD in GRANTS[Role(account.role)]
    grace_until = expires_at + timedelta(hours=services.settings.grace_hours) if delivers else expires_at
    token = new_token()
    row = LoginSession(
        id=new_id(),
        token_hash=token_hash(token),
        account_id=account.id,
        kind=kind,
        label="".join(filter(str.isprintable, label))[:LABEL_CHARS],
        created_at=now,
        last_used_at=now,
        expires_at=expires_at,
        grace_until=grace_until,
        revoked_at=None,
    )
    session.add(row)
    return Opened(token, row.id, kind, expires_at, grace_until if delivers else None)


def opened_act(account: Account, opened: Opened, origin: str | None) -> Act:
    """The audit's line for a session."""
    actor = Actor(account.id, Role(account.role), account.scope, opened.session_id, origin)
    details = {"session": opened.session_id, "kind": opened.kind}
    return Act("session.opened", f"account:{account.id}", kecamatan_of(account.scope), actor, details=details)


def actor_from_token(services: Services, token: str, origin: str | None) -> Actor:
    """Who holds this token: one query by a unique index, so that revoking takes effect at once.

    Args:
        services: the process's services.
        token: as the client sent it.
        origin: network address it came from, for the audit.

    Raises:
        ServiceError: ``not_logged_in`` for a token that never was, ``session_ended`` for one that is over, revoked, or
            of an account that was disabled or erased.
    """
    if not token or len(token) > MAX_TOKEN_CHARS:
        raise ServiceError("not_logged_in")
    now = services.now()
    with services.store.read() as session:
        row = session.execute(_BY_TOKEN.where(LoginSession.token_hash == token_hash(token))).one_or_none()
    if row is None:
        raise ServiceError("not_logged_in")
    if row.revoked_at is not None or row.state != "active" or now >= row.grace_until:
        raise ServiceError("session_ended")
    if now - row.last_used_at >= TOUCH_EVERY:
        _touch(services, row.session_id, now)
    return Actor(
        account_id=row.account_id,
        role=Role(row.role),
        scope=row.scope,
        session_id=row.session_id,
        origin=origin,
        in_grace=now >= row.expires_at,
    )


_BY_TOKEN = select(
    LoginSession.id.label("session_id"),
    LoginSession.last_used_at,
    LoginSession.expires_at,
    LoginSession.grace_until,
    LoginSession.revoked_at,
    Account.id.label("account_id"),
    Account.role,
    Account.scope,
    Account.state,
).join(Account, Account.id == LoginSession.account_id)


def _touch(services: Services, session_id: str, now: datetime) -> None:
    """Notes that a session was used. It is only a hint for people, so a database that is busy loses it."""
    try:
        with services.store.write() as session:
            session.execute(
                update(LoginSession)
                .where(LoginSession.id == session_id, LoginSession.last_used_at <= now - TOUCH_EVERY)
                .values(last_used_at=now)
            )
    except SQLAlchemyError:
        return


def sessions_of(services: Services, account_id: str) -> Sequence[LoginSession]:
    """The sessions of an account that can still be used, the newest first."""
    query = (
        select(LoginSession)
        .where(
            LoginSession.account_id == account_id,
            LoginSession.revoked_at.is_(None),
            LoginSession.grace_until > services.now(),
        )
        .order_by(LoginSession.id.desc())
    )
    with services.store.read() as session:
        return session.scalars(query).all()


def end_session(services: Services, actor: Actor, session_id: str) -> None:
    """Ends one of the actor's own sessions; ending it twice is no error.

    Raises:
        ServiceError: ``unknown_session`` when it is not the actor's.
    """
    now = services.now()
    with services.store.write() as session:
        row = session.get(LoginSession, session_id, with_for_update=True)
        if row is None or row.account_id != actor.account_id:
            raise ServiceError("unknown_session")
        if row.revoked_at is not None:
            return
        row.revoked_at = now
        act = Act(
            "session.ended",
            f"account:{actor.account_id}",
            kecamatan_of(actor.scope),
            actor,
            details={"session": session_id},
        )
        append(session, [act], now)


def revoke_all(session: Session, account_id: str, now: datetime, but: str | None = None) -> int:
    """Ends every session of an account within the caller's transaction, ``but`` one; returns how many."""
    query = update(LoginSession).where(LoginSession.account_id == account_id, LoginSession.revoked_at.is_(None))
    if but is not None:
        query = query.where(LoginSession.id != but)
    result = session.execute(query.values(revoked_at=now).execution_options(synchronize_session=False))
    return int(result.rowcount)  # type: ignore[attr-defined]
