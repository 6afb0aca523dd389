"""What answers have in common: strict bodies, pages of a list, versions."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Path, Request
from pydantic import BaseModel, ConfigDict, Field

from service.errors import ServiceError

T = TypeVar("T")

MAX_PAGE = 200

FieldPath = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="field id", examples=["paslon_1"])]


class Body(BaseModel):
    """A request's body: no unknown keys, no guessing of types (``false`` is not 0)."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(BaseModel):
    """An answer."""

    model_config = ConfigDict(from_attributes=True)


class Page(BaseModel, Generic[T]):
    """A page of a list; ``next`` goes into ``?after=`` for the following one and is null on the last."""

    items: list[T]
    next: str | None = Field(None, description="value for ?after= to get the following page; null on the last one")


class Message(BaseModel):
    """A text in both languages."""

    id: str
    en: str


class ProblemAnswer(BaseModel):
    """The one shape of an error (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    message: Message
    details: dict[str, object]
    request_id: str | None = None


def encode_cursor(*parts: str) -> str:
    """An opaque cursor for the sort key of a page's last item."""
    return base64.urlsafe_b64encode("\x1f".join(parts).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int) -> Sequence[str]:
    """The sort key in a cursor.

    Raises:
        ServiceError: ``bad_request`` for a cursor that this list did not make.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split("\x1f")
    except (binascii.Error, UnicodeError, ValueError):
        found = []
    if len(found) != parts or any("\x00" in part for part in found):
        raise ServiceError("bad_request", details={"after": "not a cursor of this list"})
    return found


def etag(rev: int) -> str:
    """The version of a thing as HTTP writes it."""
    return f'"{rev}"'


def require_match(request: Request, rev: int) -> None:
    """Refuses a change that was made while looking at an older version.

    Raises:
        ServiceError: ``precondition_required`` without If-Match, ``changed_meanwhile`` when the version is another.
    """
    given = request.headers.get("if-match")
    if given is None:
        raise ServiceError("precondition_required", details={"etag": etag(rev)})
    if etag(rev) not in [tag.strip().removeprefix("W/") for tag in given.split(",")]:
        raise ServiceError("changed_meanwhile", details={"etag": etag(rev)})
