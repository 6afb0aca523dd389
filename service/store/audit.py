"""The audit trail: one hash chain a kecamatan, chain "0" for what concerns all. Append-only by trigger."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.base import Base, RegionCode


class AuditEvent(Base):
    """One act. ``body`` is the canonical text that was hashed, byte for byte; the other columns are for looking up."""

    __tablename__ = "audit_event"

    chain: Mapped[str] = mapped_column(RegionCode, primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(String(48))
    subject: Mapped[str] = mapped_column(String(160), index=True)
    account_id: Mapped[str | None] = mapped_column(String(32))
    body: Mapped[str]
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """The last event of each chain; its row is the chain's lock."""

    __tablename__ = "audit_head"

    chain: Mapped[str] = mapped_column(RegionCode, primary_key=True)
    seq: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))


class AuditSeal(Base):
    """A Merkle root over all heads at one time, chained to the seal before it. Append-only."""

    __tablename__ = "audit_seal"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    chains: Mapped[int]
    root: Mapped[str] = mapped_column(String(64))
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditSealHead(Base):
    """Where a chain stood when it was sealed; written only for chains that went on since the seal before."""

    __tablename__ = "audit_seal_head"

    seal: Mapped[int] = mapped_column(ForeignKey("audit_seal.seq"), primary_key=True, autoincrement=False)
    chain: Mapped[str] = mapped_column(RegionCode, primary_key=True)
    seq: Mapped[int]
