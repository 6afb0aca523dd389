"""The recap over HTTP: totals of any region's parts, and its stations one by one."""

import hashlib
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from service.access import Action, authorise
from service.api.deps import Svc
from service.api.elections import FieldAnswer, field_answers
from service.api.regions import ElectionPath, RegionItem, RegionPath, Viewer, items
from service.api.shapes import MAX_PAGE, Answer, Message, Page, decode_cursor, encode_cursor
from service.elections.fields import forms_of
from service.elections.manage import candidates_of, find_election
from service.recap.anomalies import anomaly_words
from service.recap.rows import StationRow
from service.recap.stations import StationFilter, StationLine, StationState, list_stations
from service.recap.totals import Part, Totals, region_totals
from service.regions.codes import NATION, region_from_path, shown
from service.regions.queries import get_region
from service.store.regions import Election

router = APIRouter(prefix="/recap", tags=["recap"])

CACHE_S = 5
"""How long a client may keep totals without asking again, seconds."""

IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", description="`ETag` of the totals you have")]


class CountsAnswer(Answer):
    """How far the stations are."""

    tps_total: int = Field(description="polling stations")
    tps_seen: int = Field(description="with a photo")
    tps_read: int = Field(description="with every number known, by the machine or a person")
    tps_review: int = Field(description="with a number that waits for a person")
    tps_verified: int = Field(description="with every number decided by a person")
    tps_anomaly: int = Field(description="with something that looks wrong")


class TotalsAnswer(Answer):
    """Sums, by field. A number that is not known, in review or blank adds nothing."""

    counts: CountsAnswer
    read: dict[str, int] = Field(description="all numbers known, the machine's and people's")
    verified: dict[str, int] = Field(description="numbers that a person decided; part of `read`")


class PartAnswer(RegionItem):
    """One part of the region; level 5 is a polling station."""

    totals: TotalsAnswer


class RecapAnswer(Answer):
    """Totals of a region's parts and their sum."""

    election: str
    region: RegionItem
    fields: list[FieldAnswer] = Field(description="the numbers that are added up, in the order of the recap")
    parts: list[PartAnswer]
    sum: TotalsAnswer


class AnomalyAnswer(Answer):
    """Something that looks wrong."""

    code: str = Field(examples=["rule:sah_jumlah"])
    message: Message


class StationLineAnswer(Answer):
    """A polling station in a list."""

    tps: str
    number: int
    state: StationState
    verdict: str | None = Field(description="consistent, reading_uncertain, form_inconsistent, incomplete")
    source: str | None = Field(description="none, machine, person, pleno: who spoke last in rank")
    values: dict[str, int] = Field(description="numbers known, by field")
    verified: list[str] = Field(description="fields that a person decided")
    review: list[str] = Field(description="fields that wait for a person")
    blank: list[str] = Field(description="fields known to hold no number")
    anomalies: list[AnomalyAnswer]
    seq: int = Field(description="version of the station")
    updated_at: datetime | None


@router.get(
    "/{election_id}/{region}",
    response_model=RecapAnswer,
    responses={304: {"description": "nothing changed since the ETag that was sent"}},
)
def totals(
    election_id: ElectionPath, region: RegionPath, services: Svc, actor: Viewer, if_none_match: IfNoneMatch = None
) -> Response:
    """Totals of each part of a region, read and verified apart.

    Raises:
        ServiceError: ``unknown_election``, ``unknown_region``, ``foreign_region``.
    """
    place = region_from_path(region)
    authorise(actor, Action.SEE_RECAP, place)
    with services.store.read() as session:
        election = find_election(session, election_id)
        found = region_totals(session, election, place)
        answer = RecapAnswer(
            election=election_id,
            region=items([found.region])[0],
            fields=_recap_fields(election, field_answers(election, candidates_of(session, election_id))),
            parts=[_part(part) for part in found.parts],
            sum=_totals(found.sum),
        )
    return cached_json(answer, if_none_match, CACHE_S)


@router.get("/{election_id}/{region}/stations")
def stations(
    election_id: ElectionPath,
    region: RegionPath,
    services: Svc,
    actor: Viewer,
    state: Annotated[StationState | None, Query(description="only stations in this state")] = None,
    anomaly: Annotated[
        str | None,
        Query(pattern=r"^[a-z][a-z0-9_:]{0,80}$", description="only with this anomaly; `any` for any"),
    ] = None,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Page[StationLineAnswer]:
    """The stations of a region with their numbers, by code.

    Raises:
        ServiceError: ``unknown_election``, ``unknown_region``, ``foreign_region``.
    """
    place = region_from_path(region)
    authorise(actor, Action.SEE_RECAP, place)
    begin = decode_cursor(after, 1)[0] if after is not None else None
    with services.store.read() as session:
        election = find_election(session, election_id)
        if place != NATION:
            get_region(session, place)
        wanted = StationFilter(place, state, anomaly)
        found = list(list_stations(session, election, wanted, begin, limit + 1))
    more = len(found) > limit
    return Page(
        items=[_line(line, election) for line in found[:limit]],
        next=encode_cursor(found[limit - 1].tps) if more else None,
    )


def cached_json(answer: BaseModel, if_none_match: str | None, max_age_s: int) -> Response:
    """The answer with an ETag of its bytes, or 304 when the caller has them."""
    body = answer.model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={max_age_s}", "Vary": "Authorization, Cookie"}
    sent = [each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")]
    if tag in sent:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def anomaly_answers(codes: tuple[str, ...], election: Election) -> list[AnomalyAnswer]:
    """Anomalies with their names."""
    forms = forms_of(election.forms)
    words = [(code, anomaly_words(code, forms)) for code in codes]
    return [AnomalyAnswer(code=code, message=Message(id=text.id, en=text.en)) for code, text in words]


def fields_in(mask: int, election: Election) -> list[str]:
    """The recap fields whose bit is set."""
    return [name for slot, name in enumerate(election.recap_fields) if mask >> slot & 1]


def _recap_fields(election: Election, fields: list[FieldAnswer]) -> list[FieldAnswer]:
    by_slot = {each.slot: each for each in fields if each.slot is not None}
    return [by_slot[slot] for slot in range(len(election.recap_fields))]


def _part(part: Part) -> PartAnswer:
    return PartAnswer(code=shown(part.code), name=part.name, level=part.level, totals=_totals(part.totals))


def _totals(found: Totals) -> TotalsAnswer:
    return TotalsAnswer(counts=CountsAnswer(**found.counts), read=dict(found.read), verified=dict(found.verified))


def _line(line: StationLine, election: Election) -> StationLineAnswer:
    row = line.row
    return StationLineAnswer(
        tps=line.tps,
        number=line.number,
        state=line.state,
        verdict=None if row is None else row.verdict,
        source=None if row is None else row.source,
        values={} if row is None else _values(row, election),
        verified=[] if row is None else fields_in(row.verified, election),
        review=[] if row is None else fields_in(row.review, election),
        blank=[] if row is None else [f for f in fields_in(row.known, election) if f not in _values(row, election)],
        anomalies=[] if row is None else anomaly_answers(row.anomalies, election),
        seq=0 if row is None else row.seq,
        updated_at=line.updated_at,
    )


def _values(row: StationRow, election: Election) -> dict[str, int]:
    found = zip(election.recap_fields, row.values, strict=True)
    return {name: value for name, value in found if value is not None}
