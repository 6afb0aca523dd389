"""Stations count as seen soon after their first photo is stored, also while no worker is there to read it.

Done on the side and not in the upload's transaction: an officer waits for the receipt, not for the progress figure.
"""

from sqlalchemy import and_, func, select

from service.recap.apply import mark_seen
from service.services import Services
from service.store.photos import Photo
from service.store.recap import recap

AT_ONCE = 500
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
            unseen = session.execute(
                select(Photo.election_id, Photo.tps)
                .outerjoin(recap, and_(recap.c.election_id == Photo.election_id, recap.c.tps == Photo.tps))
                .where(
                    Photo.id.between(ids[0], ids[-1]), Photo.state != "withdrawn", func.coalesce(recap.c.seen, 0) == 0
                )
                .distinct()
                .order_by(Photo.election_id, Photo.tps)
            ).all()
        for election_id, tps in unseen:  # one transaction each: nobody waits for a long one
            with services.store.write() as session:
                mark_seen(session, election_id, tps, services.now())
        if len(ids) < AT_ONCE:
            return max(after, f"{max(0, int(ids[-1], 16) - OVERLAP):032x}")
        after = ids[-1]
