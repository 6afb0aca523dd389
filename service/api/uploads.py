"""Photos on their way in: announced, resumable (tus 1.0), in one piece (PUT) or in a form."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from service.api import tus
from service.api.deps import Svc
from service.api.intake import UPLOAD_PROBLEMS, In, Sender, body_length
from service.api.receipts import ReceiptAnswer
from service.api.shapes import Answer, Body
from service.elections.draft import ID_PATTERN
from service.errors import ServiceError
from service.regions.codes import TPS_PATTERN
from service.store.photos import Receipt
from service.uploads import uploads as rows
from service.uploads.checks import check_claim, check_unless_known
from service.uploads.claims import (
    CaptureTime,
    Claim,
    ElectionId,
    PageNumber,
    PhotoId,
    Sha256,
    TpsCode,
    claim_from_text,
)
from service.uploads.intake import Intake, Submission
from service.uploads.multipart import FILE_FIELD, FormSink
from service.uploads.receipts import receipt_answer
from service.uploads.reception import End, Reception, Sink, end_error, receive_body

FORM_OVERHEAD_BYTES: Final = 64 * 1024
"""What a form may hold beside its file."""


router = APIRouter(tags=["uploads"], responses=UPLOAD_PROBLEMS)
router.include_router(tus.router)


_FILE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


# announcing


class Announcement(Body):
    """A photo the client is about to send."""

    election: ElectionId
    tps: TpsCode
    sha256: Sha256
    size_bytes: int = Field(ge=1)
    page: PageNumber | None = None
    captured_at: Annotated[CaptureTime | None, Field(strict=False)] = None
    replaces: PhotoId | None = None


class Announced(Answer):
    """What to do: nothing (``stored``, with the receipt), go on (``resume``), or send it (``send``)."""

    status: Literal["stored", "resume", "send"]
    receipt: ReceiptAnswer | None = None
    upload: str | None = Field(default=None, description="address of your unfinished upload, for HEAD and PATCH")
    offset_bytes: int | None = Field(default=None, description="bytes of it that are here")


@router.post("/photos/announce")
def announce(body: Announcement, services: Svc, actor: Sender) -> Announced:
    """Ask before sending: answers ``stored`` only for a photo that **you** sent for this station before."""
    claim = Claim.model_validate(body.model_dump())
    receipt, _ = check_unless_known(services, actor, claim, body.size_bytes)
    if receipt is not None:
        return Announced(status="stored", receipt=_answer(receipt))
    mine = rows.find_to_resume(services, actor, claim, body.size_bytes)
    if mine is not None:
        return Announced(status="resume", upload=tus.upload_address(mine.id), offset_bytes=mine.offset_bytes)
    return Announced(status="send")


# in one piece


@router.put(
    "/photos/{photo_id}",  # the path of GET, where it is an id: OpenAPI knows no two names for one place
    status_code=201,
    responses={200: {"model": ReceiptAnswer, "description": "you had sent it before"}},
    openapi_extra=_FILE_BODY,
)
async def put_photo(
    request: Request,
    response: Response,
    intake: In,
    actor: Sender,
    sha256: Annotated[Sha256, Path(alias="photo_id", description="**SHA-256 of the file**, hex")],
    election: Annotated[ElectionId, Query()],
    tps: Annotated[TpsCode, Query()],
    page: Annotated[PageNumber | None, Query()] = None,
    captured_at: Annotated[CaptureTime | None, Query()] = None,
    replaces: Annotated[PhotoId | None, Query()] = None,
) -> ReceiptAnswer:
    """The whole file as the body. Repeat it as often as you like: one photo, one receipt."""
    claim = Claim(election=election, tps=tps, page=page, captured_at=captured_at, sha256=sha256, replaces=replaces)
    known, place = await intake.query(check_unless_known, intake.services, actor, claim, body_length(request))
    if known is not None:
        response.status_code = 200
        return _answer(known)
    assert place is not None
    with intake.receiving(actor.account_id) as reception:
        sink = intake.new_sink("sha256")
        try:
            await _whole_body(request, intake, sink, intake.services.settings.max_photo_bytes, reception)
            digest = sink.digest("sha256").hex()
            submission = Submission(actor, place, claim, sink.path, digest, sink.size_bytes, "put")
            recorded = await intake.accept(submission)
        finally:
            intake.later(sink.discard)
    response.status_code = 201 if recorded.is_new else 200
    return _answer(recorded.receipt)


_FORM_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["election", "tps", FILE_FIELD],
                    "properties": {
                        "election": {"type": "string", "pattern": ID_PATTERN},
                        "tps": {"type": "string", "pattern": TPS_PATTERN},
                        "page": {"type": "integer", "minimum": 1, "maximum": 99},
                        "captured_at": {"type": "string", "format": "date-time"},
                        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                        "replaces": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                        FILE_FIELD: {"type": "string", "format": "binary"},
                    },
                }
            }
        },
    }
}


@router.post(
    "/photos",
    status_code=201,
    responses={200: {"model": ReceiptAnswer, "description": "you had sent it before"}},
    openapi_extra=_FORM_BODY,
)
async def post_photo(request: Request, response: Response, intake: In, actor: Sender) -> ReceiptAnswer:
    """A form with the file in the field ``photo``; put the other fields before it."""
    settings = intake.services.settings
    with intake.receiving(actor.account_id) as reception:
        sink = intake.new_sink("sha256")
        form = FormSink(request.headers.get("content-type", ""), sink)
        try:
            await _whole_body(request, intake, form, settings.max_photo_bytes + FORM_OVERHEAD_BYTES, reception)
            if not form.is_whole or not form.has_file:
                raise ServiceError("invalid_fields", details={"fields": [{"field": FILE_FIELD, "problem": "missing"}]})
            claim = claim_from_text(form.fields)
            place = await intake.query(check_claim, intake.services, actor, claim, sink.size_bytes)
            digest = sink.digest("sha256").hex()
            submission = Submission(actor, place, claim, sink.path, digest, sink.size_bytes, "multipart")
            recorded = await intake.accept(submission)
        finally:
            intake.later(sink.discard)
    response.status_code = 201 if recorded.is_new else 200
    return _answer(recorded.receipt)


async def _whole_body(request: Request, intake: Intake, sink: Sink, limit_bytes: int, reception: Reception) -> None:
    timeout_s = intake.services.settings.chunk_timeout_s
    end = await receive_body(request.receive, sink, limit_bytes, timeout_s, reception)
    if end is End.TOO_LONG:
        raise ServiceError(
            "photo_too_large",
            details={"limit_bytes": intake.services.settings.max_photo_bytes},
            headers={"Connection": "close"},
        )
    if end is not End.COMPLETE:
        raise end_error(end or End.CUT, reception)


def _answer(receipt: Receipt) -> ReceiptAnswer:
    return ReceiptAnswer.model_validate(receipt_answer(receipt))
