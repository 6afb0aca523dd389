"""The one-time way in: a link to click, or a short code to type together with one's phone number.

Making a new one ends the older ones. The first use ends both, and ends the sessions that the account had: one account
is one person, and a new phone means that the old one is out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.access import GRANTS, Action, Actor, Role
from service.accounts import problems as problems
from service.accounts.chunks import chunks
from service.accounts.lockout import forget_tries, note_try
from service.accounts.passwords import check_password, hash_password
from service.accounts.phones import normal_phone
from service.accounts.ranks import DESK_ROLES, authorise_managing
from service.accounts.registry import NewAccount, add_account, created_act, find_by_typed, locked_account, unseal
from service.accounts.sessions import Kind, Opened, open_session, opened_act, revoke_all
from service.accounts.tokens import MAX_TOKEN_CHARS, new_code, new_token, tidy_code, token_hash
from service.audit import Act, append, kecamatan_of
from service.errors import ServiceError
from service.keys import Keys
from service.services import Services
from service.store.accounts import Account, Activation

CODE_TRIES = 5
LINK, CODE = "link", "code"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What is handed to a person; the secrets are shown once and stored nowhere.

    Attributes:
        account_id: whose.
        link: address to open; the secret stands after ``#``, so that it reaches no server's log.
        code: eight characters to type together with the phone number; ``None`` for an account without one.
        expires_at: until when either can be used.
    """

    account_id: str
    link: str
    code: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """What a person shows to get in: the link's token, or code and phone number.

    Attributes:
        token: the part of the link after ``#``.
        code: as typed.
        phone: as typed; needed with a code.
        password: password wanted for later logins; needed for desk roles.
        label: what the device is called, for the list of sessions.
        browser: a browser asks; desk roles then get a browser's session.
    """

    token: str | None = None
    code: str | None = None
    phone: str | None = None
    password: str | None = None
    label: str = ""
    browser: bool = False


def register(services: Services, actor: Actor, new: NewAccount) -> tuple[Account, Invitation]:
    """Makes an account and its first link and code; both or neither.

    Raises:
        ServiceError: ``forbidden``, ``foreign_region``, ``role_out_of_reach``; what
            :func:`service.accounts.registry.add_account` raises.
    """
    authorise_managing(actor, new.role, new.scope)
    for _ in range(2):  # when somebody else is first, the second look says what was taken
        try:
            with services.store.write() as session:
                account = add_account(session, services, actor, new)
                invitation = add_invitation(session, services, account)
                append(session, [created_act(actor, account), invited_act(actor, account)], services.now())
        except IntegrityError:
            continue
        return account, invitation
    raise ServiceError("conflict")


def invite(services: Services, actor: Actor, account_id: str) -> Invitation:
    """Makes a new link and code for an account that the actor manages.

    Raises:
        ServiceError: ``forbidden``, ``unknown_account``, ``role_out_of_reach``, ``account_erased``,
            ``account_disabled``.
    """
    now = services.now()
    with services.store.write() as session:
        account = locked_account(session, actor, account_id)
        if account.state == "disabled":
            raise ServiceError("account_disabled")
        invitation = add_invitation(session, services, account)
        append(session, [invited_act(actor, account)], now)
    return invitation


def add_invitation(session: Session, services: Services, account: Account) -> Invitation:
    """Link and code within the caller's transaction; the caller adds :func:`invited_act`."""
    return add_invitations(session, services, [account])[0]


def add_invitations(session: Session, services: Services, accounts: Sequence[Account]) -> list[Invitation]:
    """The same for many, in the order given; their rows are locked, so that of two callers the later one counts."""
    now = services.now()
    expires_at = now + timedelta(days=services.settings.activation_days)
    made = []
    for some in chunks(sorted(account.id for account in accounts)):
        session.execute(select(Account.id).where(Account.id.in_(some)).order_by(Account.id).with_for_update())
        session.execute(delete(Activation).where(Activation.account_id.in_(some), Activation.used_at.is_(None)))
    for account in accounts:
        token, code = new_token(), new_code() if account.phone_hash else None
        hashes = [(LINK, token_hash(token))]
        if code:
            hashes.append((CODE, _code_hash(services.keys, account.id, code)))
        for kind, digest in hashes:
            session.add(
                Activation(
                    token_hash=digest,
                    account_id=account.id,
                    kind=kind,
                    created_at=now,
                    expires_at=expires_at,
                    used_at=None,
                    tries=0,
                )
            )
        made.append(Invitation(account.id, f"{services.settings.public_url}/activate#{token}", code, expires_at))
    return made


def invited_act(actor: Actor | None, account: Account) -> Act:
    """The audit's line for a new link and code."""
    return Act("account.invited", f"account:{account.id}", kecamatan_of(account.scope), actor)


def activate(services: Services, claim: Claim, origin: str | None) -> tuple[Account, Opened]:
    """Turns a link or code into an active account and a session on this device.

    Raises:
        ServiceError: ``activation_failed``, the same for every cause; ``password_needed`` or ``weak_password``, only to
            one who holds a valid link or code, which stays valid.
    """
    now = services.now()
    activation = _claimed(services, claim)
    with services.store.read() as session:
        account = session.get(Account, activation.account_id) if activation else None
    if activation is None or account is None:
        raise ServiceError("activation_failed")
    password_hash = _wanted_password(services, account, claim)  # slow, so outside the transaction
    with services.store.write() as session:
        current = session.get(Account, account.id, with_for_update=True)
        used = session.get(Activation, activation.token_hash, with_for_update=True)
        if current is None or used is None or not _usable(used, now) or current.state not in ("invited", "active"):
            raise ServiceError("activation_failed")
        used.used_at = now
        session.execute(delete(Activation).where(Activation.account_id == current.id, Activation.used_at.is_(None)))
        revoke_all(session, current.id, now)
        forget_tries(session, current.id)
        current.state = "active"
        current.activated_at = current.activated_at or now
        current.rev += 1
        if password_hash:
            current.password_hash = password_hash
        opened = open_session(session, services, current, _kind(current, claim.browser), claim.label)
        session_act = opened_act(current, opened, origin)
        details = {"by": used.kind, "password": password_hash is not None}
        activated = Act("account.activated", session_act.subject, session_act.chain, session_act.actor, details=details)
        append(session, [activated, session_act], now)
    return current, opened


def session_kind(role: Role, browser: bool) -> Kind:
    """A device's token for those who send photos, unless a browser asks; a browser's session for the rest."""
    return "device" if Action.UPLOAD in GRANTS[role] and not browser else "browser"


def _kind(account: Account, browser: bool) -> Kind:
    """A phone's browser is a device, too: who activates to send photos must be able to deliver them late."""
    return session_kind(Role(account.role), browser and account.role in DESK_ROLES)


def _claimed(services: Services, claim: Claim) -> Activation | None:
    """The activation that the claim opens; a wrong code is counted."""
    now = services.now()
    if claim.token is not None:
        if len(claim.token) > MAX_TOKEN_CHARS:
            return None
        with services.store.read() as session:
            found = session.get(Activation, token_hash(claim.token))
        return found if found is not None and found.kind == LINK and _usable(found, now) else None
    return _claimed_by_code(services, claim.code or "", claim.phone or "")


def _claimed_by_code(services: Services, code: str, phone: str) -> Activation | None:
    now = services.now()
    with services.store.write() as session:
        account = find_by_typed(session, services, _phone_or_nothing(phone))
        account_id = account.id if account else ""
        query = select(Activation).where(
            Activation.account_id == account_id, Activation.kind == CODE, Activation.used_at.is_(None)
        )
        found = session.scalars(query.order_by(Activation.created_at.desc()).limit(1).with_for_update()).first()
        digest = _code_hash(services.keys, account_id, tidy_code(code))
        if found is None or not _usable(found, now):
            note_try(session, services.keys.lookup_hash(f"activate:{phone}"), now)
            return None
        if compare_digest(found.token_hash, digest):
            return found
        found.tries += 1
        if found.tries == CODE_TRIES and account is not None:
            act = Act("activation.locked", f"account:{account.id}", kecamatan_of(account.scope), None)
            append(session, [act], now)
    return None


def _phone_or_nothing(phone: str) -> str:
    """A code goes with a phone number, never with a login."""
    try:
        return normal_phone(phone)
    except ServiceError:
        return ""


def _usable(activation: Activation, now: datetime) -> bool:
    return activation.used_at is None and now < activation.expires_at and activation.tries < CODE_TRIES


def _wanted_password(services: Services, account: Account, claim: Claim) -> str | None:
    if claim.password is None:
        if account.role in DESK_ROLES and account.password_hash is None:
            raise ServiceError("password_needed")
        return None
    check_password(claim.password, account.login, unseal(services, account).phone)
    return hash_password(claim.password)


def _code_hash(keys: Keys, account_id: str, code: str) -> str:
    """Keyed, because 39 bits could be found by trying; bound to the account, so that equal codes are no clash."""
    return keys.lookup_hash(f"code:{account_id}:{code}")
