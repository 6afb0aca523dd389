"""Reading work, machine readings (immutable) and decisions (append-only)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.store.base import Base, Code, Id, RegionCode


class Job(Base):
    """The reading of one photo by one revision of the reader; id ``<photo id>:<reader revision>``.

    ``state``: ``waiting`` (nobody was told), ``queued`` (handed to the queue), ``running``, ``done``, ``failed``
    (with ``error``). ``priority`` 0 is a live upload, larger waits longer. ``tries`` counts readings begun and
    ``breaks`` those that broke the reader, so that a photo that kills its reader ends. ``runs`` counts the times the
    job was handed to the queue: a run that is not the newest one changes nothing any more. ``read_at`` is when all
    readings of the photo were there; only then they count. The upload itself writes the row; no photo is ever stored
    without one.
    """

    __tablename__ = "job"

    id: Mapped[str] = mapped_column(String(160), primary_key=True)
    photo_id: Mapped[str] = mapped_column(String(32), ForeignKey("photo.id"), index=True)
    reader_rev: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(16))
    priority: Mapped[int] = mapped_column(default=0)
    batch_id: Mapped[str | None] = mapped_column(String(32))
    tries: Mapped[int] = mapped_column(default=0)
    breaks: Mapped[int] = mapped_column(default=0)
    runs: Mapped[int] = mapped_column(default=0)
    read_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(32))
    worker: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    not_before: Mapped[datetime | None]
    beat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "state", "priority", "created_at"),)


class Worker(Base):
    """A worker process and its last sign of life."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    reader_rev: Mapped[str] = mapped_column(String(120))
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]


class Reading(Base):
    """What one reader revision saw in one photo (``part`` counts the pages of a PDF from 1; 0 for a photo). Immutable.

    ``body`` is the line of ``turus read`` (docs/cli.md) without the photo's name; ``evidence`` is packed by
    ``ocr_pipeline.evidence_codec``.
    """

    __tablename__ = "reading"

    id: Mapped[Id]
    photo_id: Mapped[str] = mapped_column(String(32), ForeignKey("photo.id"))
    part: Mapped[int]
    reader_rev: Mapped[str] = mapped_column(String(120))
    pipeline_rev: Mapped[str] = mapped_column(String(16))
    form_id: Mapped[str | None] = mapped_column(String(64))
    form_rev: Mapped[int | None]
    page: Mapped[int | None]
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    px_per_box: Mapped[float | None]
    sharpness: Mapped[float | None]
    body: Mapped[dict[str, Any]]
    evidence: Mapped[bytes | None] = mapped_column(LargeBinary)
    fingerprint: Mapped[bytes | None] = mapped_column(LargeBinary)
    took_ms: Mapped[int]
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("photo_id", "part", "reader_rev"),)


class HandwritingKey(Base):
    """Where to look for the same handwriting under another station."""

    __tablename__ = "handwriting_key"

    election_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    bucket: Mapped[str] = mapped_column(String(80), primary_key=True)
    reading_id: Mapped[str] = mapped_column(String(32), ForeignKey("reading.id"), primary_key=True)


class StationReading(Base):
    """The pages of a station decided together, from exactly the readings that ``inputs`` names. Immutable.

    ``body``: numbers and rules as in the reading contract, ``chosen`` photos by page, fields that photos of one
    page read differently. ``seq`` counts a station's decodings from 1; the last one of a form is the one that counts.
    ``inputs`` is a hash of the readings and of how often these readings had been decided before (a photo withdrawn
    and restored brings the same ones back).
    """

    __tablename__ = "station_reading"

    id: Mapped[Id]
    election_id: Mapped[str] = mapped_column(String(64), ForeignKey("election.id"))
    tps: Mapped[str] = mapped_column(RegionCode, ForeignKey("tps.code"))
    seq: Mapped[int]
    inputs: Mapped[str] = mapped_column(String(64))
    form_id: Mapped[str | None] = mapped_column(String(64))
    reader_rev: Mapped[str] = mapped_column(String(120))
    verdict: Mapped[str] = mapped_column(String(24))
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("election_id", "tps", "inputs"),
        UniqueConstraint("election_id", "tps", "seq"),
    )


class Decision(Base):
    """Somebody, or the machine, said what one number of one station is. Append-only.

    ``kind``: ``machine``; ``statement`` (KPPS: this is what we wrote); ``confirmation`` (PPK: this is what the
    photo shows); ``change`` (the pleno changed the station's result). ``outcome``: ``accepted`` (``value`` counts),
    ``review`` (a person must look), ``blank``, ``illegible`` (a person looked, there is no number), ``absent`` (no
    photo shows the number any more). ``remark`` is what a witness had to say about a change. ``seq`` counts a
    station's decisions from 1, and is the version that clients send back.
    """

    __tablename__ = "decision"

    id: Mapped[Id]
    election_id: Mapped[str] = mapped_column(String(64), ForeignKey("election.id"))
    tps: Mapped[str] = mapped_column(RegionCode, ForeignKey("tps.code"))
    seq: Mapped[int]
    field: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(16))
    value: Mapped[int | None]
    as_written: Mapped[str | None] = mapped_column(String(16))
    p: Mapped[float | None]
    why: Mapped[list[str]]
    station_reading_id: Mapped[str | None] = mapped_column(String(32), ForeignKey("station_reading.id"))
    photo_id: Mapped[str | None] = mapped_column(String(32), ForeignKey("photo.id"))
    pleno_id: Mapped[str | None] = mapped_column(String(32))
    account_id: Mapped[str | None] = mapped_column(String(32), ForeignKey("account.id"))
    role: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str | None]
    remark: Mapped[str | None]
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("election_id", "tps", "seq"),)


class Batch(Base):
    """A batch of photos to be read again. ``state``: ``running``, ``paused``, ``done``, ``cancelled``."""

    __tablename__ = "batch"

    id: Mapped[Id]
    scope: Mapped[Code]
    filter: Mapped[dict[str, Any]]
    reader_rev: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(16), index=True)
    per_minute: Mapped[int]
    total: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    rev: Mapped[int] = mapped_column(default=1)


class BatchItem(Base):
    """One photo of a batch: ``waiting``, ``queued``, ``done``, ``failed``, ``skipped``; ``changes`` by number.

    A skipped photo's ``error`` says why: ``already_read`` (the same reader would say the same; its station was decided
    again), ``withdrawn``, ``erased``, ``cancelled``.
    """

    __tablename__ = "batch_item"

    batch_id: Mapped[str] = mapped_column(String(32), ForeignKey("batch.id"), primary_key=True)
    photo_id: Mapped[str] = mapped_column(String(32), ForeignKey("photo.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    error: Mapped[str | None] = mapped_column(String(32))
    changes: Mapped[list[dict[str, Any]]]
    queued_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "batch_id", "state", "photo_id"),
        Index(None, "batch_id", "queued_at"),
        Index(None, "photo_id"),
    )
