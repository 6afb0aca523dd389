"""One polling station over HTTP: its numbers, who said what, and saying something oneself."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import Field

from service.access import Action, Actor, authorise, may
from service.api.deps import Requires, Svc
from service.api.recap import AnomalyAnswer, anomaly_answers
from service.api.regions import RegionItem, Text, TpsPath, Viewer, items
from service.api.shapes import Answer, Body, FieldPath, Message, etag, require_match
from service.decisions.people import MAX_CLAIMS, Claim, SeqCheck, change, confirm, state
from service.elections.draft import ID_PATTERN
from service.elections.fields import forms_of
from service.pleno.state import PlenoState, pleno_state
from service.recap.rows import StationRow
from service.recap.stations import StationState, StationView, number_history, view_station
from service.regions.queries import path_to
from service.report.words import rule_text
from service.services import Services
from service.store.readings import Decision

router = APIRouter(prefix="/stations", tags=["stations"])

ElectionQuery = Annotated[
    str,
    Query(alias="election", pattern=ID_PATTERN, description="id of the election", examples=["ppwp-2024"]),
]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="`ETag` of the station as you saw it")]
Kpps = Annotated[Actor, Depends(Requires(Action.STATE))]
Confirmer = Annotated[Actor, Depends(Requires(Action.CONFIRM))]
Changer = Annotated[Actor, Depends(Requires(Action.CHANGE))]


class ClaimBody(Body):
    """What one number is."""

    field: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", examples=["paslon_1"])
    outcome: Literal["value", "blank", "illegible"] = Field(description="blank: nothing is written")
    value: int | None = Field(None, ge=0, le=2_147_483_647, description="exactly with outcome `value`", examples=[92])
    as_written: str | None = Field(
        None, pattern=r"^[0-9X_?-]{1,16}$", description="one character a box", examples=["X92"]
    )
    photo_id: str | None = Field(None, pattern=r"^[0-9a-f]{32}$", description="the photo it was seen on")
    reason: Text | None = Field(None, description="why; no names or phone numbers")


class ClaimsBody(Body):
    """What several numbers are; all of them are recorded or none."""

    numbers: list[ClaimBody] = Field(min_length=1, max_length=MAX_CLAIMS)


class ChangeBody(ClaimBody):
    """What the pleno makes of one number."""

    reason: Text = Field(description="why the pleno changes it", examples=["Koreksi dalam pleno, C.Hasil dibuka"])
    remark: Text | None = Field(None, description="what a witness had to say")


class SaidAnswer(Answer):
    """One saying about a number."""

    id: str
    seq: int = Field(description="place among the station's sayings")
    kind: Literal["machine", "statement", "confirmation", "change"]
    outcome: Literal["accepted", "review", "blank", "illegible", "absent"]
    value: int | None
    as_written: str | None
    p: float | None = Field(description="how sure the machine is")
    why: list[str] = Field(description="why a person should look; docs/errors.md, docs/recap.md")
    photo_id: str | None
    pleno_id: str | None
    role: str | None = Field(description="null: the machine")
    account_id: str | None
    reason: str | None
    remark: str | None
    at: datetime


class NumberAnswer(Answer):
    """How one number stands."""

    field: str
    label: Message
    form: str
    page: int
    has_words: bool = Field(description="the form says it in words too; the crop of it in its photo shows both")
    state: Literal["unknown", "review", "read", "verified"]
    value: int | None = Field(description="what counts; null: nothing does")
    why: list[str] = Field(description="why a person should look; empty unless `review`")
    said: SaidAnswer | None = Field(description="the saying that counts, or that is in review")
    statement: SaidAnswer | None = Field(description="the KPPS's latest word; never counts by itself")


class RuleAnswer(Answer):
    """An arithmetic rule on the numbers that count now."""

    id: str
    code: str
    severity: Literal["error", "warning"]
    holds: bool | None = Field(description="null while one of its numbers is not known")
    text: Message


class StationPhotoAnswer(Answer):
    """A photo of the station."""

    id: str
    page: int | None = Field(description="page that a person says it is; null: the one the reader finds")
    state: str
    received_at: datetime


class StationAlarmAnswer(Answer):
    """An open alarm."""

    id: str
    kind: str
    raised_at: datetime


class StationAnswer(Answer):
    """Everything about one station."""

    election: str
    tps: str
    number: int
    path: list[RegionItem] = Field(description="the regions around it, the nation first")
    seq: int = Field(description="version; also in the header ETag")
    state: StationState
    verdict: str | None
    source: str | None
    pleno: PlenoState
    numbers: list[NumberAnswer]
    rules: list[RuleAnswer]
    anomalies: list[AnomalyAnswer]
    photos: list[StationPhotoAnswer]
    alarms: list[StationAlarmAnswer]


@router.get("/{tps}")
def station(
    tps: TpsPath, election_id: ElectionQuery, services: Svc, actor: Viewer, response: Response
) -> StationAnswer:
    """A station's numbers, rules and photos; its alarms only for those who may read the audit.

    An alarm can say that a photo is also under another station, which is nobody else's business.

    Raises:
        ServiceError: ``foreign_region``, ``unknown_election``, ``unknown_tps``.
    """
    authorise(actor, Action.SEE_RECAP, tps)
    return _answer(services, actor, election_id, tps, response)


@router.get("/{tps}/numbers/{field}")
def history(
    tps: TpsPath, field: FieldPath, election_id: ElectionQuery, services: Svc, actor: Viewer
) -> list[SaidAnswer]:
    """Everything that was said about one number, in order: who, when, why.

    Raises:
        ServiceError: ``foreign_region``, ``unknown_election``, ``unknown_tps``, ``unknown_field``.
    """
    authorise(actor, Action.SEE_RECAP, tps)
    with services.store.read() as session:
        return [SaidAnswer.model_validate(said) for said in number_history(session, election_id, tps, field)]


@router.post("/{tps}/state")
def state_number(
    tps: TpsPath,
    election_id: ElectionQuery,
    body: ClaimBody,
    services: Svc,
    actor: Kpps,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> StationAnswer:
    """The KPPS says what its own form says. It never counts by itself.

    Raises:
        ServiceError: as for confirming, without ``no_photo_to_confirm``.
    """
    return _say(state, services, actor, election_id, tps, [body], request, response)


@router.post("/{tps}/confirm")
def confirm_number(
    tps: TpsPath,
    election_id: ElectionQuery,
    body: ClaimBody,
    services: Svc,
    actor: Confirmer,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> StationAnswer:
    """Says what the photo shows, from the opening of the election on, whatever the state of the pleno.

    Raises:
        ServiceError: ``foreign_region``, ``unknown_election``, ``unknown_tps``, ``election_not_begun``,
            ``precondition_required``, ``changed_meanwhile``, ``unknown_field``, ``value_out_of_range``,
            ``photo_not_of_tps``, ``no_photo_to_confirm``, ``pleno_finalised`` when a value would move.
    """
    return _say(confirm, services, actor, election_id, tps, [body], request, response)


@router.post("/{tps}/confirm-many")
def confirm_numbers(
    tps: TpsPath,
    election_id: ElectionQuery,
    body: ClaimsBody,
    services: Svc,
    actor: Confirmer,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> StationAnswer:
    """Says what the photos show of several numbers at once; all are recorded or none.

    Raises:
        ServiceError: as for confirming one; also ``said_twice``.
    """
    return _say(confirm, services, actor, election_id, tps, body.numbers, request, response)


@router.post("/{tps}/change")
def change_number(
    tps: TpsPath,
    election_id: ElectionQuery,
    body: ChangeBody,
    services: Svc,
    actor: Changer,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> StationAnswer:
    """The pleno changes a station's result. What it was stays in the history.

    Raises:
        ServiceError: as for confirming, without ``no_photo_to_confirm``; also ``pleno_not_open``.
    """
    return _say(change, services, actor, election_id, tps, [body], request, response)


Saying = Callable[[Services, Actor, str, str, Sequence[Claim], SeqCheck], StationRow]


def _say(
    say: Saying,
    services: Services,
    actor: Actor,
    election_id: str,
    tps: str,
    bodies: Sequence[ClaimBody],
    request: Request,
    response: Response,
) -> StationAnswer:
    claims = [Claim(**body.model_dump()) for body in bodies]
    say(services, actor, election_id, tps, claims, lambda seq: require_match(request, seq))
    return _answer(services, actor, election_id, tps, response)


def _answer(services: Services, actor: Actor, election_id: str, tps: str, response: Response) -> StationAnswer:
    view = view_station(services, election_id, tps)
    alarms = view.alarms if may(actor, Action.SEE_AUDIT, tps) else ()
    with services.store.read() as session:
        path = items(path_to(session, tps))
    response.headers["ETag"] = etag(view.seq)
    response.headers["Cache-Control"] = "private, no-cache"
    row = view.row
    return StationAnswer(
        election=election_id,
        tps=tps,
        number=view.tps.number,
        path=path,
        seq=view.seq,
        state=view.state,
        verdict=None if row is None else row.verdict,
        source=None if row is None else row.source,
        pleno=pleno_state(view.pleno),
        numbers=_numbers(view),
        rules=_rules(view),
        anomalies=[] if row is None else anomaly_answers(row.anomalies, view.election),
        photos=[StationPhotoAnswer.model_validate(photo) for photo in view.photos],
        alarms=[StationAlarmAnswer.model_validate(alarm) for alarm in alarms],
    )


def _numbers(view: StationView) -> list[NumberAnswer]:
    forms = forms_of(view.election.forms)
    found = []
    for name, number in forms.numbers.items():
        standing = view.standings[name]
        said = view.decisions[standing.counts.id] if standing.counts is not None else None
        found.append(
            NumberAnswer(
                field=name,
                label=Message(id=number.label_id, en=number.label_en),
                form=forms.pages[name][0],
                page=forms.pages[name][1],
                has_words=number.words is not None,
                state=standing.state,
                value=standing.value,
                why=list(standing.why),
                said=_said(said),
                statement=_said(view.statements.get(name)),
            )
        )
    return found


def _said(decision: Decision | None) -> SaidAnswer | None:
    return None if decision is None else SaidAnswer.model_validate(decision)


def _rules(view: StationView) -> list[RuleAnswer]:
    forms = forms_of(view.election.forms)
    values = {name: standing.value for name, standing in view.standings.items()}
    return [
        RuleAnswer(
            id=rule.id,
            code=rule.code,
            severity=rule.severity,
            holds=rule.check(values),
            text=Message(
                id=rule_text(rule, lambda name: forms.numbers[name].label_id, "id"),
                en=rule_text(rule, lambda name: forms.numbers[name].label_en, "en"),
            ),
        )
        for rule in forms.rules
    ]
