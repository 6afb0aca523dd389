"""Accounts of other people, for those who manage them."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from service.access import Action, Actor, Role
from service.accounts import registry
from service.accounts.activation import Invitation, invite, register
from service.accounts.handout import handout_csv, handout_xlsx
from service.accounts.import_list import BAD_ROWS_SHOWN, ImportReport, import_accounts
from service.accounts.people_list import ROW_PROBLEMS
from service.accounts.phones import masked_phone
from service.accounts.privacy import erase_account
from service.accounts.sessions import sessions_of
from service.accounts.tables import MAX_TABLE_BYTES
from service.accounts.tokens import shown_code
from service.api.deps import Requires, Svc
from service.api.shapes import MAX_PAGE, Answer, Body, Message, Page, decode_cursor, encode_cursor, etag
from service.errors import ServiceError
from service.regions.codes import PLACE_PATTERN
from service.services import Services
from service.store.accounts import Account

router = APIRouter(prefix="/users", tags=["users"])

Manager = Annotated[Actor, Depends(Requires(Action.MANAGE_ACCOUNTS))]
State = Literal["invited", "active", "disabled", "erased"]
UserId = Annotated[str, Path(pattern=r"^[0-9A-Za-z]{1,32}$", examples=["01926f7a5d0e7c3f8a1b2c3d4e5f6071"])]
Region = Annotated[str, Field(pattern=PLACE_PATTERN, examples=["187101"])]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
_FILE = {"schema": {"type": "string", "format": "binary"}}


class CreateBody(Body):
    """A new account."""

    role: Annotated[Role, Field(strict=False)]
    scope: Region = Field(description="region code of the role's level; 0 for the nation")
    phone: Annotated[str, Field(max_length=40)] | None = Field(None, examples=["0812 3456 7890"])
    login: Annotated[str, Field(max_length=64)] | None = Field(None, examples=["web.kemiling"])
    name: Annotated[str, Field(max_length=200)] | None = None


class ReasonBody(Body):
    """Why, for the audit: no names or phone numbers here, because the audit is never erased."""

    reason: Annotated[str, Field(min_length=3, max_length=200, examples=["ponsel hilang"])]


class UserAnswer(Answer):
    """An account."""

    id: str
    role: Role
    scope: str = Field(description="region-code prefix; empty for the nation")
    state: State
    login: str | None
    name: str | None
    phone: str | None = Field(description="masked in lists, whole in the single account")
    created_at: datetime
    activated_at: datetime | None
    rev: int


class InvitationAnswer(Answer):
    """A one-time way in; shown once, stored nowhere. A newer one ends it."""

    link: str
    code: str | None = Field(description="to be typed with the phone number; null without one", examples=["7K2M-9QXA"])
    expires_at: datetime


class CreatedAnswer(Answer):
    """A new account and its way in."""

    account: UserAnswer
    invitation: InvitationAnswer


class UserSession(Answer):
    """A session of somebody else."""

    id: str
    kind: Literal["browser", "device"]
    label: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class RevokedAnswer(Answer):
    """How many sessions ended."""

    ended: int


class BadRow(Answer):
    """What is wrong with a row of the list."""

    line: int
    column: Literal["tps", "name", "phone"]
    code: str
    message: Message


class HandoutAnswer(Answer):
    """One person's way in."""

    scope: str
    name: str
    phone: str
    invitation: InvitationAnswer


class ImportAnswer(Answer):
    """What the import did, or would do."""

    dry_run: bool
    rows: int
    created: int
    kept: int = Field(description="people who had this account already")
    renamed: int
    bad_count: int
    bad: list[BadRow] = Field(description=f"at most {BAD_ROWS_SHOWN}")
    handouts: list[HandoutAnswer]


@router.get("", summary="List accounts")
def get_users(
    services: Svc,
    actor: Manager,
    scope: Annotated[Region | None, Query(description="default: all that the caller manages")] = None,
    role: Role | None = None,
    state: State | None = None,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> Page[UserAnswer]:
    """Accounts in the caller's region, the oldest first; phone numbers are masked."""
    last = decode_cursor(after, 1)[0] if after is not None else None
    wanted = registry.Filter(None if scope is None else _prefix(scope), role, state, last)
    found = registry.list_accounts(services, actor, wanted, limit + 1)
    more = encode_cursor(found[limit - 1].id) if len(found) > limit else None
    return Page(items=[_user(services, account, masked=True) for account in found[:limit]], next=more)


@router.post("", status_code=201, summary="Register one person")
def post_user(body: CreateBody, services: Svc, actor: Manager) -> CreatedAnswer:
    """Makes an account and its one-time link and code. Which roles one may make is a table in docs/accounts.md."""
    new = registry.NewAccount(body.role, _prefix(body.scope), body.phone, body.login, body.name)
    account, invitation = register(services, actor, new)
    return CreatedAnswer(account=_user(services, account), invitation=_invitation(invitation))


@router.post(
    "/import",
    summary="Register everybody of a list",
    response_model=ImportAnswer,
    responses={200: {"content": {XLSX: _FILE, CSV: _FILE}, "description": "the report, or the list to hand out"}},
    openapi_extra={"requestBody": {"required": True, "content": {XLSX: _FILE, CSV: _FILE}}},
)
async def post_import(
    request: Request,
    services: Svc,
    actor: Manager,
    role: Role = Role.KPPS,
    dry_run: bool = False,
    renew: Annotated[bool, Query(description="new codes also for those not active yet")] = False,
    answer: Annotated[Literal["json", "xlsx", "csv"], Query(description="the list to hand out, as a file")] = "json",
) -> Response | ImportAnswer:
    """The body is an XLSX or CSV file with the columns TPS, name, phone. All rows are taken or none.

    With anything wrong the answer is ``bad_rows`` with each line, column and reason; ``dry_run`` answers 200 with the
    same list. Sending a list twice changes nothing. Links and codes are only in this answer: save it.
    """
    data = await _read_bounded(request)
    report = await run_in_threadpool(import_accounts, services, actor, data, role, dry_run=dry_run, renew=renew)
    if answer == "json" or dry_run:
        return _report(report)
    make, media_type = (handout_xlsx, XLSX) if answer == "xlsx" else (handout_csv, CSV)
    content = await run_in_threadpool(make, report.handouts)
    return Response(content, 200, {"Content-Disposition": f'attachment; filename="aktivasi.{answer}"'}, media_type)


@router.get("/{user_id}", summary="One account")
def get_user(user_id: UserId, response: Response, services: Svc, actor: Manager) -> UserAnswer:
    """An account that the caller manages, with its whole phone number."""
    account = registry.get_account(services, actor, user_id)
    response.headers["ETag"] = etag(account.rev)
    return _user(services, account)


@router.post("/{user_id}/invite", summary="Make a new link and code")
def post_invite(user_id: UserId, services: Svc, actor: Manager) -> InvitationAnswer:
    """For one who lost the first, or has a new phone. Older links and codes end now, older sessions when it is used."""
    return _invitation(invite(services, actor, user_id))


@router.post("/{user_id}/disable", summary="Shut an account out")
def post_disable(user_id: UserId, body: ReasonBody, services: Svc, actor: Manager) -> UserAnswer:
    """Ends all its sessions at once; it can be enabled again."""
    return _user(services, registry.disable_account(services, actor, user_id, body.reason))


@router.post("/{user_id}/enable", summary="Let an account in again")
def post_enable(user_id: UserId, body: ReasonBody, services: Svc, actor: Manager) -> UserAnswer:
    """Undoes disabling, and a lock after wrong passwords."""
    return _user(services, registry.enable_account(services, actor, user_id, body.reason))


@router.post("/{user_id}/erase", summary="Erase somebody's personal data")
def post_erase(user_id: UserId, body: ReasonBody, services: Svc, actor: Manager) -> UserAnswer:
    """Name, phone number, login, password and sessions go for good; what the account did stays, under its id."""
    return _user(services, erase_account(services, actor, user_id, body.reason))


@router.get("/{user_id}/sessions", summary="Sessions of an account")
def get_user_sessions(user_id: UserId, services: Svc, actor: Manager) -> list[UserSession]:
    """The sessions that can still be used, the newest first."""
    account = registry.get_account(services, actor, user_id)
    return [UserSession.model_validate(row) for row in sessions_of(services, account.id)]


@router.post("/{user_id}/revoke", summary="End all sessions of an account")
def post_revoke(user_id: UserId, body: ReasonBody, services: Svc, actor: Manager) -> RevokedAnswer:
    """As for a phone that was lost; takes effect at once."""
    return RevokedAnswer(ended=registry.revoke_sessions(services, actor, user_id, body.reason))


async def _read_bounded(request: Request) -> bytes:
    """The body, refused as soon as it is too large."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_TABLE_BYTES:
            raise ServiceError("table_too_large", details={"limit_bytes": MAX_TABLE_BYTES})
    return bytes(data)


def _prefix(region: str) -> str:
    """URLs and bodies name the nation ``0``; its prefix is empty."""
    return "" if region == "0" else region


def _user(services: Services, account: Account, *, masked: bool = False) -> UserAnswer:
    person = registry.unseal(services, account)
    phone = masked_phone(person.phone) if person.phone and masked else person.phone
    return UserAnswer(
        id=account.id,
        role=Role(account.role),
        scope=account.scope,
        state=account.state,  # type: ignore[arg-type]  # checked by the model
        login=account.login,
        name=person.name,
        phone=phone,
        created_at=account.created_at,
        activated_at=account.activated_at,
        rev=account.rev,
    )


def _invitation(made: Invitation) -> InvitationAnswer:
    code = shown_code(made.code) if made.code else None
    return InvitationAnswer(link=made.link, code=code, expires_at=made.expires_at)


def _report(report: ImportReport) -> ImportAnswer:
    bad = [
        BadRow(line=b.line, column=b.column, code=b.code, message=_words(b.code))  # type: ignore[arg-type]
        for b in report.bad[:BAD_ROWS_SHOWN]
    ]
    return ImportAnswer(
        dry_run=report.dry_run,
        rows=report.rows,
        created=report.created,
        kept=report.kept,
        renamed=report.renamed,
        bad_count=len(report.bad),
        bad=bad,
        handouts=[
            HandoutAnswer(scope=h.scope, name=h.name, phone=h.phone, invitation=_invitation(h.invitation))
            for h in report.handouts
        ],
    )


def _words(code: str) -> Message:
    id_, en = ROW_PROBLEMS[code]
    return Message(id=id_, en=en)
