"""Registering everybody of a list at once: all of it or nothing, and the same list twice changes nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.access import SCOPE_LENGTHS, Action, Actor, Role, authorise
from service.accounts.activation import Invitation, add_invitations, invited_act
from service.accounts.chunks import chunks
from service.accounts.people_list import BadCell, Entry, parse_people
from service.accounts.ranks import MANAGES
from service.accounts.registry import created_act, unseal
from service.accounts.tables import read_table
from service.audit import Act, append, kecamatan_of
from service.errors import ServiceError
from service.ids import new_id
from service.services import Services
from service.store.accounts import Account
from service.store.regions import Region, Tps

BAD_ROWS_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Handout:
    """One person's way in, for the list that the PPK hands out."""

    scope: str
    name: str
    phone: str
    invitation: Invitation


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do.

    Attributes:
        dry_run: nothing was saved.
        rows: people in the list.
        created: accounts made.
        kept: accounts that were there already.
        renamed: of those, how many got another name.
        bad: everything that is wrong; then nothing was saved.
        handouts: links and codes made.
    """

    dry_run: bool
    rows: int
    created: int
    kept: int
    renamed: int
    bad: Sequence[BadCell] = ()
    handouts: Sequence[Handout] = ()


@dataclass(slots=True)
class _Plan:
    new: list[Entry] = field(default_factory=list)
    kept: list[tuple[Entry, Account]] = field(default_factory=list)
    bad: list[BadCell] = field(default_factory=list)


def import_accounts(
    services: Services, actor: Actor, data: bytes, role: Role, *, dry_run: bool = False, renew: bool = False
) -> ImportReport:
    """Makes an account for everybody of the list who has none.

    Args:
        services: the process's services.
        actor: who imports; every row must lie in its region.
        data: an XLSX or CSV file with the columns TPS, name, phone.
        role: the role of everybody in the list.
        dry_run: only look.
        renew: make new links and codes for those who were registered before and are not active yet, too.

    Raises:
        ServiceError: ``forbidden``, ``role_out_of_reach``; ``table_too_large``, ``bad_table``, ``no_columns``,
            ``empty_list``; ``bad_rows`` unless it is a dry run, with each row's line, column and reason; ``conflict``
            when somebody else registered one of them at the same time.
    """
    authorise(actor, Action.MANAGE_ACCOUNTS)
    if role not in MANAGES.get(actor.role, frozenset()):
        raise ServiceError("role_out_of_reach", details={"role": actor.role.value, "wanted": role.value})
    entries, bad = parse_people(read_table(data), SCOPE_LENGTHS[role] - {0})
    rows = len(entries) + len({cell.line for cell in bad})
    try:
        with services.store.read() if dry_run else services.store.write() as session:
            plan = _plan(session, services, actor, role, entries)
            plan.bad = sorted([*bad, *plan.bad], key=lambda cell: cell.line)
            if dry_run or plan.bad:
                report = ImportReport(dry_run, rows, len(plan.new), len(plan.kept), _renamed(services, plan), plan.bad)
            else:
                report = _save(session, services, actor, role, plan, renew, rows)
    except IntegrityError as error:
        raise ServiceError("conflict") from error
    if report.bad and not dry_run:
        raise ServiceError("bad_rows", details=bad_rows_details(report.bad))
    return report


def bad_rows_details(bad: Sequence[BadCell]) -> dict[str, object]:
    """Lines, columns and reasons, without what stood there."""
    shown = [{"line": cell.line, "column": cell.column, "code": cell.code} for cell in bad[:BAD_ROWS_SHOWN]]
    return {"bad": shown, "count": len(bad)}


def _plan(session: Session, services: Services, actor: Actor, role: Role, entries: Sequence[Entry]) -> _Plan:
    known = _known_scopes(session, {entry.scope for entry in entries})
    hashes = {entry.phone: services.keys.lookup_hash(entry.phone) for entry in entries}
    accounts: dict[str | None, Account] = {}
    for some in chunks(hashes.values()):
        found = session.scalars(select(Account).where(Account.phone_hash.in_(some)))
        accounts.update((account.phone_hash, account) for account in found)
    plan = _Plan()
    for entry in entries:
        account = accounts.get(hashes[entry.phone])
        if not entry.scope.startswith(actor.scope):
            plan.bad.append(BadCell(entry.line, "tps", "foreign_region"))
        elif entry.scope not in known:
            plan.bad.append(BadCell(entry.line, "tps", "unknown_tps"))
        elif account is None:
            plan.new.append(entry)
        elif (account.role, account.scope) == (role.value, entry.scope):
            plan.kept.append((entry, account))
        else:
            plan.bad.append(BadCell(entry.line, "phone", "phone_taken"))
    return plan


def _known_scopes(session: Session, scopes: Iterable[str]) -> set[str]:
    known: set[str] = set()
    for some in chunks(sorted(scopes)):
        known.update(session.scalars(select(Tps.code).where(Tps.code.in_(some))))
        known.update(session.scalars(select(Region.code).where(Region.code.in_(some))))
    return known


def _save(
    session: Session, services: Services, actor: Actor, role: Role, plan: _Plan, renew: bool, rows: int
) -> ImportReport:
    now = services.now()
    acts: list[Act] = []
    renamed = 0
    for entry, account in _misnamed(services, plan):
        account.name_sealed = services.keys.seal.encrypt(entry.name.encode())
        account.rev += 1
        renamed += 1
        acts.append(Act("account.renamed", f"account:{account.id}", kecamatan_of(account.scope), actor))
    made = [(entry, _new_account(services, actor, role, entry)) for entry in plan.new]
    session.add_all(account for _, account in made)
    session.flush()
    acts.extend(created_act(actor, account) for _, account in made)
    invited = made + [(entry, account) for entry, account in plan.kept if renew and account.state == "invited"]
    invitations = add_invitations(session, services, [account for _, account in invited])
    acts.extend(invited_act(actor, account) for _, account in invited)
    append(session, acts, now)
    handouts = [
        Handout(entry.scope, entry.name, entry.phone, invitation)
        for (entry, _), invitation in zip(invited, invitations, strict=True)
    ]
    return ImportReport(False, rows, len(made), len(plan.kept), renamed, (), sorted(handouts, key=_by_station))


def _by_station(handout: Handout) -> tuple[str, str]:
    return handout.scope, handout.name


def _misnamed(services: Services, plan: _Plan) -> Iterator[tuple[Entry, Account]]:
    for entry, account in plan.kept:
        if account.state in ("invited", "active") and unseal(services, account).name != entry.name:
            yield entry, account


def _renamed(services: Services, plan: _Plan) -> int:
    return sum(1 for _ in _misnamed(services, plan))


def _new_account(services: Services, actor: Actor, role: Role, entry: Entry) -> Account:
    return Account(
        id=new_id(),
        role=role.value,
        scope=entry.scope,
        login=None,
        phone_hash=services.keys.lookup_hash(entry.phone),
        phone_sealed=services.keys.seal.encrypt(entry.phone.encode()),
        name_sealed=services.keys.seal.encrypt(entry.name.encode()),
        password_hash=None,
        state="invited",
        created_at=services.now(),
        created_by=actor.account_id,
        activated_at=None,
    )
