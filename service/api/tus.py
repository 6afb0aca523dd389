"""Resumable uploads over HTTP: tus 1.0 (https://tus.io/protocols/resumable-upload), and the same as JSON."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from email.utils import format_datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import Field

from service.api.deps import PUBLIC, Svc
from service.api.intake import UPLOAD_PROBLEMS, In, Sender, body_length
from service.api.receipts import ReceiptAnswer
from service.api.shapes import Answer
from service.errors import ServiceError
from service.store.photos import Receipt
from service.uploads import uploads as rows
from service.uploads.checks import check_claim
from service.uploads.claims import claim_from_text, parse_metadata
from service.uploads.receipts import receipt_answer
from service.uploads.resumable import CHECKSUMS, append, cancel, conflict, heal, parse_checksum, require_alive
from service.uploads.uploads import Open, State

TUS_VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,checksum,termination,expiration"
PATCH_TYPE: Final = "application/offset+octet-stream"

Anybody = Annotated[None, Depends(PUBLIC)]


def require_tus(request: Request, _: Sender) -> None:
    """Refuses other versions of the protocol, after it is known who asks.

    Raises:
        ServiceError: ``tus_version``.
    """
    if request.headers.get("tus-resumable") != TUS_VERSION:
        raise ServiceError("tus_version", headers={"Tus-Version": TUS_VERSION})


TUS: Final = [Depends(require_tus)]


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


router = APIRouter(tags=["uploads"], responses=UPLOAD_PROBLEMS)
tus = APIRouter(route_class=TusRoute, default_response_class=Response)


def _described(*headers: str, body: bool = False) -> dict[str, Any]:
    """OpenAPI of a tus request. Headers are read by hand, because tus has its own answers where they are wrong."""
    number = {"type": "string", "pattern": "^[0-9]{1,15}$"}
    known: dict[str, tuple[bool, dict[str, Any], str]] = {
        "Tus-Resumable": (True, {"type": "string", "enum": [TUS_VERSION]}, "version of the protocol"),
        "Upload-Length": (True, number, "size of the file in bytes"),
        "Upload-Offset": (True, number, "where the upload stands: offset of the body's first byte"),
        "Upload-Metadata": (
            True,
            {"type": "string"},
            "election, tps; page, captured_at, sha256, replaces, filename, filetype: each a name and its value in "
            "base64, separated by commas",
        ),
        "Upload-Checksum": (False, {"type": "string"}, "of this body: sha1 or sha256, a space, and the sum in base64"),
        "X-HTTP-Method-Override": (True, {"type": "string", "enum": ["PATCH", "DELETE"]}, "what is meant"),
    }
    parameters = [
        {
            "name": name,
            "in": "header",
            "required": known[name][0],
            "schema": known[name][1],
            "description": known[name][2],
        }
        for name in ("Tus-Resumable", *headers)
    ]
    content = {PATCH_TYPE: {"schema": {"type": "string", "format": "binary"}}}
    return {"parameters": parameters, **({"requestBody": {"content": content}} if body else {})}


class UploadAnswer(Answer):
    """Where a resumable upload stands."""

    id: str
    state: State
    offset_bytes: int
    size_bytes: int
    expires_at: datetime
    refused: str | None = Field(default=None, description="code for which the whole file was refused")
    receipt: ReceiptAnswer | None = None


@tus.options("/uploads/{upload_id}", status_code=204)
async def tus_options_of(upload_id: str, services: Svc, _: Anybody) -> Response:
    """The same for any upload, whether or not it exists."""
    return await tus_options(services, None)


@tus.options("/uploads", status_code=204)
async def tus_options(services: Svc, _: Anybody) -> Response:
    """What the server speaks. Public, because a client asks before it has anything to show."""
    headers = {
        "Tus-Version": TUS_VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(services.settings.max_photo_bytes),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }
    return Response(status_code=204, headers=headers)


@tus.post(
    "/uploads",
    status_code=201,
    dependencies=TUS,
    openapi_extra=_described("Upload-Length", "Upload-Metadata", "Upload-Checksum", body=True),
)
async def create_upload(request: Request, intake: In, actor: Sender) -> Response:
    """Begins an upload; the first bytes may come with it. Repeated for the same photo, the unused one is given."""
    if request.headers.get("upload-concat") or request.headers.get("upload-defer-length"):
        raise ServiceError("bad_request", details={"Tus-Extension": EXTENSIONS})
    size_bytes = _whole_number(request, "Upload-Length")
    checksum = parse_checksum(request.headers.get("upload-checksum"))
    claim = claim_from_text(parse_metadata(request.headers.get("upload-metadata", "")))
    place = await intake.query(check_claim, intake.services, actor, claim, size_bytes)
    upload_id = await intake.write(
        lambda session: rows.begin(session, intake.services, actor, place, claim, size_bytes)
    )
    if upload_id is None:
        raise ServiceError("too_many_uploads", details={"limit": intake.services.settings.max_open_uploads})
    location = {"Location": upload_address(upload_id)}
    upload = await intake.query(rows.find, intake.services, upload_id, actor)
    if not _has_body(request):
        return Response(status_code=201, headers={**location, **_progress(upload)})
    _require_patch_type(request)
    try:
        async with intake.holding(upload_id) as reception:
            upload, receipt = await append(
                intake, upload, 0, request.receive, checksum, body_length(request), reception
            )
    except ServiceError as error:
        error.headers |= location
        raise
    return Response(status_code=201, headers={**location, **_progress(upload), **_receipt_header(receipt)})


@tus.head("/uploads/{upload_id}", dependencies=TUS, openapi_extra=_described())
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


@tus.patch(
    "/uploads/{upload_id}",
    status_code=204,
    dependencies=TUS,
    openapi_extra=_described("Upload-Offset", "Upload-Checksum", body=True),
)
async def patch_upload(upload_id: str, request: Request, intake: In, actor: Sender) -> Response:
    """Goes on with an upload. The last bytes are answered with ``Turus-Receipt``; repeated, with the same one."""
    _require_patch_type(request)
    start = _whole_number(request, "Upload-Offset")
    checksum = parse_checksum(request.headers.get("upload-checksum"))
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
                upload, _ = await append(
                    intake, upload, start, request.receive, checksum, body_length(request), reception
                )
    return Response(status_code=204, headers=_progress(upload))


@tus.delete("/uploads/{upload_id}", status_code=204, dependencies=TUS, openapi_extra=_described())
async def delete_upload(upload_id: str, intake: In, actor: Sender) -> Response:
    """Cancels an unfinished upload. A photo that was received stays: withdraw it instead."""
    upload = await intake.query(rows.find, intake.services, upload_id, actor)
    if upload.state == "done":
        raise ServiceError("upload_done")
    require_alive(upload, actor, intake)
    async with intake.holding(upload_id):
        await cancel(intake, upload)
    return Response(status_code=204)


@tus.post(
    "/uploads/{upload_id}",
    status_code=204,
    dependencies=TUS,
    openapi_extra=_described("X-HTTP-Method-Override", "Upload-Offset", "Upload-Checksum", body=True),
)
async def override_upload(upload_id: str, request: Request, intake: In, actor: Sender) -> Response:
    """PATCH or DELETE for networks that let only GET and POST through."""
    meant = request.headers.get("x-http-method-override")
    if meant == "PATCH":
        return await patch_upload(upload_id, request, intake, actor)
    if meant == "DELETE":
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


def upload_address(upload_id: str) -> str:
    """Path of an upload; relative, so that it is right behind any proxy."""
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


def _whole_number(request: Request, name: str) -> int:
    value = request.headers.get(name, "")
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        raise ServiceError("bad_request", details={name: "a whole number"})
    return int(value)


def _has_body(request: Request) -> bool:
    return bool(body_length(request)) or "transfer-encoding" in request.headers


def _require_patch_type(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != PATCH_TYPE:
        raise ServiceError("unsupported_media_type", details={"Content-Type": PATCH_TYPE})
