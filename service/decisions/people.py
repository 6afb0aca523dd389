"""What people say about a number: state (KPPS), confirm (PPK), change (the pleno). Each says one thing only.

To *confirm* is to say what the photo shows; it can be done any time, and needs a photo. To *change* is to set a
station's result otherwise than the photo shows; only while the kecamatan's pleno is open, and with a reason. To *state*
is the KPPS saying what it wrote; it never counts by itself. Each needs the version of the station that the person saw.
After the pleno was finalised nothing that would move a value is taken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

import service.decisions.problems  # noqa: F401 - registers the codes
from service.access import Action, Actor, authorise
from service.audit import Act, append, kecamatan_of
from service.decisions.ranking import Kind, Saying, Standing, differs, latest, stand
from service.decisions.record import add_sayings, decision_row, write_decisions
from service.elections.fields import ElectionForms
from service.elections.manage import DRAFT, find_election
from service.errors import ServiceError
from service.photos.alarms import raise_alarm
from service.pleno.state import OPEN
from service.recap.apply import OpenStation, has_photo, open_station, settle_station
from service.recap.rows import StationRow
from service.regions.queries import get_tps
from service.services import Services
from service.store.photos import Photo

SeqCheck = Callable[[int], None]
"""Told the version (seq) of the station; raises when the caller looked at another one."""

MAX_CLAIMS: Final = 64

_ACTIONS: Final = MappingProxyType({"statement": Action.STATE, "confirmation": Action.CONFIRM, "change": Action.CHANGE})
_VERBS: Final = MappingProxyType(
    {"statement": "number.stated", "confirmation": "number.confirmed", "change": "number.changed"}
)

PersonKind = Literal["statement", "confirmation", "change"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One person's word on one number.

    Attributes:
        field: field id of the election's forms.
        outcome: ``value``, ``blank`` (nothing is written) or ``illegible``.
        value: the number, exactly when ``outcome`` is ``value``.
        as_written: one character a box as the person sees it; optional.
        photo_id: the photo it was seen on; optional.
        reason: why; needed for a change.
        remark: what a witness had to say about a change; optional.
    """

    field: str
    outcome: Literal["value", "blank", "illegible"]
    value: int | None = None
    as_written: str | None = None
    photo_id: str | None = None
    reason: str | None = None
    remark: str | None = None


def state(
    services: Services, actor: Actor, election_id: str, tps: str, claims: Sequence[Claim], check_seq: SeqCheck
) -> StationRow:
    """The KPPS says what its own form says. What it stated last already is not recorded again.

    Raises:
        ServiceError: see :func:`confirm`, without ``no_photo_to_confirm``.
    """
    return _say(services, actor, "statement", election_id, tps, claims, check_seq)


def confirm(
    services: Services, actor: Actor, election_id: str, tps: str, claims: Sequence[Claim], check_seq: SeqCheck
) -> StationRow:
    """The PPK says what the photo shows.

    Args:
        services: the process's services.
        actor: who.
        election_id: election.
        tps: station.
        claims: what each number is; all of them are recorded or none.
        check_seq: told the station's version before anything is written.

    Returns:
        The station's row of the recap afterwards.

    Raises:
        ServiceError: ``forbidden``, ``foreign_region``, ``unknown_election``, ``unknown_tps``, ``election_not_begun``,
            ``unknown_field``, ``value_out_of_range``, ``said_twice``, ``photo_not_of_tps``, ``no_photo_to_confirm``,
            ``pleno_finalised`` when a value would move, and what ``check_seq`` raises.
    """
    return _say(services, actor, "confirmation", election_id, tps, claims, check_seq)


def change(
    services: Services, actor: Actor, election_id: str, tps: str, claims: Sequence[Claim], check_seq: SeqCheck
) -> StationRow:
    """The pleno changes a station's result; what it was stays in the history.

    Raises:
        ServiceError: see :func:`confirm`; also ``pleno_not_open``, and ``invalid_fields`` without a reason.
    """
    return _say(services, actor, "change", election_id, tps, claims, check_seq)


def _say(
    services: Services,
    actor: Actor,
    kind: PersonKind,
    election_id: str,
    tps: str,
    claims: Sequence[Claim],
    check_seq: SeqCheck,
) -> StationRow:
    authorise(actor, _ACTIONS[kind], tps)
    at = services.now()
    with services.store.write() as session:
        _refuse_place(session, election_id, tps)
        opened = open_station(session, election_id, tps, at)
        _refuse_claims(claims, opened.rules.forms, kind)
        check_seq(opened.seq)
        _refuse_time(opened, kind)
        _refuse_photos(session, opened, claims, kind)
        claims = [claim for claim in claims if not _is_repeated(opened, claim, kind)]
        if not claims:
            return opened.row
        before = {claim.field: stand(opened.sayings.get(claim.field, ())) for claim in claims}
        rows = [_row(opened, claim, kind, opened.seq + k, actor, at) for k, claim in enumerate(claims, start=1)]
        alarms = _alarms(session, opened, rows, at) if kind == "statement" else []
        add_sayings(opened, rows)
        _refuse_after_pleno(opened, before)
        write_decisions(session, rows)
        row = settle_station(session, opened, at)
        append(session, [*(_act(opened, made, before[made["field"]], actor) for made in rows), *alarms], at)
    return row


def _refuse_place(session: Session, election_id: str, tps: str) -> None:
    election = find_election(session, election_id)
    if not get_tps(session, tps).code.startswith(election.scope):
        raise ServiceError("unknown_tps", details={"tps": tps, "scope": election.scope})
    if election.state == DRAFT:
        raise ServiceError("election_not_begun", details={"election": election_id})


def _refuse_claims(claims: Sequence[Claim], forms: ElectionForms, kind: Kind) -> None:
    fields = [claim.field for claim in claims]
    if len(set(fields)) < len(fields):
        raise ServiceError("said_twice", details={"fields": sorted({f for f in fields if fields.count(f) > 1})})
    for claim in claims:
        number = forms.numbers.get(claim.field)
        if number is None:
            raise ServiceError("unknown_field", details={"field": claim.field})
        if (claim.value is not None) != (claim.outcome == "value"):
            problem = "a value goes with the outcome 'value', and only with it"
            raise ServiceError("invalid_fields", details={"field": claim.field, "problem": problem})
        if claim.value is not None and not 0 <= claim.value <= number.largest:
            raise ServiceError("value_out_of_range", details={"field": claim.field, "largest": number.largest})
        if kind == "change" and not (claim.reason or "").strip():
            raise ServiceError("invalid_fields", details={"field": claim.field, "problem": "a change needs a reason"})


def _refuse_time(opened: OpenStation, kind: Kind) -> None:
    if kind == "change" and opened.is_final:
        raise ServiceError("pleno_finalised", details={"tps": opened.tps})
    if kind == "change" and (opened.pleno is None or opened.pleno.state != OPEN):
        raise ServiceError("pleno_not_open", details={"tps": opened.tps})


def _refuse_photos(session: Session, opened: OpenStation, claims: Sequence[Claim], kind: Kind) -> None:
    if kind == "confirmation" and not has_photo(session, opened.election.id, opened.tps):
        raise ServiceError("no_photo_to_confirm", details={"tps": opened.tps})
    named = {claim.photo_id for claim in claims if claim.photo_id is not None}
    if named:
        here = select(Photo.id).where(
            Photo.id.in_(named),
            Photo.election_id == opened.election.id,
            Photo.tps == opened.tps,
            Photo.state != "withdrawn",
        )
        strange = named.difference(session.scalars(here))
        if strange:
            raise ServiceError("photo_not_of_tps", details={"photos": sorted(strange)})


def _refuse_after_pleno(opened: OpenStation, before: dict[str, Standing]) -> None:
    """After the pleno a saying that moves a value is refused; one that repeats what counts only adds a witness."""
    if not opened.is_final:
        return
    moved = [name for name, was in before.items() if stand(opened.sayings[name]).value != was.value]
    if moved:
        raise ServiceError("pleno_finalised", details={"fields": moved})


def _is_repeated(opened: OpenStation, claim: Claim, kind: Kind) -> bool:
    """A statement that says the same as the last one adds nothing; recorded, it would only outdate what a PPK sees."""
    said = latest(opened.sayings.get(claim.field, ()), "statement")
    outcome = "accepted" if claim.outcome == "value" else claim.outcome
    return kind == "statement" and said is not None and (said.outcome, said.value) == (outcome, claim.value)


def _row(opened: OpenStation, claim: Claim, kind: Kind, seq: int, actor: Actor, at: datetime) -> dict[str, Any]:
    return decision_row(
        opened,
        seq,
        at,
        field=claim.field,
        kind=kind,
        outcome="accepted" if claim.outcome == "value" else claim.outcome,
        value=claim.value,
        as_written=claim.as_written,
        photo_id=claim.photo_id,
        pleno_id=opened.pleno.id if opened.pleno is not None and kind == "change" else None,
        account_id=actor.account_id,
        role=actor.role.value,
        reason=claim.reason,
        remark=claim.remark,
    )


def _act(opened: OpenStation, row: dict[str, Any], before: Standing, actor: Actor) -> Act:
    details = {
        "election": opened.election.id,
        "field": row["field"],
        "seq": row["seq"],
        "outcome": row["outcome"],
        "value": row["value"],
        "before": {"state": before.state, "value": before.value},
        "photo": row["photo_id"],
        "pleno": row["pleno_id"],
    }
    return Act(_VERBS[row["kind"]], f"tps:{opened.tps}", kecamatan_of(opened.tps), actor, row["reason"], details)


def _alarms(session: Session, opened: OpenStation, rows: Sequence[dict[str, Any]], at: datetime) -> list[Act]:
    """A KPPS that states otherwise than a person confirmed: the confirmation stays, and somebody should look."""
    acts: list[Act] = []
    for row in rows:
        stated = Saying(row["seq"], "statement", row["outcome"], row["value"])
        confirmed = latest(opened.sayings.get(row["field"], ()), "confirmation")
        if confirmed is not None and differs(confirmed, stated):
            key = f"statement_differs:{confirmed.id}:{stated.value}"
            details = {
                "field": row["field"],
                "statement": stated.value,
                "person": confirmed.value,
                "seq": stated.seq,
            }
            acts += raise_alarm(session, "statement_differs", key, opened.election.id, opened.tps, details, at)
    return acts
