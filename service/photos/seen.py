"""Photos as plain values, for the API and whoever else shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.report.words import Words


@dataclass(frozen=True, slots=True)
class Explained:
    """A code with its text."""

    code: str
    message: Words


@dataclass(frozen=True, slots=True)
class NumberSeen:
    """A number as the newest reading of the photo alone saw it; a station's numbers are decided over all its pages.

    Attributes:
        part: page of the PDF from 1; 0 for a photo.
        field: field of the form.
        value: what it means; ``None`` when undecided or empty.
        as_written: one character a box, see docs/cli.md.
        p: how sure the reader is, 0-1.
        decision: ``accepted`` or ``review``.
        why: codes of docs/errors.md, empty when accepted.
        has_words: the photo shows it in words too, and its crop can.
    """

    part: int
    field: str
    value: int | None
    as_written: str
    p: float
    decision: str
    why: Sequence[str]
    has_words: bool


@dataclass(frozen=True, slots=True)
class PartSeen:
    """One page of the file: a photo has one (part 0), a PDF several.

    Attributes:
        sharpness: 0-1, from the reading contract.
        px_per_box: width of a digit box in the photo, pixels.
        coverage: part of the form's boxes that the photo holds, 0-1.
    """

    part: int
    form: str | None
    form_rev: int | None
    page: int | None
    outcome: str
    reason: Explained | None
    sharpness: float | None
    px_per_box: float | None
    coverage: float | None


@dataclass(frozen=True, slots=True)
class PhotoSeen:
    """A photo, where it belongs, how far it has come, and what to do next.

    ``page`` is what a person says it is, ``page_read`` what the reader found. ``outcome`` and ``reason`` are of the
    newest reading: ``accepted``, ``review``, ``rejected``.
    """

    id: str
    election: str
    tps: str
    tps_sent: str
    page_claimed: int | None
    page: int | None
    page_read: int | None
    form: str | None
    state: str
    failure: Explained | None
    outcome: str | None
    reason: Explained | None
    advice: Words
    sha256: str
    size_bytes: int
    format: str
    width_px: int | None
    height_px: int | None
    captured_at: datetime | None
    received_at: datetime
    read_at: datetime | None
    reader_rev: str | None
    sender_role: str
    on_behalf: bool
    channel: str
    replaces: str | None
    replaced_by: str | None
    erased_at: datetime | None
    rev: int
    parts: Sequence[PartSeen]
    numbers: Sequence[NumberSeen]


@dataclass(frozen=True, slots=True)
class EventSeen:
    """One step of a photo's history. ``role`` is that of the person who took it, ``None`` for the machine."""

    kind: str
    at: datetime
    role: str | None
    tps_before: str | None
    tps_after: str | None
    page_before: int | None
    page_after: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ReadingSeen:
    """One reading of a photo by one revision of the reader."""

    part: int
    reader_rev: str
    form: str | None
    page: int | None
    outcome: str
    reason: str | None
    took_ms: int
    at: datetime


@dataclass(frozen=True, slots=True)
class HistorySeen:
    """All that happened to a photo, oldest first; ``versions`` are the photos it replaces and is replaced by."""

    photo: str
    events: Sequence[EventSeen]
    readings: Sequence[ReadingSeen]
    versions: Sequence[str]
