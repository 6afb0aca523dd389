"""The recap meeting of a kecamatan over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import Field

from service.access import Action, Actor, authorise
from service.api.deps import Requires, Svc
from service.api.recap import CountsAnswer
from service.api.regions import ElectionPath, Text, Viewer
from service.api.shapes import Answer, Body, etag, require_match
from service.pleno.meeting import PlenoView, finalise_pleno, open_pleno, reopen_pleno, view_pleno
from service.pleno.state import PlenoState, pleno_state
from service.regions.codes import KECAMATAN_PATTERN

router = APIRouter(prefix="/pleno", tags=["pleno"])

Kecamatan = Annotated[
    str, Path(pattern=KECAMATAN_PATTERN, description="the kecamatan's six digits", examples=["187101"])
]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="`ETag` of the meeting as you saw it")]
Leader = Annotated[Actor, Depends(Requires(Action.PLENO))]
City = Annotated[Actor, Depends(Requires(Action.REOPEN_PLENO))]


class FinaliseBody(Body):
    """How the meeting is finalised."""

    incomplete_reason: Text | None = Field(
        None, description="why, although not every number of every station was verified"
    )


class ReopenBody(Body):
    """Why the meeting is opened again."""

    reason: Text = Field(examples=["Rekomendasi Bawaslu"])


class PlenoAnswer(Answer):
    """A kecamatan's meeting and how far its stations are."""

    election: str
    kecamatan: str
    state: PlenoState
    opened_at: datetime | None
    finalised_at: datetime | None
    counts: CountsAnswer
    rev: int = Field(description="version; also in the header ETag; 0 before it has begun")


@router.get("/{election_id}/{kecamatan}")
def pleno(
    election_id: ElectionPath, kecamatan: Kecamatan, services: Svc, actor: Viewer, response: Response
) -> PlenoAnswer:
    """Where the meeting stands.

    Raises:
        ServiceError: ``foreign_region``, ``unknown_election``, ``unknown_region``.
    """
    authorise(actor, Action.SEE_RECAP, kecamatan)
    with services.store.read() as session:
        return _answer(election_id, view_pleno(session, election_id, kecamatan), response)


@router.post("/{election_id}/{kecamatan}/open")
def open_(
    election_id: ElectionPath, kecamatan: Kecamatan, services: Svc, actor: Leader, response: Response
) -> PlenoAnswer:
    """Opens the meeting: from now on results can be changed. Repeating it changes nothing.

    Raises:
        ServiceError: ``foreign_region``, ``unknown_election``, ``unknown_region``, ``election_not_begun``,
            ``pleno_finalised``.
    """
    return _answer(election_id, open_pleno(services, actor, election_id, kecamatan), response)


@router.post("/{election_id}/{kecamatan}/finalise")
def finalise(
    election_id: ElectionPath,
    kecamatan: Kecamatan,
    body: FinaliseBody,
    services: Svc,
    actor: Leader,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> PlenoAnswer:
    """Closes the kecamatan's numbers: no value changes any more.

    Raises:
        ServiceError: ``foreign_region``, ``unknown_election``, ``unknown_region``, ``precondition_required``,
            ``changed_meanwhile``, ``pleno_not_open``, ``pleno_finalised``, ``pleno_incomplete``.
    """
    view = finalise_pleno(
        services, actor, election_id, kecamatan, lambda rev: require_match(request, rev), body.incomplete_reason
    )
    return _answer(election_id, view, response)


@router.post("/{election_id}/{kecamatan}/reopen")
def reopen(
    election_id: ElectionPath,
    kecamatan: Kecamatan,
    body: ReopenBody,
    services: Svc,
    actor: City,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> PlenoAnswer:
    """Opens a finalised meeting again; for the KPU of the city.

    Raises:
        ServiceError: ``foreign_region``, ``unknown_election``, ``unknown_region``, ``precondition_required``,
            ``changed_meanwhile``, ``pleno_not_open``, ``conflict`` when it is open.
    """
    view = reopen_pleno(services, actor, election_id, kecamatan, lambda rev: require_match(request, rev), body.reason)
    return _answer(election_id, view, response)


def _answer(election_id: str, view: PlenoView, response: Response) -> PlenoAnswer:
    response.headers["ETag"] = etag(view.rev)
    found = view.pleno
    return PlenoAnswer(
        election=election_id,
        kecamatan=view.kecamatan,
        state=pleno_state(found),
        opened_at=None if found is None else found.opened_at,
        finalised_at=None if found is None else found.finalised_at,
        counts=CountsAnswer(**view.counts),
        rev=view.rev,
    )
