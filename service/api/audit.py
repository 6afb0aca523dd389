"""The audit trail, for those who may read it: events of one's region, verification, export, seals."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from service.access import Action, Actor, authorise
from service.api.deps import PUBLIC, Requires, Svc
from service.api.shapes import MAX_PAGE, Answer, Page, decode_cursor, encode_cursor
from service.audit.chain import NATIONAL
from service.audit.verify import export_lines, stored_links, verify_links
from service.errors import ServiceError
from service.services import Services
from service.store.audit import AuditEvent, AuditSeal

router = APIRouter(prefix="/audit", tags=["audit"])
Reader = Annotated[Actor, Depends(Requires(Action.SEE_AUDIT))]
Chain = Annotated[
    str, Path(pattern=r"^(0|\d{6})$", description="a kecamatan's six digits, or 0 for the national chain")
]


class EventAnswer(Answer):
    """One event; ``body`` is the text that was hashed."""

    chain: str
    seq: int
    at: datetime
    action: str
    subject: str
    account_id: str | None
    body: str
    prev_hash: str
    hash: str


class FlawAnswer(Answer):
    """Something that does not fit."""

    chain: str
    seq: int
    problem: str


class VerifiedAnswer(Answer):
    """The result of checking one chain."""

    chain: str
    events: int
    intact: bool
    head: str | None
    flaws: list[FlawAnswer]


class SealAnswer(Answer):
    """A Merkle root over all chains at one time."""

    seq: int
    at: datetime
    chains: int
    root: str
    prev_hash: str
    hash: str


@router.get("/seals")
def seals(services: Svc, _: Annotated[None, Depends(PUBLIC)]) -> list[SealAnswer]:
    """The newest 100 seals. Public: they name nothing and nobody, and are worth most where many keep them."""
    with services.store.read() as session:
        newest = session.scalars(select(AuditSeal).order_by(AuditSeal.seq.desc()).limit(100))
        return [SealAnswer.model_validate(seal) for seal in newest]


@router.get("/{chain}")
def events(
    chain: Chain,
    services: Svc,
    actor: Reader,
    subject: Annotated[str | None, Query(max_length=160)] = None,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> Page[EventAnswer]:
    """Events of a chain, the newest first."""
    _may_read(actor, chain)
    wanted = select(AuditEvent).where(AuditEvent.chain == chain)
    if subject:
        wanted = wanted.where(AuditEvent.subject == subject)
    if after:
        (last,) = decode_cursor(after, 1)
        if not last.isdigit() or len(last) > 9:
            raise ServiceError("bad_request", details={"after": "not a cursor of this list"})
        wanted = wanted.where(AuditEvent.seq < int(last))
    with services.store.read() as session:
        found = session.scalars(wanted.order_by(AuditEvent.seq.desc()).limit(limit + 1)).all()
    items = [EventAnswer.model_validate(event) for event in found[:limit]]
    more = len(found) > limit
    return Page(items=items, next=encode_cursor(str(items[-1].seq)) if more else None)


@router.get("/{chain}/verify")
def verify(chain: Chain, services: Svc, actor: Reader) -> VerifiedAnswer:
    """Checks a chain from its first event to its last."""
    _may_read(actor, chain)
    with services.store.read() as session:
        result = verify_links(stored_links(session, chain))
    head = result.heads.get(chain)
    return VerifiedAnswer(
        chain=chain,
        events=result.events,
        intact=not result.flaws,
        head=head[1] if head else None,
        flaws=[FlawAnswer.model_validate(flaw) for flaw in result.flaws[:MAX_PAGE]],
    )


@router.get("/{chain}/export", response_class=StreamingResponse)
def export(chain: Chain, services: Svc, actor: Reader) -> StreamingResponse:
    """The chain as JSON lines, which ``turus audit verify --file`` checks anywhere."""
    _may_read(actor, chain)
    return StreamingResponse(
        _lines(services, chain),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="turus-audit-{chain}.jsonl"'},
    )


def _may_read(actor: Actor, chain: str) -> None:
    """A kecamatan's chain within one's scope; the national chain only for those whose scope is the nation."""
    authorise(actor, Action.SEE_AUDIT, "" if chain == NATIONAL else chain)


def _lines(services: Services, chain: str) -> Iterator[str]:
    with services.store.read() as session:
        for line in export_lines(session, chain):
            yield line + "\n"
