"""Where a kecamatan's recap meeting (pleno) stands, and the lock that keeps it from being finalised meanwhile."""

from typing import Final, Literal

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from service.regions.codes import KECAMATAN_DIGITS
from service.store.recap import Pleno

OPEN: Final = "open"
FINALISED: Final = "finalised"

PlenoState = Literal["not_begun", "open", "finalised"]


def pleno_state(pleno: Pleno | None) -> PlenoState:
    """Where a meeting stands."""
    if pleno is None:
        return "not_begun"
    return FINALISED if pleno.state == FINALISED else OPEN


def find_pleno(session: Session, election_id: str, region: str) -> Pleno | None:
    """The pleno of the kecamatan that a region lies in; ``None``: it has not begun."""
    return session.scalars(_query(election_id, region)).one_or_none()


def hold_pleno(session: Session, election_id: str, region: str) -> Pleno | None:
    """The same, and it cannot be finalised or reopened until this transaction ends. Many may hold it at once."""
    query = _query(election_id, region).with_for_update(read=True).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def _query(election_id: str, region: str) -> Select[Pleno]:
    return select(Pleno).where(Pleno.election_id == election_id, Pleno.kecamatan == region[:KECAMATAN_DIGITS])
