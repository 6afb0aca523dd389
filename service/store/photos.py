"""Photos as sent, their receipts and history, and uploads under way."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.store.base import Base, Code, Id, RegionCode


class Photo(Base):
    """One photo sent for one station of one election.

    The bytes lie in the blob store under ``sha256`` and are never changed. ``tps_sent`` is what it was sent for and
    stays; ``tps`` and ``page`` are what a person says it is (``page`` None: what the reader finds). ``state``:
    ``received`` (stored, not read yet), ``read`` (also when the reader refused it: then its reading says why),
    ``failed`` (the reader broke on it every time), ``withdrawn``. ``replaces`` is the photo this one is a retake
    of. ``capture`` holds EXIF and what the client said, for the audit only.
    """

    __tablename__ = "photo"

    id: Mapped[Id]
    election_id: Mapped[str] = mapped_column(String(64), ForeignKey("election.id"))
    tps_sent: Mapped[str] = mapped_column(RegionCode, ForeignKey("tps.code"))
    tps: Mapped[str] = mapped_column(RegionCode, ForeignKey("tps.code"))
    kecamatan: Mapped[Code]
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[str] = mapped_column(String(16))
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    page_claimed: Mapped[int | None]
    page: Mapped[int | None]
    captured_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    sender_id: Mapped[str] = mapped_column(String(32), ForeignKey("account.id"))
    on_behalf: Mapped[bool]
    channel: Mapped[str] = mapped_column(String(16))
    replaces: Mapped[str | None] = mapped_column(String(32), ForeignKey("photo.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    failure: Mapped[str | None] = mapped_column(String(32))
    capture: Mapped[dict[str, Any]]
    erased_at: Mapped[datetime | None]
    rev: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("election_id", "tps_sent", "sha256"),
        Index(None, "election_id", "tps"),
        Index(None, "election_id", "kecamatan", "state"),
        Index(None, "state", "id"),
    )


class Receipt(Base):
    """What an officer keeps: proof that this photo was here at that time. ``body`` is the signed text."""

    __tablename__ = "receipt"

    id: Mapped[Id]
    photo_id: Mapped[str] = mapped_column(String(32), ForeignKey("photo.id"))
    account_id: Mapped[str] = mapped_column(String(32), ForeignKey("account.id"))
    received_at: Mapped[datetime]
    body: Mapped[str]
    signature: Mapped[str] = mapped_column(String(128))

    __table_args__ = (UniqueConstraint("photo_id", "account_id"),)


class Upload(Base):
    """A resumable upload. ``offset_bytes`` never says more than what is safely on disk.

    ``state``: ``open``, ``done`` (then ``receipt_id`` is set), ``terminated``, ``expired``.
    """

    __tablename__ = "upload"

    id: Mapped[Id]
    account_id: Mapped[str] = mapped_column(String(32), ForeignKey("account.id"))
    election_id: Mapped[str] = mapped_column(String(64), ForeignKey("election.id"))
    tps: Mapped[Code]
    sha256: Mapped[str | None] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    offset_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    details: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    receipt_id: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (Index(None, "account_id", "state"), Index(None, "state", "expires_at"))


class PhotoEvent(Base):
    """A photo's history, append-only: ``sent``, ``moved``, ``replaced``, ``withdrawn``, ``restored``, ``erased``."""

    __tablename__ = "photo_event"

    id: Mapped[Id]
    photo_id: Mapped[str] = mapped_column(String(32), ForeignKey("photo.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    tps_before: Mapped[str | None] = mapped_column(RegionCode)
    tps_after: Mapped[str | None] = mapped_column(RegionCode)
    page_before: Mapped[int | None]
    page_after: Mapped[int | None]
    account_id: Mapped[str | None] = mapped_column(String(32))
    reason: Mapped[str | None]
    at: Mapped[datetime]


class Alarm(Base):
    """Something a person should look at: ``same_photo``, ``same_handwriting``, ``page_mismatch``, ...

    ``key`` keeps one fact from raising two alarms. ``tps_other`` is the second station of an alarm about two.
    """

    __tablename__ = "alarm"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(160), unique=True)
    kind: Mapped[str] = mapped_column(String(24))
    election_id: Mapped[str] = mapped_column(String(64), ForeignKey("election.id"))
    tps: Mapped[str] = mapped_column(RegionCode, index=True)
    tps_other: Mapped[str | None] = mapped_column(RegionCode, index=True)
    details: Mapped[dict[str, Any]]
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[str | None] = mapped_column(String(32))
    reason: Mapped[str | None]
