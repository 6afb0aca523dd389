"""What all routes that take photos share."""

from typing import Annotated, Any, Final

from fastapi import Depends, Request

from service.access import Action, Actor
from service.api.deps import Requires
from service.api.shapes import ProblemAnswer
from service.uploads.intake import Intake

Sender = Annotated[Actor, Depends(Requires(Action.UPLOAD))]

UPLOAD_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ProblemAnswer} for status in (408, 410, 423, 460)
}
"""Statuses that only these routes give."""


def get_intake(request: Request) -> Intake:
    """The process's way in."""
    intake: Intake = request.app.state.intake
    return intake


In = Annotated[Intake, Depends(get_intake)]


def body_length(request: Request) -> int | None:
    """Size of the body in bytes, where the client says it."""
    value = request.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 15 else None
