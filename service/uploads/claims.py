"""What a client says about the photo it sends. Nothing of it ever becomes a path or is believed without a check."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from service.elections.draft import ID_PATTERN
from service.errors import ServiceError
from service.regions.codes import TPS_PATTERN
from service.uploads import problems as problems

MAX_METADATA_CHARS: Final = 8192
"""Of a whole ``Upload-Metadata`` header."""

_SHOWN_CHARS: Final = 100
_FIRST_YEAR, _LAST_YEAR = 2, 9998
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]", re.ASCII)


def _in_utc(value: datetime) -> datetime:
    """In UTC. A clock years off is let pass, a time no database can hold is not."""
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError("this is no time of a photo")
    return value.astimezone(UTC)


def _written_out(value: object) -> object:
    """Only dates that are written out: a bare number could be seconds, milliseconds or a mistake."""
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise ValueError("write it as 2024-02-14T18:00:00+07:00")


def _printable(value: str) -> str:
    return "".join(filter(str.isprintable, value)).strip()[:_SHOWN_CHARS]


ElectionId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
TpsCode = Annotated[str, StringConstraints(pattern=TPS_PATTERN)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$"), AfterValidator(str.lower)]
PageNumber = Annotated[int, Field(ge=1, le=99)]
CaptureTime = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
PhotoId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Shown = Annotated[str, AfterValidator(_printable)]


class Claim(BaseModel):
    """What the sender says.

    Attributes:
        election: id of the election.
        tps: station, 13 digits.
        page: page of the form; ``None``: the reader finds it.
        captured_at: when it was taken, by the phone's clock.
        sha256: of the file, lower-case hex; ``None`` where it was not announced.
        replaces: id of the photo that this one is a retake of.
        filename: as shown to people; never a path.
        filetype: media type the client guessed; kept for the audit, not believed.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    election: ElectionId
    tps: TpsCode
    page: PageNumber | None = None
    captured_at: CaptureTime | None = None
    sha256: Sha256 | None = None
    replaces: PhotoId | None = None
    filename: Shown | None = None
    filetype: Shown | None = None


def claim_from_text(values: Mapping[str, str | None]) -> Claim:
    """A claim from text values (tus metadata, fields of a form); empty ones count as not given, unknown are ignored.

    Raises:
        ServiceError: ``invalid_fields``, naming each field that is wrong.
    """
    try:
        return Claim.model_validate({name: value for name, value in values.items() if value})
    except ValidationError as error:
        raise ServiceError("invalid_fields", details={"fields": wrong_fields(error)}) from error


def wrong_fields(error: ValidationError) -> list[dict[str, Any]]:
    """Which fields are wrong and why; what was sent is not repeated."""
    return [{"field": ".".join(str(part) for part in e["loc"]), "problem": e["msg"]} for e in error.errors()]


def parse_metadata(header: str) -> dict[str, str]:
    """An ``Upload-Metadata`` header (tus 1.0, creation): ``key base64,key base64,key``.

    Raises:
        ServiceError: ``bad_request`` for anything that is not so: a key twice or empty or not ASCII, a value that is
            no base64 or no UTF-8.
    """
    if len(header) > MAX_METADATA_CHARS:
        raise _bad_metadata("too long")
    if not header.strip():
        return {}
    found: dict[str, str] = {}
    for pair in header.split(","):
        words = pair.strip(" ").split(" ")
        key = words[0]
        if len(words) > 2 or not key or not key.isascii() or not key.isprintable():
            raise _bad_metadata("pairs of a key and a base64 value, separated by commas")
        if key in found:
            raise _bad_metadata("a key twice")
        found[key] = _decode(words[1]) if len(words) == 2 else ""
    return found


def _decode(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _bad_metadata("a value is not base64 of UTF-8 text") from error


def _bad_metadata(why: str) -> ServiceError:
    return ServiceError("bad_request", details={"Upload-Metadata": why})
