"""Login with a password, logout, change of password."""

from service.access import Actor, Role
from service.accounts import problems as problems
from service.accounts.activation import session_kind
from service.accounts.lockout import count_try, forget_tries, locked_until
from service.accounts.passwords import check_password, hash_password, password_matches
from service.accounts.registry import find_by_typed, own_account, unseal
from service.accounts.sessions import Opened, end_session, open_session, opened_act, revoke_all
from service.audit import NATIONAL, Act, append, kecamatan_of
from service.errors import ServiceError
from service.services import Services
from service.store.accounts import Account


def log_in(
    services: Services, typed: str, password: str, origin: str | None, *, browser: bool, label: str = ""
) -> tuple[Account, Opened]:
    """Opens a session for a login or phone number and its password.

    Whatever is wrong, the same statements run, one password is checked and one answer is given: an unknown login, a
    wrong password, an account that is locked, disabled or not yet activated cannot be told apart, not even by time.

    Raises:
        ServiceError: ``login_failed``; ``busy``.
    """
    with services.store.read() as session:
        account = find_by_typed(session, services, typed)
    key = account.id if account else services.keys.lookup_hash(f"login:{typed.strip().lower()}")
    open_ = count_try(services, key)
    usable = open_ and account is not None and account.state == "active"
    matches = password_matches(password, account.password_hash if account and usable else None)
    if not matches or account is None:
        if open_:
            _record_lock(services, key, account, origin)
        raise ServiceError("login_failed")
    return _open(services, account.id, key, origin, browser, label)


def log_out(services: Services, actor: Actor) -> None:
    """Ends the session that the actor came with; a second time is no error."""
    if actor.session_id is not None:
        end_session(services, actor, actor.session_id)


def change_password(services: Services, actor: Actor, old: str | None, new: str) -> None:
    """Sets a password; all other sessions of the account end.

    Args:
        services: the process's services.
        actor: whose password.
        old: the password until now; ``None`` only while the account has none.
        new: the password from now on.

    Raises:
        ServiceError: ``wrong_password`` (counted like a wrong login), ``weak_password``, ``busy``, ``session_ended``.
    """
    if actor.in_grace:  # else a phone whose time is over could let itself in again
        raise ServiceError("session_ended")
    now = services.now()
    account = own_account(services, actor)
    if account.password_hash is not None:
        open_ = count_try(services, account.id)
        if not password_matches(old or "", account.password_hash if open_ else None):
            raise ServiceError("wrong_password")
    check_password(new, account.login, unseal(services, account).phone)
    hashed = hash_password(new)
    with services.store.write() as session:
        current = session.get(Account, account.id, with_for_update=True)
        if current is None or current.state != "active" or current.password_hash != account.password_hash:
            raise ServiceError("session_ended")
        current.password_hash = hashed
        current.rev += 1
        forget_tries(session, current.id)
        ended = revoke_all(session, current.id, now, but=actor.session_id)
        act = Act(
            "account.password_changed",
            f"account:{current.id}",
            kecamatan_of(current.scope),
            actor,
            details={"sessions": ended},
        )
        append(session, [act], now)


def _open(
    services: Services, account_id: str, key: str, origin: str | None, browser: bool, label: str
) -> tuple[Account, Opened]:
    with services.store.write() as session:
        account = session.get(Account, account_id, with_for_update=True)
        if account is None or account.state != "active":
            raise ServiceError("login_failed")
        forget_tries(session, key)
        opened = open_session(session, services, account, session_kind(Role(account.role), browser), label)
        append(session, [opened_act(account, opened, origin)], services.now())
    return account, opened


def _record_lock(services: Services, key: str, account: Account | None, origin: str | None) -> None:
    """Puts a lock into the audit; for a login that nobody has, too, so that it takes as long."""
    now = services.now()
    with services.store.read() as session:
        until = locked_until(session, key, now)
    if until is None:
        return
    subject = f"account:{account.id}" if account else f"login:{key[:16]}"
    chain = kecamatan_of(account.scope) if account else NATIONAL
    details = {"until": until.isoformat(), "origin": origin}
    with services.store.write() as session:
        append(session, [Act("login.locked", subject, chain, None, details=details)], now)
