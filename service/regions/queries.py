"""Looking regions up."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.errors import ServiceError
from service.regions.codes import DESA_LEVEL, ancestors_of, prefix_range
from service.store.regions import Region, Tps


def get_region(session: Session, code: str) -> Region:
    """A region (not a station).

    Raises:
        ServiceError: ``unknown_region``.
    """
    region = session.get(Region, code)
    if region is None:
        raise ServiceError("unknown_region", details={"region": code})
    return region


def get_tps(session: Session, code: str) -> Tps:
    """A polling station.

    Raises:
        ServiceError: ``unknown_tps``.
    """
    tps = session.get(Tps, code)
    if tps is None:
        raise ServiceError("unknown_tps", details={"tps": code})
    return tps


def path_to(session: Session, code: str) -> Sequence[Region]:
    """The regions around this one, the nation first."""
    return session.scalars(select(Region).where(Region.code.in_(ancestors_of(code))).order_by(Region.level)).all()


def children_of(session: Session, region: Region) -> Sequence[Region]:
    """The regions directly below; none for a desa, whose children are stations."""
    return session.scalars(select(Region).where(Region.parent == region.code).order_by(Region.code)).all()


def stations_of(session: Session, region: Region) -> Sequence[Tps]:
    """The stations of a desa; none for larger regions."""
    if region.level != DESA_LEVEL:
        return ()
    return session.scalars(select(Tps).where(Tps.desa == region.code).order_by(Tps.code)).all()


def search_regions(session: Session, words: str, scope: str, limit: int) -> Sequence[Region]:
    """Regions within the scope whose name has all the words, or whose code begins with what was typed; largest first.

    Args:
        session: a session.
        words: what was typed; case does not matter.
        scope: region-code prefix.
        limit: how many at most.
    """
    low, high = prefix_range(scope)
    query = select(Region).where(Region.code >= low, Region.code < high)
    if words.isascii() and words.isdigit():
        code_low, code_high = prefix_range(words)
        query = query.where(Region.code >= code_low, Region.code < code_high)
    else:
        for word in words.split():
            query = query.where(Region.name.icontains(word, autoescape=True))
    return session.scalars(query.order_by(Region.level, Region.code).limit(limit)).all()
