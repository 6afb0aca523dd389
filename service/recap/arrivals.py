"""Stations count as seen soon after their first photo is stored, also while no worker is there to read it.

Done on the side and not in the upload's transaction: an officer waits for the receipt, not for the progress figure.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from service.elections.manage import find_election
from service.recap.apply import EMPTY_ROW, add_to_sum, apply_station, columns_of, insert_for, rules_of
from service.recap.rows import compute_row, contribution, difference
from service.regions.codes import KECAMATAN_DIGITS
from service.services import Services
from service.store.photos import Photo
from service.store.recap import recap

AT_ONCE = 200
"""Photos looked at, and so at most stations marked, in one transaction: a few statements, however many stations."""

OVERLAP = 10_000 << 80
"""Ten seconds in the clock of :func:`service.ids.new_id`: ids are made in order, but become visible as they commit."""

NEVER = "0" * 32


def mark_arrivals(services: Services, after: str = NEVER) -> str:
    """Marks the stations of photos that came since.

    Args:
        services: the process's services.
        after: what the call before returned; :data:`NEVER` looks at all photos.

    Returns:
        Where the next call begins.
    """
    while True:
        with services.store.read() as session:
            ids = session.scalars(select(Photo.id).where(Photo.id > after).order_by(Photo.id).limit(AT_ONCE)).all()
            if not ids:
                return after
            unseen = list(_unseen(session, ids[0], ids[-1]))
        for election_id, stations in unseen:
            with services.store.write() as session:
                _mark(session, services, election_id, stations)
        if len(ids) < AT_ONCE:
            return max(after, f"{max(0, int(ids[-1], 16) - OVERLAP):032x}")
        after = ids[-1]


def _unseen(session: Session, first: str, last: str) -> Iterator[tuple[str, list[str]]]:
    """Elections, each with the stations of those photos that do not count as seen, in the order of their codes."""
    found = session.execute(
        select(Photo.election_id, Photo.tps)
        .outerjoin(recap, and_(recap.c.election_id == Photo.election_id, recap.c.tps == Photo.tps))
        .where(Photo.id.between(first, last), Photo.state != "withdrawn", func.coalesce(recap.c.seen, 0) == 0)
        .distinct()
        .order_by(Photo.election_id, Photo.tps)
    ).all()
    for election_id in dict.fromkeys(row.election_id for row in found):
        yield election_id, [row.tps for row in found if row.election_id == election_id]


def _mark(session: Session, services: Services, election_id: str, stations: Sequence[str]) -> None:
    """Marks stations; those that had no row yet together, the few others one by one."""
    now = services.now()
    rows = [
        {
            "election_id": election_id,
            "tps": tps,
            "kecamatan": tps[:KECAMATAN_DIGITS],
            "updated_at": now,
            **columns_of(EMPTY_ROW),
        }
        for tps in stations
    ]
    made = session.scalars(insert_for(session, recap).values(rows).on_conflict_do_nothing().returning(recap.c.tps))
    new = sorted(made)  # and locked from here on: a photo withdrawn meanwhile is noticed below, or after us
    shown = select(Photo.tps).where(Photo.election_id == election_id, Photo.tps.in_(new), Photo.state != "withdrawn")
    seen = sorted(set(session.scalars(shown)))
    rules = rules_of(session, find_election(session, election_id))
    row = compute_row({}, rules, seen=True)
    session.execute(
        update(recap)
        .where(recap.c.election_id == election_id, recap.c.tps.in_(seen))
        .values(columns_of(row))
        .execution_options(synchronize_session=False)
    )
    others = [tps for tps in stations if tps not in set(new)]
    for tps in others:
        apply_station(session, election_id, tps, now)
    moved = difference(contribution(EMPTY_ROW, rules.full), contribution(row, rules.full))
    for kecamatan, count in sorted(Counter(tps[:KECAMATAN_DIGITS] for tps in seen).items()):
        add_to_sum(session, election_id, kecamatan, {name: amount * count for name, amount in moved.items()})
