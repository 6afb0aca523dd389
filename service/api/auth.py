"""Getting in and out: activation, login, one's own sessions and password."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field, model_validator

from service.access import GRANTS, Action, Actor, Role
from service.accounts.activation import Claim, activate
from service.accounts.limits import EntryLimits
from service.accounts.login import change_password, log_in, log_out
from service.accounts.phones import masked_phone
from service.accounts.registry import own_account, unseal
from service.accounts.sessions import Opened, end_session, sessions_of
from service.api.deps import PUBLIC, SESSION_COOKIE, Requires, Svc, origin_of
from service.api.shapes import Answer, Body
from service.services import Services
from service.store.accounts import Account

router = APIRouter(prefix="/auth", tags=["auth"])

Self = Annotated[Actor, Depends(Requires(Action.OWN_ACCOUNT))]
SessionId = Annotated[str, Path(pattern=r"^[0-9A-Za-z]{1,32}$")]
Secret = Annotated[str, Field(max_length=1000)]
Label = Annotated[str, Field(max_length=64, description="name of the device, for the list of sessions")]


class ActivateBody(Body):
    """A link's token, or a code with the phone number it was made for."""

    token: Secret | None = Field(None, description="the part of the link after #")
    code: Annotated[str, Field(max_length=40)] | None = Field(None, examples=["7K2M-9QXA"])
    phone: Annotated[str, Field(max_length=40)] | None = Field(None, examples=["0812 3456 7890"])
    password: Secret | None = Field(None, description="wanted for later logins; desk roles need one")
    device: Label = ""
    cookie: bool = Field(False, description="a browser: the token goes into a cookie and not into the answer")

    @model_validator(mode="after")
    def _one_of_two(self) -> "ActivateBody":
        if (self.token is None) == (self.code is None) or (self.code is None) != (self.phone is None):
            raise ValueError("give either token, or code and phone")
        return self


class LoginBody(Body):
    """A login, or a phone number, and its password."""

    login: Annotated[str, Field(min_length=1, max_length=64, examples=["web.kemiling"])]
    password: Secret
    device: Label = ""
    cookie: bool = Field(False, description="a browser: the token goes into a cookie and not into the answer")


class PasswordBody(Body):
    """A new password; the old one may be left out only while there is none."""

    old: Secret | None = None
    new: Secret


class AccountSelf(Answer):
    """Who one is, and what one may do."""

    id: str
    role: Role
    scope: str = Field(description="region-code prefix; empty for the nation")
    login: str | None
    name: str | None
    phone: str | None = Field(description="masked", examples=["+62 812-****-1234"])
    actions: list[Action]
    has_password: bool


class SessionAnswer(Answer):
    """A session: a browser's, or a device's token."""

    id: str
    kind: Literal["browser", "device"]
    label: str
    created_at: datetime
    last_used_at: datetime = Field(description="exact to five minutes")
    expires_at: datetime
    offline_until: datetime | None = Field(
        description="until when a device may work without a network and still deliver; null where nothing is delivered"
    )
    current: bool


class EntryAnswer(Answer):
    """A session just opened."""

    token: str | None = Field(description="for the header Authorization: Bearer; null with a cookie")
    session_id: str
    kind: Literal["browser", "device"]
    expires_at: datetime
    offline_until: datetime | None
    account: AccountSelf


class MeAnswer(Answer):
    """The caller's account and the session it came with."""

    account: AccountSelf
    session: SessionAnswer | None
    in_grace: bool = Field(description="the token has ended; only photos can still be delivered")


@router.post("/activate", summary="Activate an account on this device")
def post_activate(
    body: ActivateBody, request: Request, response: Response, services: Svc, _: Annotated[None, Depends(PUBLIC)]
) -> EntryAnswer:
    """Turns a one-time link or code into a session. Public: nobody has a session before.

    Wrong, used, expired and unknown are answered alike (``activation_failed``).
    """
    _limit(request, services, body.token or body.phone or "")
    claim = Claim(body.token, body.code, body.phone, body.password, body.device, browser=body.cookie)
    account, opened = activate(services, claim, origin_of(request))
    return _entry(services, response, account, opened, cookie=body.cookie)


@router.post("/login", summary="Log in with a password")
def post_login(
    body: LoginBody, request: Request, response: Response, services: Svc, _: Annotated[None, Depends(PUBLIC)]
) -> EntryAnswer:
    """Opens a session. Public: nobody has one before.

    An unknown login, a wrong password, a locked and a disabled account are answered alike (``login_failed``).
    """
    _limit(request, services, body.login)
    account, opened = log_in(
        services, body.login, body.password, origin_of(request), browser=body.cookie, label=body.device
    )
    return _entry(services, response, account, opened, cookie=body.cookie)


@router.post("/logout", status_code=204, summary="End this session")
def post_logout(response: Response, services: Svc, actor: Self) -> None:
    """Ends the session that the request came with."""
    log_out(services, actor)
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax", secure=_https(services))


@router.get("/me", summary="Who am I")
def get_me(services: Svc, actor: Self) -> MeAnswer:
    """The caller's account, what it may do, and until when its device may work offline."""
    account = own_account(services, actor)
    session = next((s for s in _sessions(services, actor) if s.current), None)
    return MeAnswer(account=_self(services, account), session=session, in_grace=actor.in_grace)


@router.get("/sessions", summary="My sessions")
def get_sessions(services: Svc, actor: Self) -> list[SessionAnswer]:
    """The caller's sessions that can still be used, the newest first."""
    return _sessions(services, actor)


@router.delete("/sessions/{session_id}", status_code=204, summary="End one of my sessions")
def delete_session(session_id: SessionId, services: Svc, actor: Self) -> None:
    """Ends one of the caller's own sessions, as for a phone that was lost."""
    end_session(services, actor, session_id)


@router.put("/password", status_code=204, summary="Change my password")
def put_password(body: PasswordBody, request: Request, services: Svc, actor: Self) -> None:
    """Sets the caller's password; all its other sessions end."""
    _limit(request, services, actor.account_id)
    change_password(services, actor, body.old, body.new)


def _limit(request: Request, services: Services, name: str) -> None:
    if not services.settings.rate_limits:
        return
    state = request.app.state
    if not hasattr(state, "entry_limits"):
        state.entry_limits = EntryLimits()
    limits: EntryLimits = state.entry_limits
    limits.check(origin_of(request), services.keys.lookup_hash(f"limit:{name.strip().lower()}"))


def _entry(services: Services, response: Response, account: Account, opened: Opened, *, cookie: bool) -> EntryAnswer:
    if cookie:
        response.set_cookie(
            SESSION_COOKIE,
            opened.token,
            max_age=int(((opened.offline_until or opened.expires_at) - services.now()).total_seconds()),
            path="/",
            httponly=True,
            samesite="lax",
            secure=_https(services),
        )
    return EntryAnswer(
        token=None if cookie else opened.token,
        session_id=opened.session_id,
        kind=opened.kind,
        expires_at=opened.expires_at,
        offline_until=opened.offline_until,
        account=_self(services, account),
    )


def _https(services: Services) -> bool:
    return services.settings.public_url.startswith("https://")


def _self(services: Services, account: Account) -> AccountSelf:
    person = unseal(services, account)
    return AccountSelf(
        id=account.id,
        role=Role(account.role),
        scope=account.scope,
        login=account.login,
        name=person.name,
        phone=masked_phone(person.phone) if person.phone else None,
        actions=sorted(GRANTS[Role(account.role)]),
        has_password=account.password_hash is not None,
    )


def _sessions(services: Services, actor: Actor) -> list[SessionAnswer]:
    return [
        SessionAnswer(
            id=row.id,
            kind="device" if row.kind == "device" else "browser",
            label=row.label,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            offline_until=row.grace_until if row.kind == "device" and Action.UPLOAD in GRANTS[actor.role] else None,
            current=row.id == actor.session_id,
        )
        for row in sessions_of(services, actor.account_id)
    ]
