"""Elections over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

from service.access import Action, Actor, authorise
from service.api.deps import Requires, Svc
from service.api.regions import ElectionPath, Viewer, printable
from service.api.shapes import MAX_PAGE, Answer, Body, Message, Page, decode_cursor, encode_cursor, etag, require_match
from service.elections.draft import ID_PATTERN, CandidateDraft, ElectionDraft
from service.elections.fields import forms_of
from service.elections.manage import (
    ElectionView,
    close_election,
    create_election,
    edit_election,
    list_elections,
    open_election,
    view_election,
)
from service.regions.codes import AREA_PATTERN, shown
from service.store.recap import SLOTS
from service.store.regions import Candidate, Election

router = APIRouter(prefix="/elections", tags=["elections"])
Manager = Annotated[Actor, Depends(Requires(Action.MANAGE_ELECTIONS))]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="`ETag` of the election as you saw it")]


def _is_text(value: Any) -> Any:
    if value is not None and not isinstance(value, str):
        raise ValueError("a time is text like 2026-02-14T07:00:00+07:00")
    return value


def _sane_year(value: datetime) -> datetime:
    if not 2000 <= value.year <= 2199:
        raise ValueError("a year from 2000 to 2199")
    return value.astimezone(UTC)


Time = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_is_text), AfterValidator(_sane_year)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(printable)]
FieldId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
FormId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Scope = Annotated[
    str,
    StringConstraints(pattern=AREA_PATTERN),
    Field(description="area: `0` the nation, or a region of 2, 4 or 6 digits", examples=["1871"]),
]


class CandidateBody(Body):
    """A candidate pair."""

    number: int = Field(ge=1, le=999, description="number on the ballot", examples=[1])
    name: Name = Field(examples=["Pasangan Calon 1"])
    field: FieldId | None = Field(None, description="field with its votes; default `paslon_<number>`")


class LimitsBody(Body):
    """Limits of the election; what is left out takes the form's own rules."""

    tps_max_voters: int | None = Field(None, ge=1, le=10_000, description="registered voters a station may have")
    reserve_rate: float | None = Field(None, ge=0, le=1, description="share of reserve ballots; default 0.02")


class NewElection(Body):
    """An election to be made."""

    id: str = Field(pattern=ID_PATTERN, examples=["ppwp-2024"])
    name: Name = Field(examples=["Presiden dan Wakil Presiden 2024"])
    forms: list[FormId] = Field(min_length=1, max_length=8, examples=[["c-hasil-ppwp-2024"]])
    scope: Scope = "0"
    candidates: list[CandidateBody] = Field(max_length=SLOTS)
    recap_fields: list[FieldId] | None = Field(
        None, max_length=SLOTS, description="numbers that are added up; default: candidates first, then all others"
    )
    limits: LimitsBody | None = None
    opens_at: Time | None = None
    closes_at: Time | None = None
    erase_after: Time | None = Field(None, description="when personal data may go; default: a year after closing")


class ElectionChange(Body):
    """What is to change; what is left out stays. Candidates are replaced as a whole."""

    name: Name | None = None
    forms: list[FormId] | None = Field(None, min_length=1, max_length=8)
    scope: Scope | None = None
    candidates: list[CandidateBody] | None = Field(None, max_length=SLOTS)
    recap_fields: list[FieldId] | None = Field(None, max_length=SLOTS)
    limits: LimitsBody | None = None
    opens_at: Time | None = None
    closes_at: Time | None = None
    erase_after: Time | None = None


class CandidateAnswer(Answer):
    """A candidate pair."""

    number: int
    name: str
    field: str


class FieldAnswer(Answer):
    """A number of the election's forms."""

    field: str = Field(examples=["paslon_1"])
    label: Message
    form: str
    page: int
    boxes: int = Field(description="digit boxes")
    slot: int | None = Field(description="place in the recap; null: not added up")
    candidate: int | None = Field(description="number of the candidate whose votes these are")


class ElectionItem(Answer):
    """An election in a list."""

    id: str
    name: str
    state: Literal["draft", "open", "closed"]
    scope: str = Field(description="`0` the nation")
    opens_at: datetime | None
    closes_at: datetime | None
    rev: int = Field(description="version; also in the header ETag")


class ElectionAnswer(ElectionItem):
    """An election."""

    forms: list[str]
    candidates: list[CandidateAnswer]
    recap_fields: list[str]
    fields: list[FieldAnswer] = Field(description="every number of its forms, in the order of the pages")
    limits: dict[str, float]
    erase_after: datetime | None
    created_at: datetime


@router.get("")
def elections(
    services: Svc,
    actor: Viewer,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> Page[ElectionItem]:
    """All elections by id."""
    begin = decode_cursor(after, 1)[0] if after is not None else None
    with services.store.read() as session:
        found = list(list_elections(session, begin, limit + 1))
    more = len(found) > limit
    return Page(
        items=[ElectionItem(**_item(election)) for election in found[:limit]],
        next=encode_cursor(found[limit - 1].id) if more else None,
    )


@router.post("", status_code=201)
def create(body: NewElection, services: Svc, actor: Manager, response: Response) -> ElectionAnswer:
    """Makes an election, as a draft.

    Raises:
        ServiceError: ``bad_election``, ``election_exists``.
    """
    values = body.model_dump(exclude={"candidates", "limits", "scope"})
    scope = _scope(body.scope)
    authorise(actor, Action.MANAGE_ELECTIONS, scope)
    draft = ElectionDraft(**values, scope=scope, candidates=_candidates(body.candidates), limits=_limits(body.limits))
    return _answer(create_election(services, draft, actor), response)


@router.get("/{election_id}")
def election(election_id: ElectionPath, services: Svc, actor: Viewer, response: Response) -> ElectionAnswer:
    """An election with its candidates, forms and numbers.

    Raises:
        ServiceError: ``unknown_election``.
    """
    with services.store.read() as session:
        return _answer(view_election(session, election_id), response)


@router.patch("/{election_id}")
def edit(
    election_id: ElectionPath,
    body: ElectionChange,
    services: Svc,
    actor: Manager,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> ElectionAnswer:
    """Changes an election. Once it was opened only its name, limits and times can change.

    Raises:
        ServiceError: ``unknown_election``, ``precondition_required``, ``changed_meanwhile``, ``bad_election``,
            ``election_in_use``.
    """
    given = {name: getattr(body, name) for name in body.model_fields_set}
    changes: dict[str, Any] = {}
    for name, value in given.items():
        if value is None and name not in ("recap_fields", "opens_at", "closes_at", "erase_after"):
            continue
        changes[name] = value
    if "candidates" in changes:
        changes["candidates"] = _candidates(changes["candidates"])
    if "limits" in changes:
        changes["limits"] = _limits(changes["limits"])
    if "scope" in changes:
        changes["scope"] = _scope(changes["scope"])
    view = edit_election(services, election_id, changes, lambda rev: require_match(request, rev), actor)
    return _answer(view, response)


@router.post("/{election_id}/open")
def open_(election_id: ElectionPath, services: Svc, actor: Manager, response: Response) -> ElectionAnswer:
    """From now on photos are taken. Repeating it changes nothing.

    Raises:
        ServiceError: ``unknown_election``.
    """
    return _answer(open_election(services, election_id, actor), response)


@router.post("/{election_id}/close")
def close(election_id: ElectionPath, services: Svc, actor: Manager, response: Response) -> ElectionAnswer:
    """No more photos are taken; reading, confirming and the recap meetings go on. Repeating it changes nothing.

    Raises:
        ServiceError: ``unknown_election``, ``conflict`` for a draft.
    """
    return _answer(close_election(services, election_id, actor), response)


def field_answers(election: Election, candidates: Sequence[Candidate]) -> list[FieldAnswer]:
    """Every number of the election's forms."""
    forms = forms_of(election.forms)
    slots = {name: slot for slot, name in enumerate(election.recap_fields)}
    votes = {candidate.field: candidate.number for candidate in candidates}
    return [
        FieldAnswer(
            field=name,
            label=Message(id=number.label_id, en=number.label_en),
            form=forms.pages[name][0],
            page=forms.pages[name][1],
            boxes=len(number.boxes),
            slot=slots.get(name),
            candidate=votes.get(name),
        )
        for name, number in forms.numbers.items()
    ]


def _answer(view: ElectionView, response: Response) -> ElectionAnswer:
    response.headers["ETag"] = etag(view.election.rev)
    found = view.election
    return ElectionAnswer(
        **_item(found),
        forms=found.forms,
        candidates=[CandidateAnswer.model_validate(candidate) for candidate in view.candidates],
        recap_fields=found.recap_fields,
        fields=field_answers(found, view.candidates),
        limits=found.limits,
        erase_after=found.erase_after,
        created_at=found.created_at,
    )


def _item(found: Election) -> Mapping[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "state": found.state,
        "scope": shown(found.scope),
        "opens_at": found.opens_at,
        "closes_at": found.closes_at,
        "rev": found.rev,
    }


def _scope(said: str) -> str:
    return "" if said == "0" else said


def _candidates(bodies: Sequence[CandidateBody]) -> tuple[CandidateDraft, ...]:
    return tuple(CandidateDraft(each.number, each.name, each.field) for each in bodies)


def _limits(body: LimitsBody | None) -> dict[str, float]:
    given = {} if body is None else body.model_dump()
    return {name: value for name, value in given.items() if value is not None}
