"""The recap: one row a station, one row of sums a kecamatan; both follow from the decisions and can be rebuilt.

Everything above a kecamatan is rolled up when it is read: rows for a city, a province or the nation would make the
whole country queue for them.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table
from sqlalchemy.orm import Mapped, mapped_column

from service.store.base import Base, Code, Id, Json, RegionCode, UtcDateTime

SLOTS = 40
"""Numbers a recap can add up; ``Election.recap_fields[k]`` lives in slot k."""

COUNTS = ("tps_seen", "tps_read", "tps_review", "tps_verified", "tps_anomaly")
"""Stations with a photo; with all recap numbers known; with a number for a person; all verified; with an anomaly."""


def value_column(slot: int) -> str:
    """Name of the column with a station's number in a slot."""
    return f"v{slot:02d}"


def read_column(slot: int) -> str:
    """Name of the column with a kecamatan's sum of all numbers known."""
    return f"r{slot:02d}"


def verified_column(slot: int) -> str:
    """Name of the column with a kecamatan's sum of the verified numbers."""
    return f"f{slot:02d}"


# Hot rows are updated in place where half of each page stays free (PostgreSQL's HOT updates).
recap = Table(
    "recap",
    Base.metadata,
    Column("election_id", String(64), ForeignKey("election.id"), primary_key=True),
    Column("tps", RegionCode, ForeignKey("tps.code"), primary_key=True),
    Column("kecamatan", RegionCode, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("seen", Integer, nullable=False),  # 1: a photo that was not withdrawn lies here now, else 0
    Column("verdict", String(24), nullable=False),
    Column("source", String(16), nullable=False),
    Column("verified", BigInteger, nullable=False),  # bit k: slot k was decided by a person
    Column("review", BigInteger, nullable=False),  # bit k: slot k waits for a person, and has no value
    Column("known", BigInteger, nullable=False),  # bit k: slot k is settled: a value, or known to hold none
    Column("anomalies", Json, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    *(Column(value_column(slot), Integer) for slot in range(SLOTS)),
    Index(None, "election_id", "kecamatan"),
    postgresql_with={"fillfactor": 50},
)

# A kecamatan's sums fit an Integer (20,000 stations of 99,999 votes), and PostgreSQL adds those up twice as fast.
recap_sum = Table(
    "recap_sum",
    Base.metadata,
    Column("election_id", String(64), ForeignKey("election.id"), primary_key=True),
    Column("kecamatan", RegionCode, primary_key=True),
    *(Column(name, Integer, nullable=False, default=0) for name in COUNTS),
    *(Column(read_column(slot), Integer, nullable=False, default=0) for slot in range(SLOTS)),
    *(Column(verified_column(slot), Integer, nullable=False, default=0) for slot in range(SLOTS)),
    postgresql_with={"fillfactor": 50},
)


class Pleno(Base):
    """The recap meeting of one kecamatan. ``state``: ``open`` or ``finalised``. No row: it has not begun."""

    __tablename__ = "pleno"

    id: Mapped[Id]
    election_id: Mapped[str] = mapped_column(String(64), ForeignKey("election.id"))
    kecamatan: Mapped[Code]
    state: Mapped[str] = mapped_column(String(16))
    opened_at: Mapped[datetime]
    opened_by: Mapped[str] = mapped_column(String(32))
    finalised_at: Mapped[datetime | None]
    finalised_by: Mapped[str | None] = mapped_column(String(32))
    rev: Mapped[int] = mapped_column(default=1)

    __table_args__ = (Index("uq_pleno_place", "election_id", "kecamatan", unique=True),)
