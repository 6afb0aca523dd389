"""Regions, polling stations, elections."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.base import Base, Code, RegionCode


class Region(Base):
    """A region: the nation (code ""), province (2 digits), city (4), kecamatan (6) or desa/kelurahan (10).

    ``tps_count`` is the number of stations anywhere below; written by the import, read by every progress figure.
    """

    __tablename__ = "region"

    code: Mapped[str] = mapped_column(RegionCode, primary_key=True)
    parent: Mapped[str | None] = mapped_column(RegionCode, index=True)
    level: Mapped[int]
    name: Mapped[str]
    tps_count: Mapped[int] = mapped_column(default=0)


class Tps(Base):
    """A polling station: 13 digits, the desa's ten and the station's number."""

    __tablename__ = "tps"

    code: Mapped[str] = mapped_column(RegionCode, primary_key=True)
    desa: Mapped[str] = mapped_column(RegionCode, ForeignKey("region.code"))
    kecamatan: Mapped[Code]
    number: Mapped[int]

    __table_args__ = (Index(None, "kecamatan"), Index(None, "desa"))


class Election(Base):
    """An election: its forms, its area, its limits, and which numbers the recap adds up.

    ``scope`` is a region-code prefix. ``recap_fields`` are field ids of the forms; a field's place in the list is its
    column in the recap tables, so the list only ever grows at its end. ``state`` is ``draft``, ``open`` or ``closed``.
    ``erase_after`` is when personal data and original photos may be erased.
    """

    __tablename__ = "election"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str]
    scope: Mapped[Code]
    forms: Mapped[list[str]]
    recap_fields: Mapped[list[str]]
    limits: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    opens_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]
    erase_after: Mapped[datetime | None]
    created_at: Mapped[datetime]
    rev: Mapped[int] = mapped_column(default=1)


class Candidate(Base):
    """A candidate pair (paslon) or list, with the field of the form that holds its votes."""

    __tablename__ = "candidate"

    election_id: Mapped[str] = mapped_column(String(64), ForeignKey("election.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    field: Mapped[str] = mapped_column(String(64))
