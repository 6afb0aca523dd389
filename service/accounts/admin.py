"""The first administrator, and who acts when somebody works on the server itself."""

import secrets

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from service.access import Actor, Role
from service.accounts.activation import add_invitation, invited_act
from service.accounts.registry import NewAccount, add_account, created_act
from service.audit import append
from service.services import Services
from service.store.accounts import Account

CONSOLE = Actor(account_id="console", role=Role.ADMIN, scope="")
"""Whoever may run commands on the server may do what an administrator may; the audit says ``console``."""

FIRST_LOGIN = "admin"


def first_admin_link(services: Services) -> str | None:
    """A link with which the first administrator gets in, made anew at each call; ``None`` once one is active.

    The link of an earlier call is good no more. Two processes that start at once end with one account.
    """
    for login in (FIRST_LOGIN, FIRST_LOGIN, f"{FIRST_LOGIN}-{secrets.token_hex(3)}"):
        try:
            return _link(services, login)
        except IntegrityError:
            continue
    raise RuntimeError("no administrator could be made")


def _link(services: Services, login: str) -> str | None:
    admins = select(Account).where(Account.role == Role.ADMIN.value)
    with services.store.write() as session:
        if session.scalars(admins.where(Account.state == "active").limit(1)).first():
            return None
        account = session.scalars(admins.where(Account.state == "invited").order_by(Account.id).limit(1)).first()
        acts = []
        if account is None:
            taken = session.scalar(select(Account.id).where(Account.login == login))
            free = f"{login}-{secrets.token_hex(3)}" if taken else login
            account = add_account(session, services, CONSOLE, NewAccount(Role.ADMIN, "", login=free))
            acts.append(created_act(CONSOLE, account))
        invitation = add_invitation(session, services, account)
        append(session, [*acts, invited_act(CONSOLE, account)], services.now())
    return invitation.link
