"""Accounts: made, found, disabled and enabled again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.fernet import InvalidToken
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.access import Action, Actor, Role, authorise
from service.accounts import problems as problems
from service.accounts.lockout import forget_tries
from service.accounts.phones import normal_phone
from service.accounts.ranks import authorise_account, check_scope
from service.accounts.sessions import revoke_all
from service.audit import Act, append, kecamatan_of
from service.errors import ServiceError
from service.ids import new_id
from service.services import Services
from service.store.accounts import Account
from service.store.regions import Region, Tps

NAME_CHARS = 80
TPS_DIGITS = 13
_LOGIN = re.compile(r"^(?=.*[a-z])[a-z0-9][a-z0-9._-]{2,63}$")


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made.

    Attributes:
        role: its role.
        scope: region-code prefix; its length must fit the role.
        phone: mobile number in any spelling; needed for a code, and for phones.
        login: name to log in with; for desks. At least one of the two.
        name: the person's name, for the one who hands out the codes.
    """

    role: Role
    scope: str
    phone: str | None = None
    login: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """What is sealed in an account, in the clear."""

    name: str | None
    phone: str | None


def add_account(session: Session, services: Services, actor: Actor, new: NewAccount) -> Account:
    """Adds an account in state ``invited`` within the caller's transaction; it is of no use before its activation.

    The caller has authorised it (:func:`service.accounts.ranks.authorise_managing`) and adds :func:`created_act`.

    Raises:
        ServiceError: ``bad_scope``, ``unknown_tps``, ``unknown_region``; ``bad_phone``, ``bad_login``, ``bad_name``,
            ``login_or_phone_needed``; ``phone_taken``, ``login_taken``.
    """
    check_scope(new.role, new.scope)
    _require_region(session, new.scope)
    phone = normal_phone(new.phone) if new.phone else None
    login = normal_login(new.login) if new.login else None
    if phone is None and login is None:
        raise ServiceError("login_or_phone_needed")
    phone_hash = services.keys.lookup_hash(phone) if phone else None
    if phone_hash and session.scalar(select(Account.id).where(Account.phone_hash == phone_hash)):
        raise ServiceError("phone_taken")
    if login and session.scalar(select(Account.id).where(Account.login == login)):
        raise ServiceError("login_taken")
    account = Account(
        id=new_id(),
        role=new.role.value,
        scope=new.scope,
        login=login,
        phone_hash=phone_hash,
        phone_sealed=services.keys.seal.encrypt(phone.encode()) if phone else None,
        name_sealed=seal_name(services, new.name),
        password_hash=None,
        state="invited",
        created_at=services.now(),
        created_by=actor.account_id,
        activated_at=None,
    )
    session.add(account)
    session.flush()
    return account


def created_act(actor: Actor, account: Account) -> Act:
    """The audit's line for a new account."""
    details = {"role": account.role, "scope": account.scope}
    return Act("account.created", f"account:{account.id}", kecamatan_of(account.scope), actor, details=details)


def normal_login(written: str) -> str:
    """A login as stored: lower case.

    Raises:
        ServiceError: ``bad_login``.
    """
    login = written.strip().lower()
    if not _LOGIN.match(login):
        raise ServiceError("bad_login")
    return login


def seal_name(services: Services, written: str | None) -> bytes | None:
    """A name, tidied and encrypted.

    Raises:
        ServiceError: ``bad_name``.
    """
    if written is None or not (name := " ".join(written.split())):
        return None
    if len(name) > NAME_CHARS or not name.isprintable():
        raise ServiceError("bad_name")
    return services.keys.seal.encrypt(name.encode())


def unseal(services: Services, account: Account) -> Person:
    """Name and phone number; ``None`` also when they were sealed with another key."""

    def opened(sealed: bytes | None) -> str | None:
        try:
            return services.keys.seal.decrypt(sealed).decode() if sealed else None
        except InvalidToken:
            return None

    return Person(opened(account.name_sealed), opened(account.phone_sealed))


def get_account(services: Services, actor: Actor, account_id: str) -> Account:
    """An account that the actor may manage.

    Raises:
        ServiceError: ``forbidden``, ``unknown_account``, ``role_out_of_reach``.
    """
    with services.store.read() as session:
        return authorise_account(actor, session.get(Account, account_id))


def own_account(services: Services, actor: Actor) -> Account:
    """The actor's own account.

    Raises:
        ServiceError: ``session_ended`` when it is gone.
    """
    with services.store.read() as session:
        account = session.get(Account, actor.account_id)
    if account is None:
        raise ServiceError("session_ended")
    return account


@dataclass(frozen=True, slots=True)
class Filter:
    """Which accounts to list.

    Attributes:
        scope: region-code prefix; ``None``: the actor's own.
        role: only this role.
        state: only this state.
        after: id of the last account of the page before.
    """

    scope: str | None = None
    role: Role | None = None
    state: str | None = None
    after: str | None = None


def list_accounts(services: Services, actor: Actor, wanted: Filter, limit: int) -> Sequence[Account]:
    """Accounts in the region, the oldest first.

    Raises:
        ServiceError: ``forbidden``, ``foreign_region``.
    """
    scope = actor.scope if wanted.scope is None else wanted.scope
    authorise(actor, Action.MANAGE_ACCOUNTS, scope)
    query = select(Account).where(Account.scope >= scope, Account.scope < f"{scope}:").order_by(Account.id)
    if wanted.role is not None:
        query = query.where(Account.role == wanted.role.value)
    if wanted.state is not None:
        query = query.where(Account.state == wanted.state)
    if wanted.after is not None:
        query = query.where(Account.id > wanted.after)
    with services.store.read() as session:
        return session.scalars(query.limit(limit)).all()


def disable_account(services: Services, actor: Actor, account_id: str, reason: str) -> Account:
    """Shuts an account out at once: its sessions end and nothing of it works until it is enabled.

    Raises:
        ServiceError: as :func:`get_account`; ``own_account``, ``last_admin``, ``account_erased``.
    """
    if account_id == actor.account_id:
        raise ServiceError("own_account")
    now = services.now()
    with services.store.write() as session:
        account = locked_account(session, actor, account_id)
        refuse_last_admin(session, account)
        if account.state == "disabled":
            return account
        account.state = "disabled"
        account.rev += 1
        ended = revoke_all(session, account.id, now)
        append(session, [_act("account.disabled", actor, account, reason, sessions=ended)], now)
    return account


def enable_account(services: Services, actor: Actor, account_id: str, reason: str) -> Account:
    """Lets a disabled account in again, and forgets wrong logins; its ended sessions stay ended.

    Raises:
        ServiceError: as :func:`get_account`; ``account_erased``.
    """
    now = services.now()
    with services.store.write() as session:
        account = locked_account(session, actor, account_id)
        forget_tries(session, account.id)
        if account.state == "disabled":
            account.state = "active" if account.activated_at else "invited"
            account.rev += 1
        append(session, [_act("account.enabled", actor, account, reason)], now)
    return account


def revoke_sessions(services: Services, actor: Actor, account_id: str, reason: str) -> int:
    """Ends all sessions of an account (a lost phone); returns how many.

    Raises:
        ServiceError: as :func:`get_account`.
    """
    now = services.now()
    with services.store.write() as session:
        account = locked_account(session, actor, account_id)
        ended = revoke_all(session, account.id, now)
        append(session, [_act("account.sessions_revoked", actor, account, reason, sessions=ended)], now)
    return ended


def locked_account(session: Session, actor: Actor, account_id: str) -> Account:
    """An account to be changed, its row locked.

    Raises:
        ServiceError: as :func:`get_account`; ``account_erased``.
    """
    account = authorise_account(actor, session.get(Account, account_id, with_for_update=True))
    if account.state == "erased":
        raise ServiceError("account_erased")
    return account


def refuse_last_admin(session: Session, account: Account) -> None:
    """Keeps the door to the machine open.

    Raises:
        ServiceError: ``last_admin``.
    """
    if account.role != Role.ADMIN or account.state != "active":
        return
    admins = select(Account.id).where(Account.role == Role.ADMIN.value, Account.state == "active")
    if len(session.scalars(admins.with_for_update()).all()) == 1:
        raise ServiceError("last_admin")


def find_by_typed(session: Session, services: Services, typed: str) -> Account | None:
    """The account whose login or phone number that is."""
    try:
        phone_hash = services.keys.lookup_hash(normal_phone(typed))
    except ServiceError:
        phone_hash = ""  # no account has it
    login = typed.strip().lower() if typed.isprintable() else ""  # no database takes a NUL
    return session.scalar(select(Account).where(or_(Account.login == login, Account.phone_hash == phone_hash)))


def _act(action: str, actor: Actor, account: Account, reason: str | None, **details: object) -> Act:
    return Act(action, f"account:{account.id}", kecamatan_of(account.scope), actor, reason, details)


def _require_region(session: Session, scope: str) -> None:
    if not scope:
        return
    if len(scope) == TPS_DIGITS:
        if session.get(Tps, scope) is None:
            raise ServiceError("unknown_tps", details={"tps": scope})
    elif session.get(Region, scope) is None:
        raise ServiceError("unknown_region", details={"region": scope})
