"""Photos over HTTP: look, move, withdraw, restore, listen; and the alarms they raise."""

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from service.access import Action, Actor, authorise
from service.api.deps import Requires, Svc
from service.api.photo_shapes import AlarmAnswer, MoveBody, PhotoAnswer, PhotoHistoryAnswer, PhotoItem, ReasonBody
from service.api.shapes import (
    MAX_PAGE,
    FieldPath,
    Message,
    Page,
    ProblemAnswer,
    decode_cursor,
    encode_cursor,
    etag,
    require_match,
)
from service.elections.draft import ID_PATTERN
from service.errors import ServiceError
from service.photos.alarms import AlarmFilter, clear_alarm, list_alarms, words_of
from service.photos.change import CheckRev, Move, move_photo, restore_photo, withdraw_photo
from service.photos.crops import CropOf, find_crop
from service.photos.files import View, find_view, take_original
from service.photos.news import News, Streams, Timing, follow, mark_of, photo_news, session_lives, station_news
from service.photos.view import PhotoFilter, find_photo, list_photos, see_history, see_photos
from service.regions.codes import PLACE_PATTERN, TPS_PATTERN, region_from_path
from service.services import Services
from service.store.photos import Alarm, Photo

router = APIRouter(
    tags=["photos"], responses={410: {"model": ProblemAnswer, "description": "erased when its term ended"}}
)

_ID = re.compile("[0-9a-f]{32}")


Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="id of the photo or alarm")]
ElectionId = Annotated[str | None, Query(pattern=ID_PATTERN, description="one election")]
RegionCode = Annotated[
    str | None,
    Query(
        pattern=PLACE_PATTERN,
        description="region or station code, `0` the nation; default: the caller's own region",
    ),
]
After = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="items on a page")]
Seer = Annotated[Actor, Depends(Requires(Action.SEE_PHOTO))]
Mover = Annotated[Actor, Depends(Requires(Action.MOVE_PHOTO))]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="`ETag` of the photo as you saw it")]


@router.get("/photos", operation_id="list_photos")
def list_(
    services: Svc,
    actor: Seer,
    region: RegionCode = None,
    election: ElectionId = None,
    state: Literal["received", "read", "failed", "withdrawn"] | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[PhotoItem]:
    """Photos of a station, a kecamatan or any region within the caller's, newest first."""
    prefix = actor.scope if region is None else region_from_path(region)
    authorise(actor, Action.SEE_PHOTO, prefix)
    cursor = _id_in(after)
    with services.store.read() as session:
        photos = list_photos(session, PhotoFilter(prefix, election, state), cursor, limit + 1)
        seen = see_photos(session, photos[:limit], with_numbers=False)
    items = [PhotoItem.model_validate(item, from_attributes=True) for item in seen]
    return Page(items=items, next=encode_cursor(items[-1].id) if len(photos) > limit else None)


@router.get("/photos/{photo_id}", operation_id="get_photo")
def get(services: Svc, actor: Seer, photo_id: Id, response: Response) -> PhotoAnswer:
    """A photo: where it belongs, how far it has come, what was read, what to do next."""
    with services.store.read() as session:
        photo = find_photo(session, actor, photo_id)
        answer = PhotoAnswer.model_validate(see_photos(session, [photo])[0], from_attributes=True)
    response.headers["ETag"] = etag(answer.rev)
    return answer


@router.get("/photos/{photo_id}/history", operation_id="get_photo_history")
def history(services: Svc, actor: Seer, photo_id: Id) -> PhotoHistoryAnswer:
    """Who did what to the photo and why, every reading, and its retakes."""
    with services.store.read() as session:
        return PhotoHistoryAnswer.model_validate(see_history(session, find_photo(session, actor, photo_id)))


def _id_in(after: str | None) -> str | None:
    if after is None:
        return None
    cursor = decode_cursor(after, 1)[0]
    if not _ID.fullmatch(cursor):
        raise ServiceError("bad_request", details={"after": "not a cursor of this list"})
    return cursor


_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"description": "the picture", "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "the picture has not changed"},
}


@router.get("/photos/{photo_id}/view", operation_id="get_photo_view", response_class=Response, responses=_JPEG)
def view(
    services: Svc,
    actor: Seer,
    photo_id: Id,
    request: Request,
    part: Annotated[int | None, Query(ge=0, le=1000, description="page of a PDF from 1; default: the first")] = None,
) -> Response:
    """The picture, upright and without metadata, made when the photo is read; 404 ``not_ready`` until then."""
    return _picture(request, find_view(services, actor, photo_id, part))


@router.get(
    "/photos/{photo_id}/numbers/{field}/crop",
    operation_id="get_number_crop",
    response_class=Response,
    responses=_JPEG,
)
def crop(
    services: Svc,
    actor: Seer,
    photo_id: Id,
    field: FieldPath,
    request: Request,
    of: Annotated[CropOf, Query(description="its boxes, its line in words, or both in one picture")] = "both",
    part: Annotated[int | None, Query(ge=0, le=1000, description="page of a PDF from 1; default: the first")] = None,
) -> Response:
    """One number for its reviewer: the boxes straightened, the line that says it in words below, at most 800 px wide.

    Cut out of the photo's view as the reader found the number; 404 ``no_crop`` where the form has no such line.
    """
    return _picture(request, find_crop(services, actor, photo_id, field, of, part))


def _picture(request: Request, found: View) -> Response:
    tag = f'"{found.tag}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.load(), media_type="image/jpeg", headers=headers)


_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the file",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
}


@router.get("/photos/{photo_id}/original", operation_id="get_photo_original", response_class=Response, responses=_FILE)
def original(
    services: Svc, actor: Annotated[Actor, Depends(Requires(Action.SEE_ORIGINAL))], photo_id: Id
) -> FileResponse:
    """The file as it was sent, metadata included, for the audit only. That it was taken is itself audited."""
    found = take_original(services, actor, photo_id)
    return FileResponse(
        found.path,
        media_type="application/octet-stream",
        filename=found.name,
        content_disposition_type="attachment",
        background=BackgroundTask(found.dispose),
    )


@router.post("/photos/{photo_id}/move", operation_id="move_photo")
def move(
    services: Svc,
    actor: Mover,
    photo_id: Id,
    body: MoveBody,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> PhotoAnswer:
    """Another station, another page, or both. Needs both stations in the caller's region; both are decided again."""
    wish = Move(body.reason, body.tps, body.page, page_given="page" in body.model_fields_set)
    return _changed(services, response, move_photo(services, actor, photo_id, wish, partial(require_match, request)))


@router.post("/photos/{photo_id}/withdraw", operation_id="withdraw_photo")
def withdraw(
    services: Svc,
    actor: Mover,
    photo_id: Id,
    body: ReasonBody,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> PhotoAnswer:
    """The photo no longer counts; nothing of it is deleted. KPPS: only photos that the account sent itself."""
    check: CheckRev = partial(require_match, request)
    return _changed(services, response, withdraw_photo(services, actor, photo_id, body.reason, check))


@router.post("/photos/{photo_id}/restore", operation_id="restore_photo")
def restore(
    services: Svc,
    actor: Mover,
    photo_id: Id,
    body: ReasonBody,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> PhotoAnswer:
    """A withdrawn photo counts again."""
    check: CheckRev = partial(require_match, request)
    return _changed(services, response, restore_photo(services, actor, photo_id, body.reason, check))


def _changed(services: Services, response: Response, photo: Photo) -> PhotoAnswer:
    with services.store.read() as session:
        answer = PhotoAnswer.model_validate(see_photos(session, [photo])[0], from_attributes=True)
    response.headers["ETag"] = etag(answer.rev)
    return answer


class EventStream(StreamingResponse):
    """A stream that gives its place back however it ends, also when its client has gone before the first byte."""

    media_type = "text/event-stream"

    def __init__(self, *args: Any, leave: Callable[[], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends until the stream ends or the client goes away."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "events", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
    204: {"description": "the client has the final state; it need not connect again"},
}
LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", max_length=64, description="id of the last event received")
]


@router.get(
    "/photos/{photo_id}/events", operation_id="follow_photo", response_class=StreamingResponse, responses=_EVENTS
)
async def photo_events(
    services: Svc, actor: Seer, photo_id: Id, request: Request, last_event_id: LastEventId = None
) -> Response:
    """News of one photo as server-sent events, until it is read, failed or withdrawn."""

    def look() -> list[News]:
        return photo_news(services, actor, photo_id)

    news = await run_in_threadpool(look)
    if all(item.is_final for item in news) and last_event_id == mark_of({item.photo_id: item.mark for item in news}):
        return Response(status_code=204)
    return _stream(services, actor, request, look, last_event_id, until_final=True)


@router.get("/events", operation_id="follow_station", response_class=StreamingResponse, responses=_EVENTS)
async def station_events(
    services: Svc,
    actor: Seer,
    request: Request,
    tps: Annotated[str, Query(pattern=TPS_PATTERN, description="13 digits")],
    election: ElectionId = None,
    last_event_id: LastEventId = None,
) -> Response:
    """News of all photos of a station as server-sent events, for an hour at most; clients connect again."""

    def look() -> list[News]:
        return station_news(services, actor, election, tps)

    await run_in_threadpool(look)
    return _stream(services, actor, request, look, last_event_id, until_final=False)


def _stream(
    services: Services,
    actor: Actor,
    request: Request,
    look: Callable[[], list[News]],
    last_event_id: str | None,
    *,
    until_final: bool,
) -> EventStream:
    state = request.app.state
    if not hasattr(state, "streams"):
        state.streams = Streams()
    server = getattr(state, "server", None)
    text = follow(
        look,
        lambda: session_lives(services, actor),
        lambda: bool(getattr(server, "should_exit", False)),
        last_event_id,
        getattr(state, "stream_timing", Timing()),
        until_final=until_final,
    )
    leave = state.streams.enter(actor.account_id)
    return EventStream(text, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}, leave=leave)


@router.get("/alarms", operation_id="list_alarms", tags=["alarms"])
def alarms(
    services: Svc,
    actor: Annotated[Actor, Depends(Requires(Action.SEE_AUDIT))],
    region: RegionCode = None,
    election: ElectionId = None,
    kind: Annotated[str | None, Query(pattern="^[a-z_]{1,24}$", examples=["same_handwriting"])] = None,
    open: Annotated[bool | None, Query(description="only open or only cleared ones; default: both")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[AlarmAnswer]:
    """Alarms that concern a station of the region, newest first.

    Not for those who only send and see photos: an alarm tells that a photo is elsewhere too.
    """
    prefix = actor.scope if region is None else region_from_path(region)
    authorise(actor, Action.SEE_AUDIT, prefix)
    cursor = _id_in(after)
    with services.store.read() as session:
        found = list_alarms(session, AlarmFilter(prefix, election, kind, open), cursor, limit + 1)
    items = [_alarm(alarm) for alarm in found[:limit]]
    return Page(items=items, next=encode_cursor(items[-1].id) if len(found) > limit else None)


@router.post("/alarms/{alarm_id}/clear", operation_id="clear_alarm", tags=["alarms"])
def clear(
    services: Svc, actor: Annotated[Actor, Depends(Requires(Action.CLEAR_ALARM))], alarm_id: Id, body: ReasonBody
) -> AlarmAnswer:
    """A person has looked. An alarm about two stations needs both in the caller's region."""
    return _alarm(clear_alarm(services, actor, alarm_id, body.reason))


def _alarm(alarm: Alarm) -> AlarmAnswer:
    return AlarmAnswer(
        id=alarm.id,
        kind=alarm.kind,
        message=Message.model_validate(words_of(alarm.kind), from_attributes=True),
        election=alarm.election_id,
        tps=alarm.tps,
        tps_other=alarm.tps_other,
        details=alarm.details,
        raised_at=alarm.raised_at,
        cleared_at=alarm.cleared_at,
        cleared_by=alarm.cleared_by,
        reason=alarm.reason,
    )
