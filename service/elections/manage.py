"""Making, changing, opening and closing elections. Each act goes to the national chain of the audit trail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from service.access import Actor
from service.audit import NATIONAL, Act, append
from service.elections.draft import (
    CandidateDraft,
    ElectionDraft,
    default_erase_after,
    problems_of,
    recap_fields_of,
)
from service.errors import ServiceError
from service.services import Services
from service.store.regions import Candidate, Election, Region

DRAFT, OPEN, CLOSED = "draft", "open", "closed"

RevCheck = Callable[[int], None]
"""Told the version that is there; raises when the caller looked at another one."""

FREE_ANY_TIME = frozenset({"name", "limits", "opens_at", "closes_at", "erase_after"})
"""What may change after an election was opened; everything else says which numbers mean what."""


@dataclass(frozen=True, slots=True)
class ElectionView:
    """An election with its candidates by number."""

    election: Election
    candidates: Sequence[Candidate]


def find_election(session: Session, election_id: str) -> Election:
    """The election.

    Raises:
        ServiceError: ``unknown_election``.
    """
    election = session.get(Election, election_id)
    if election is None:
        raise ServiceError("unknown_election", details={"election": election_id[:64]})
    return election


def view_election(session: Session, election_id: str) -> ElectionView:
    """The election and its candidates.

    Raises:
        ServiceError: ``unknown_election``.
    """
    election = find_election(session, election_id)
    return ElectionView(election, candidates_of(session, election_id))


def candidates_of(session: Session, election_id: str) -> Sequence[Candidate]:
    """Candidates of an election by their number."""
    query = select(Candidate).where(Candidate.election_id == election_id).order_by(Candidate.number)
    return session.scalars(query).all()


def list_elections(session: Session, after: str | None, limit: int) -> Sequence[Election]:
    """Elections by id, beginning after one."""
    query = select(Election).order_by(Election.id).limit(limit)
    return session.scalars(query if after is None else query.where(Election.id > after)).all()


def create_election(services: Services, draft: ElectionDraft, actor: Actor | None = None) -> ElectionView:
    """Stores a new election in state ``draft``.

    Raises:
        ServiceError: ``bad_election`` with everything that is wrong, ``election_exists``.
    """
    with services.store.write() as session:
        _refuse(session, draft)
        if session.get(Election, draft.id) is not None:
            raise ServiceError("election_exists", details={"election": draft.id})
        now = services.now()
        election = Election(id=draft.id, created_at=now, state=DRAFT, rev=1)
        _fill(election, draft)
        session.add(election)
        session.flush()
        _write_candidates(session, draft)
        append(session, [_act("election.created", election, actor, details=_audited(draft))], now)
        return ElectionView(election, candidates_of(session, draft.id))


def edit_election(
    services: Services,
    election_id: str,
    changes: Mapping[str, Any],
    check_rev: RevCheck,
    actor: Actor | None = None,
) -> ElectionView:
    """Changes some attributes of an election.

    Args:
        services: the process's services.
        election_id: which.
        changes: attribute of :class:`ElectionDraft` -> new value; ``candidates`` are replaced as a whole.
        check_rev: called with the present version before anything changes.
        actor: who.

    Raises:
        ServiceError: ``unknown_election``, ``bad_election``, ``election_in_use`` for anything that is not in
            :data:`FREE_ANY_TIME` after the election was opened.
    """
    with services.store.write() as session:
        election = _locked(session, election_id)
        check_rev(election.rev)
        before = draft_of(session, election)
        after = _changed(before, changes)
        fixed = sorted(name for name in changes if name not in FREE_ANY_TIME)
        if election.state != DRAFT and fixed:
            raise ServiceError("election_in_use", details={"fields": fixed})
        _refuse(session, after)
        _fill(election, after)
        election.rev += 1
        if "candidates" in changes:
            session.execute(delete(Candidate).where(Candidate.election_id == election_id))
            _write_candidates(session, after)
        append(
            session,
            [_act("election.edited", election, actor, details=_audited(after, sorted(changes)))],
            services.now(),
        )
        return ElectionView(election, candidates_of(session, election_id))


def open_election(services: Services, election_id: str, actor: Actor | None = None) -> ElectionView:
    """From now on photos are taken. An open election stays as it is; a closed one is opened again.

    Raises:
        ServiceError: ``unknown_election``.
    """
    return _set_state(services, election_id, OPEN, "election.opened", actor)


def close_election(services: Services, election_id: str, actor: Actor | None = None) -> ElectionView:
    """No more photos are taken; reading, confirming and the recap meetings go on.

    Raises:
        ServiceError: ``unknown_election``, ``conflict`` when it was never opened.
    """
    return _set_state(services, election_id, CLOSED, "election.closed", actor)


def accepts_photos(election: Election, now: datetime) -> bool:
    """Whether photos are taken now: open, and within its times."""
    begun = election.opens_at is None or election.opens_at <= now
    return election.state == OPEN and begun and (election.closes_at is None or now < election.closes_at)


def draft_of(session: Session, election: Election) -> ElectionDraft:
    """The stored election as a draft."""
    candidates = candidates_of(session, election.id)
    return ElectionDraft(
        id=election.id,
        name=election.name,
        forms=tuple(election.forms),
        scope=election.scope,
        candidates=tuple(CandidateDraft(c.number, c.name, c.field) for c in candidates),
        recap_fields=tuple(election.recap_fields),
        limits=MappingProxyType(dict(election.limits)),
        opens_at=election.opens_at,
        closes_at=election.closes_at,
        erase_after=election.erase_after,
    )


def _changed(before: ElectionDraft, changes: Mapping[str, Any]) -> ElectionDraft:
    values = {name: getattr(before, name) for name in ElectionDraft.__slots__}
    # Other forms or candidates have other numbers: the old list of recap fields says nothing about them.
    if changes.keys() & {"forms", "candidates"} and "recap_fields" not in changes:
        values["recap_fields"] = None
    return ElectionDraft(**{**values, **changes})


def _set_state(services: Services, election_id: str, state: str, action: str, actor: Actor | None) -> ElectionView:
    with services.store.write() as session:
        election = _locked(session, election_id)
        if election.state == DRAFT and state == CLOSED:
            raise ServiceError("conflict", details={"state": election.state})
        if election.state != state:
            election.state = state
            election.rev += 1
            append(session, [_act(action, election, actor)], services.now())
        return ElectionView(election, candidates_of(session, election_id))


def _locked(session: Session, election_id: str) -> Election:
    election = session.get(Election, election_id, with_for_update=True)
    if election is None:
        raise ServiceError("unknown_election", details={"election": election_id[:64]})
    return election


def _refuse(session: Session, draft: ElectionDraft) -> None:
    problems = problems_of(draft)
    if not problems and session.get(Region, draft.scope) is None:
        problems = [{"field": "scope", "problem": "no such region; import the regions first"}]
    if problems:
        raise ServiceError("bad_election", details={"problems": problems})


def _fill(election: Election, draft: ElectionDraft) -> None:
    election.name = draft.name.strip()
    election.forms = list(draft.forms)
    election.scope = draft.scope
    election.recap_fields = recap_fields_of(draft)
    election.limits = dict(draft.limits)
    election.opens_at = draft.opens_at
    election.closes_at = draft.closes_at
    election.erase_after = draft.erase_after or default_erase_after(draft.closes_at)


def _write_candidates(session: Session, draft: ElectionDraft) -> None:
    session.add_all(
        Candidate(election_id=draft.id, number=c.number, name=c.name.strip(), field=c.votes_field)
        for c in draft.candidates
    )
    session.flush()


def _act(action: str, election: Election, actor: Actor | None, details: Mapping[str, Any] | None = None) -> Act:
    return Act(action, f"election:{election.id}", NATIONAL, actor, None, details or {})


def _audited(draft: ElectionDraft, changed: Sequence[str] | None = None) -> dict[str, Any]:
    """What the trail keeps: everything but candidates' names, which are people's."""
    details: dict[str, Any] = {
        "scope": draft.scope,
        "forms": list(draft.forms),
        "candidates": {str(c.number): c.votes_field for c in draft.candidates},
        "recap_fields": recap_fields_of(draft),
        "limits": dict(draft.limits),
        "opens_at": draft.opens_at.isoformat() if draft.opens_at else None,
        "closes_at": draft.closes_at.isoformat() if draft.closes_at else None,
        "erase_after": draft.erase_after.isoformat() if draft.erase_after else None,
    }
    return details if changed is None else {**details, "changed": list(changed)}
