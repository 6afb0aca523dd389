"""Bodies and answers of the photo routes."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from service.api.shapes import Answer, Body, Message
from service.regions.codes import TPS_PATTERN

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _printable(text: str) -> str:
    if any(unicodedata.category(character) in _HIDDEN for character in text):
        raise ValueError("control characters are not allowed")
    return text


Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_printable),
    Field(description="why, for the history and the audit; no names or phone numbers", examples=["Salah TPS"]),
]
TpsCode = Annotated[str, Field(pattern=TPS_PATTERN, description="13 digits", examples=["1871010001001"])]


class Coded(Answer):
    """A stable code with its text."""

    code: str
    message: Message


class NumberAnswer(Answer):
    """A number as this photo alone shows it; a station's numbers are decided over all of its pages."""

    part: int = Field(description="page of a PDF from 1; 0 for a photo")
    field: str = Field(examples=["paslon_1"])
    value: int | None = Field(description="null when undecided or empty", examples=[92])
    as_written: str = Field(description="one character a box: 0-9, X, -, _ empty, ? undecided", examples=["X92"])
    p: float = Field(ge=0, le=1, description="how sure the reader is")
    decision: Literal["accepted", "review"]
    why: list[str] = Field(description="codes of docs/errors.md")
    has_words: bool = Field(description="the number's crop shows the line in words below the boxes")


class PartAnswer(Answer):
    """One page of the file, as it was read."""

    part: int
    form: str | None
    form_rev: int | None
    page: int | None
    outcome: Literal["accepted", "review", "rejected"]
    reason: Coded | None
    sharpness: float | None = Field(description="0-1")
    px_per_box: float | None = Field(description="width of a digit box, pixels")
    coverage: float | None = Field(description="part of the form's boxes in the picture, 0-1; not in lists")


class PhotoItem(Answer):
    """A photo in a list."""

    id: str
    election: str
    tps: str = Field(description="station it belongs to now")
    tps_sent: str = Field(description="station it was sent for")
    page_claimed: int | None = Field(description="page that the sender named")
    page: int | None = Field(description="page that a person says it is; null: the one the reader finds")
    page_read: int | None = Field(description="page that the reader found")
    form: str | None
    state: Literal["received", "read", "failed", "withdrawn"]
    failure: Coded | None = Field(description="why the reader broke on it")
    outcome: Literal["accepted", "review", "rejected"] | None
    reason: Coded | None = Field(description="why the reader refused it")
    advice: Message = Field(description="what to do next")
    sha256: str
    size_bytes: int
    format: str
    width_px: int | None
    height_px: int | None
    captured_at: datetime | None = Field(description="by the phone's clock")
    received_at: datetime
    read_at: datetime | None
    reader_rev: str | None
    sender_role: str
    on_behalf: bool = Field(description="sent by the PPK for a station")
    channel: str
    replaces: str | None = Field(description="photo that this one is a retake of")
    replaced_by: str | None
    erased_at: datetime | None
    rev: int = Field(description="version; also in the header ETag")


class PhotoAnswer(PhotoItem):
    """A photo with its newest reading."""

    parts: list[PartAnswer]
    numbers: list[NumberAnswer]


class PhotoEventAnswer(Answer):
    """One step of a photo's history."""

    kind: str
    at: datetime
    role: str | None = Field(description="of the person; null: the machine")
    tps_before: str | None
    tps_after: str | None
    page_before: int | None
    page_after: int | None
    reason: str | None


class PhotoReadingAnswer(Answer):
    """One reading by one revision of the reader; readings are never changed."""

    part: int
    reader_rev: str
    form: str | None
    page: int | None
    outcome: str
    reason: str | None
    took_ms: int
    at: datetime


class PhotoHistoryAnswer(Answer):
    """All that happened to a photo, oldest first."""

    photo: str
    events: list[PhotoEventAnswer]
    readings: list[PhotoReadingAnswer]
    versions: list[str] = Field(description="photos of its chain of retakes, oldest first")


class MoveBody(Body):
    """Where the photo belongs. What is left out stays; ``"page": null`` hands the page back to the reader."""

    tps: TpsCode | None = None
    page: Annotated[int | None, Field(ge=1, le=99, examples=[2])] = None
    reason: Reason


class ReasonBody(Body):
    """Why."""

    reason: Reason


class AlarmAnswer(Answer):
    """Something a person should look at."""

    id: str
    kind: str
    message: Message
    election: str
    tps: str
    tps_other: str | None = Field(description="second station of an alarm about two")
    details: dict[str, Any]
    raised_at: datetime
    cleared_at: datetime | None
    cleared_by: str | None = Field(description="account id")
    reason: str | None
