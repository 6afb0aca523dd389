"""Stations count as seen soon after their first photo is stored, also while no worker is there to read it.

Done on the side and not in the upload's transaction: an officer waits for the receipt, not for the progress figure.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import Session

from service.elections.manage import find_election
from service.recap.apply import EMPTY_ROW, add_to_sum, apply_station, columns_of, rules_of
from service.recap.rows import compute_row, contribution, difference
from service.regions.codes import KECAMATAN_DIGITS
from service.services import Services
from service.store.insert import insert_for
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
                made = _mark_new(session, services, election_id, stations)
            for tps in stations:
                if tps not in made:  # it had a row, or its photo was withdrawn a moment ago
                    with services.store.write() as session:
                        apply_station(session, election_id, tps, services.now())
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


def _mark_new(session: Session, services: Services, election_id: str, stations: Sequence[str]) -> set[str]:
    """Makes the rows of stations that have none, all in one statement; returns those stations."""
    now = services.now()
    rules = rules_of(session, find_election(session, election_id))
    row = compute_row({}, rules, seen=True)
    constants = {"updated_at": now, **{name: value for name, value in columns_of(row).items() if value is not None}}
    here = (
        select(
            Photo.election_id,
            Photo.tps,
            Photo.kecamatan,
            *(bindparam(name, value, recap.c[name].type) for name, value in constants.items()),
        )
        .where(Photo.election_id == election_id, Photo.tps.in_(stations), Photo.state != "withdrawn")
        .distinct()
    )
    names = ["election_id", "tps", "kecamatan", *constants]
    insert = insert_for(session, recap).from_select(names, here.order_by(Photo.tps))
    made = set(session.scalars(insert.on_conflict_do_nothing().returning(recap.c.tps)))
    moved = difference(contribution(EMPTY_ROW, rules.full), contribution(row, rules.full))
    for kecamatan, count in sorted(Counter(tps[:KECAMATAN_DIGITS] for tps in made).items()):
        add_to_sum(session, election_id, kecamatan, {name: amount * count for name, amount in moved.items()})
    return made
