"""Photos on their way in: announced, resumable (tus 1.0), in one piece (PUT) or in a form."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from email.utils import format_datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import Field

from service.access import Action, Actor
from service.api.deps import PUBLIC, Requires, Svc
from service.api.receipts import ReceiptAnswer
from service.api.shapes import Answer, Body, ProblemAnswer
from service.errors import ServiceError
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
    parse_metadata,
)
from service.uploads.intake import Intake, Submission
from service.uploads.multipart import FILE_FIELD, FormSink
from service.uploads.receipts import receipt_answer
from service.uploads.reception import End, Reception, Sink, end_error, receive_body
from service.uploads.resumable import CHECKSUMS, append, cancel, conflict, heal, parse_checksum, require_alive
from service.uploads.uploads import Open, State

TUS_VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,checksum,termination,expiration"
PATCH_TYPE: Final = "application/offset+octet-stream"
FORM_OVERHEAD_BYTES: Final = 64 * 1024
"""What a form may hold beside its file."""

Sender = Annotated[Actor, Depends(Requires(Action.UPLOAD))]
Anybody = Annotated[None, Depends(PUBLIC)]


def get_intake(request: Request) -> Intake:
    """The process's way in."""
    intake: Intake = request.app.state.intake
    return intake


In = Annotated[Intake, Depends(get_intake)]


def require_tus(tus_resumable: Annotated[str | None, Header(description=f"must be {TUS_VERSION}")] = None) -> None:
    """Refuses other versions of the protocol.

    Raises:
        ServiceError: ``tus_version``.
    """
    if tus_resumable != TUS_VERSION:
        raise ServiceError("tus_version", headers={"Tus-Version": TUS_VERSION})


class TusRoute(APIRoute):
    """Says the protocol's version with every answer, errors too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wraps the handler."""
        handle = super().get_route_handler()

        async def with_version(request: Request) -> Response:
            try:
                response = await handle(request)
            except ServiceError as error:
                error.headers["Tus-Resumable"] = TUS_VERSION
                raise
            response.headers["Tus-Resumable"] = TUS_VERSION
            return response

        return with_version


_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ProblemAnswer} for status in (408, 410, 423, 460)
}
router = APIRouter(tags=["uploads"], responses=_PROBLEMS)
tus = APIRouter(route_class=TusRoute, default_response_class=Response)
_TUS_BODY: Final[dict[str, Any]] = {
    "requestBody": {"content": {PATCH_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}
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
        return Announced(status="resume", upload=_address(mine.id), offset_bytes=mine.offset_bytes)
    return Announced(status="send")


# in one piece


@router.put(
    "/photos/{sha256}",
    status_code=201,
    responses={200: {"model": ReceiptAnswer, "description": "you had sent it before"}},
    openapi_extra=_FILE_BODY,
)
async def put_photo(
    request: Request,
    response: Response,
    intake: In,
    actor: Sender,
    sha256: Annotated[Sha256, Path(description="SHA-256 of the file, hex")],
    election: Annotated[ElectionId, Query()],
    tps: Annotated[TpsCode, Query()],
    page: Annotated[PageNumber | None, Query()] = None,
    captured_at: Annotated[CaptureTime | None, Query()] = None,
    replaces: Annotated[PhotoId | None, Query()] = None,
) -> ReceiptAnswer:
    """The whole file as the body. Repeat it as often as you like: one photo, one receipt."""
    claim = Claim(election=election, tps=tps, page=page, captured_at=captured_at, sha256=sha256, replaces=replaces)
    known, place = await intake.query(check_unless_known, intake.services, actor, claim, _length(request))
    if known is not None:
        response.status_code = 200
        return _answer(known)
    assert place is not None
    with intake.receiving() as reception:
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
                        "election": {"type": "string"},
                        "tps": {"type": "string", "pattern": "^[0-9]{13}$"},
                        "page": {"type": "integer", "minimum": 1},
                        "captured_at": {"type": "string", "format": "date-time"},
                        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                        "replaces": {"type": "string"},
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
    with intake.receiving() as reception:
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


# resumable


class UploadAnswer(Answer):
    """Where a resumable upload stands."""

    id: str
    state: State
    offset_bytes: int
    size_bytes: int
    expires_at: datetime
    refused: str | None = Field(default=None, description="code for which the whole file was refused")
    receipt: ReceiptAnswer | None = None


@tus.options("/uploads", status_code=204)
@tus.options("/uploads/{upload_id}", status_code=204)
async def tus_options(services: Svc, _: Anybody) -> Response:
    """What the server speaks. Public, because a client asks before it has anything to show."""
    headers = {
        "Tus-Version": TUS_VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(services.settings.max_photo_bytes),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }
    return Response(status_code=204, headers=headers)


@tus.post("/uploads", status_code=201, dependencies=[Depends(require_tus)], openapi_extra=_TUS_BODY)
async def create_upload(
    request: Request,
    intake: In,
    actor: Sender,
    upload_length: Annotated[str | None, Header(description="size of the file in bytes")] = None,
    upload_metadata: Annotated[
        str | None,
        Header(description="election, tps; page, captured_at, sha256, replaces, filename, filetype; values in base64"),
    ] = None,
    upload_checksum: Annotated[str | None, Header(description="of this body: sha1 or sha256, and base64")] = None,
) -> Response:
    """Begins an upload; the first bytes may come with it. Repeated for the same photo, the unused one is given."""
    if request.headers.get("upload-concat") or request.headers.get("upload-defer-length"):
        raise ServiceError("bad_request", details={"Tus-Extension": EXTENSIONS})
    size_bytes = _whole_number("Upload-Length", upload_length)
    checksum = parse_checksum(upload_checksum)
    claim = claim_from_text(parse_metadata(upload_metadata or ""))
    place = await intake.query(check_claim, intake.services, actor, claim, size_bytes)
    upload_id = await intake.write(
        lambda session: rows.begin(session, intake.services, actor, place, claim, size_bytes)
    )
    if upload_id is None:
        raise ServiceError("too_many_uploads", details={"limit": intake.services.settings.max_open_uploads})
    location = {"Location": _address(upload_id)}
    upload = await intake.query(rows.find, intake.services, upload_id, actor)
    if not _has_body(request):
        return Response(status_code=201, headers={**location, **_progress(upload)})
    _require_patch_type(request)
    try:
        async with intake.holding(upload_id) as reception:
            upload, receipt = await append(intake, upload, 0, request.receive, checksum, _length(request), reception)
    except ServiceError as error:
        error.headers |= location
        raise
    return Response(status_code=201, headers={**location, **_progress(upload), **_receipt_header(receipt)})


@tus.head("/uploads/{upload_id}", dependencies=[Depends(require_tus)])
async def head_upload(upload_id: str, intake: In, actor: Sender) -> Response:
    """Where the upload stands. Asking stops any other connection that is still sending for it."""
    upload = await intake.query(rows.find, intake.services, upload_id, actor)
    require_alive(upload, actor, intake)
    if upload.state == "done":
        return Response(status_code=200, headers={**_progress(upload), "Upload-Length": str(upload.size_bytes)})
    async with intake.holding(upload_id):
        upload, _ = await heal(intake, await intake.query(rows.find, intake.services, upload_id, actor))
    headers = {**_progress(upload), "Upload-Length": str(upload.size_bytes)}
    return Response(status_code=200, headers=headers)


@tus.patch("/uploads/{upload_id}", status_code=204, dependencies=[Depends(require_tus)], openapi_extra=_TUS_BODY)
async def patch_upload(
    upload_id: str,
    request: Request,
    intake: In,
    actor: Sender,
    upload_offset: Annotated[str | None, Header(description="where the upload stands")] = None,
    upload_checksum: Annotated[str | None, Header(description="of this body: sha1 or sha256, and base64")] = None,
) -> Response:
    """Goes on with an upload. The last bytes are answered with ``Turus-Receipt``; repeated, with the same one."""
    _require_patch_type(request)
    start = _whole_number("Upload-Offset", upload_offset)
    checksum = parse_checksum(upload_checksum)
    upload = await intake.query(rows.find, intake.services, upload_id, actor)
    require_alive(upload, actor, intake)
    if upload.state != "done":
        async with intake.holding(upload_id) as reception:
            upload = await intake.query(rows.find, intake.services, upload_id, actor)
            require_alive(upload, actor, intake)
            if upload.state == "open" and (upload.offset_bytes != start or upload.is_whole):
                upload, _ = await heal(intake, upload)
            if upload.state == "open":
                if upload.offset_bytes != start:
                    raise await conflict(intake, upload_id)
                upload, _ = await append(intake, upload, start, request.receive, checksum, _length(request), reception)
    return Response(status_code=204, headers=_progress(upload))


@tus.delete("/uploads/{upload_id}", status_code=204, dependencies=[Depends(require_tus)])
async def delete_upload(upload_id: str, intake: In, actor: Sender) -> Response:
    """Cancels an unfinished upload. A photo that was received stays: withdraw it instead."""
    upload = await intake.query(rows.find, intake.services, upload_id, actor)
    if upload.state == "done":
        raise ServiceError("upload_done")
    require_alive(upload, actor, intake)
    async with intake.holding(upload_id):
        await cancel(intake, upload)
    return Response(status_code=204)


@tus.post("/uploads/{upload_id}", status_code=204, dependencies=[Depends(require_tus)], openapi_extra=_TUS_BODY)
async def override_upload(
    upload_id: str,
    request: Request,
    intake: In,
    actor: Sender,
    x_http_method_override: Annotated[str | None, Header(description="PATCH or DELETE")] = None,
    upload_offset: Annotated[str | None, Header(description="where the upload stands")] = None,
    upload_checksum: Annotated[str | None, Header(description="of this body: sha1 or sha256, and base64")] = None,
) -> Response:
    """PATCH or DELETE for networks that let only GET and POST through."""
    if x_http_method_override == "PATCH":
        return await patch_upload(upload_id, request, intake, actor, upload_offset, upload_checksum)
    if x_http_method_override == "DELETE":
        return await delete_upload(upload_id, intake, actor)
    raise ServiceError("method_not_allowed", headers={"Allow": "OPTIONS, HEAD, GET, PATCH, DELETE"})


@router.get("/uploads/{upload_id}")
def get_upload(upload_id: str, services: Svc, actor: Sender) -> UploadAnswer:
    """The same as JSON, and the receipt once there is one."""
    upload = rows.find(services, upload_id, actor)
    receipt = None
    if upload.receipt_id is not None:
        with services.store.read() as session:
            found = session.get(Receipt, upload.receipt_id)
        receipt = None if found is None else ReceiptAnswer.model_validate(receipt_answer(found))
    return UploadAnswer(
        id=upload.id,
        state=upload.state,
        offset_bytes=upload.offset_bytes,
        size_bytes=upload.size_bytes,
        expires_at=upload.expires_at,
        refused=upload.refused,
        receipt=receipt,
    )


router.include_router(tus)


def _answer(receipt: Receipt) -> ReceiptAnswer:
    return ReceiptAnswer.model_validate(receipt_answer(receipt))


def _address(upload_id: str) -> str:
    return f"/uploads/{upload_id}"


def _progress(upload: Open) -> dict[str, str]:
    headers = {"Upload-Offset": str(upload.offset_bytes)}
    if upload.receipt_id is not None:
        headers["Turus-Receipt"] = upload.receipt_id
    else:
        headers["Upload-Expires"] = format_datetime(upload.expires_at, usegmt=True)
    return headers


def _receipt_header(receipt: Receipt | None) -> dict[str, str]:
    return {} if receipt is None else {"Turus-Receipt": receipt.id}


def _whole_number(name: str, value: str | None) -> int:
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 15:
        raise ServiceError("bad_request", details={name: "a whole number"})
    return int(value)


def _length(request: Request) -> int | None:
    value = request.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 15 else None


def _has_body(request: Request) -> bool:
    return bool(_length(request)) or "transfer-encoding" in request.headers


def _require_patch_type(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != PATCH_TYPE:
        raise ServiceError("unsupported_media_type", details={"Content-Type": PATCH_TYPE})
