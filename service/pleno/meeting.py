"""Opening, finalising and reopening the recap meeting of a kecamatan (PKPU 19/2020 article 15A).

The PPK opens it ("mulai"); while it is open its Web operator may change results; finalising closes the numbers for
good, unless the KPU of the city reopens it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

import service.decisions.problems  # noqa: F401 - registers the codes
from service.access import Action, Actor, authorise
from service.audit import Act, append
from service.decisions.record import release_held
from service.elections.manage import DRAFT, RevCheck, find_election
from service.errors import ServiceError
from service.ids import new_id
from service.pleno.state import FINALISED, OPEN, find_pleno
from service.regions.codes import KECAMATAN_LEVEL
from service.regions.queries import get_region
from service.services import Services
from service.store.insert import insert_for
from service.store.recap import COUNTS, Pleno, recap_sum
from service.store.regions import Region


@dataclass(frozen=True, slots=True)
class PlenoView:
    """A kecamatan's meeting.

    Attributes:
        pleno: the meeting; ``None``: it has not begun.
        kecamatan: where.
        counts: ``tps_total`` and the counters of the recap.
    """

    pleno: Pleno | None
    kecamatan: str
    counts: Mapping[str, int]

    @property
    def rev(self) -> int:
        """Version; 0 before it has begun."""
        return 0 if self.pleno is None else self.pleno.rev


def view_pleno(session: Session, election_id: str, kecamatan: str) -> PlenoView:
    """The meeting and how far its stations are.

    Raises:
        ServiceError: ``unknown_election``, ``unknown_region`` when it is no kecamatan of the election.
    """
    region = _refuse_place(session, election_id, kecamatan)
    return _view(session, election_id, region, find_pleno(session, election_id, kecamatan))


def open_pleno(services: Services, actor: Actor, election_id: str, kecamatan: str) -> PlenoView:
    """Begins the meeting; one that is open stays as it is.

    Raises:
        ServiceError: ``forbidden``, ``foreign_region``, ``unknown_election``, ``unknown_region``,
            ``election_not_begun``, ``pleno_finalised``.
    """
    authorise(actor, Action.PLENO, kecamatan)
    with services.store.write() as session:
        region = _refuse_place(session, election_id, kecamatan)
        if find_election(session, election_id).state == DRAFT:
            raise ServiceError("election_not_begun", details={"election": election_id})
        pleno = _locked(session, election_id, kecamatan)
        if pleno is None:
            pleno, is_new = _begin(session, election_id, kecamatan, actor, services.now())
            if is_new:
                append(session, [_act("pleno.opened", pleno, actor, None, {})], services.now())
        if pleno.state == FINALISED:
            raise ServiceError("pleno_finalised", details={"kecamatan": kecamatan})
        return _view(session, election_id, region, pleno)


def finalise_pleno(
    services: Services,
    actor: Actor,
    election_id: str,
    kecamatan: str,
    check_rev: RevCheck,
    incomplete_reason: str | None = None,
) -> PlenoView:
    """Closes the kecamatan's numbers.

    Args:
        services: the process's services.
        actor: who.
        election_id: election.
        kecamatan: where.
        check_rev: told the meeting's version before anything changes.
        incomplete_reason: why it is finalised although not every number of every station was verified.

    Raises:
        ServiceError: ``forbidden``, ``foreign_region``, ``unknown_election``, ``unknown_region``, ``pleno_not_open``,
            ``pleno_finalised``, ``pleno_incomplete`` without a reason, and what ``check_rev`` raises.
    """
    authorise(actor, Action.PLENO, kecamatan)
    with services.store.write() as session:
        region = _refuse_place(session, election_id, kecamatan)
        pleno = _locked(session, election_id, kecamatan)
        if pleno is None:
            raise ServiceError("pleno_not_open", details={"kecamatan": kecamatan})
        check_rev(pleno.rev)
        if pleno.state == FINALISED:
            raise ServiceError("pleno_finalised", details={"kecamatan": kecamatan})
        # Nobody decides about a number of this kecamatan while its row is held (recap/apply.py).
        counts = _counts(session, election_id, region)
        if counts["tps_verified"] < counts["tps_total"] and not (incomplete_reason or "").strip():
            raise ServiceError("pleno_incomplete", details=dict(counts))
        pleno.state, pleno.finalised_at, pleno.finalised_by = FINALISED, services.now(), actor.account_id
        pleno.rev += 1
        append(session, [_act("pleno.finalised", pleno, actor, incomplete_reason, counts)], services.now())
        return PlenoView(pleno, kecamatan, counts)


def reopen_pleno(
    services: Services, actor: Actor, election_id: str, kecamatan: str, check_rev: RevCheck, reason: str
) -> PlenoView:
    """Opens a finalised meeting again, for the KPU of the city; readings that were held back count from now on.

    Raises:
        ServiceError: ``forbidden``, ``foreign_region``, ``unknown_election``, ``unknown_region``, ``pleno_not_open``
            when it has not begun, ``conflict`` when it is open, and what ``check_rev`` raises.
    """
    authorise(actor, Action.REOPEN_PLENO, kecamatan)
    with services.store.write() as session:
        region = _refuse_place(session, election_id, kecamatan)
        pleno = _locked(session, election_id, kecamatan)
        if pleno is None:
            raise ServiceError("pleno_not_open", details={"kecamatan": kecamatan})
        check_rev(pleno.rev)
        if pleno.state != FINALISED:
            raise ServiceError("conflict", details={"state": pleno.state})
        pleno.state, pleno.finalised_at, pleno.finalised_by = OPEN, None, None
        pleno.rev += 1
        session.flush()
        released = release_held(session, election_id, kecamatan, services.now())
        append(session, [_act("pleno.reopened", pleno, actor, reason, {}), *released], services.now())
        return _view(session, election_id, region, pleno)


def _refuse_place(session: Session, election_id: str, kecamatan: str) -> Region:
    election = find_election(session, election_id)
    region = get_region(session, kecamatan)
    if region.level != KECAMATAN_LEVEL or not kecamatan.startswith(election.scope):
        raise ServiceError("unknown_region", details={"region": kecamatan, "expected": "a kecamatan of the election"})
    return region


def _locked(session: Session, election_id: str, kecamatan: str) -> Pleno | None:
    query = select(Pleno).where(Pleno.election_id == election_id, Pleno.kecamatan == kecamatan)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()


def _begin(session: Session, election_id: str, kecamatan: str, actor: Actor, at: datetime) -> tuple[Pleno, bool]:
    """A new meeting, or the one that somebody else opened at the same moment."""
    made = session.scalars(
        insert_for(session, Pleno)
        .values(
            id=new_id(),
            election_id=election_id,
            kecamatan=kecamatan,
            state=OPEN,
            opened_at=at,
            opened_by=actor.account_id,
            rev=1,
        )
        .on_conflict_do_nothing(index_elements=["election_id", "kecamatan"])
        .returning(Pleno.id)
    ).first()
    pleno = _locked(session, election_id, kecamatan)
    assert pleno is not None
    return pleno, made is not None


def _view(session: Session, election_id: str, region: Region, pleno: Pleno | None) -> PlenoView:
    return PlenoView(pleno, region.code, _counts(session, election_id, region))


def _counts(session: Session, election_id: str, region: Region) -> dict[str, int]:
    columns = [recap_sum.c[name] for name in COUNTS]
    query = select(*columns).where(recap_sum.c.election_id == election_id, recap_sum.c.kecamatan == region.code)
    row = session.execute(query).one_or_none()
    found = dict.fromkeys(COUNTS, 0) if row is None else dict(zip(COUNTS, row, strict=True))
    return {"tps_total": region.tps_count, **found}


def _act(action: str, pleno: Pleno, actor: Actor, why: str | None, details: Mapping[str, Any]) -> Act:
    said = {"election": pleno.election_id, **details}
    return Act(action, f"pleno:{pleno.id}", pleno.kecamatan, actor, why, said)
