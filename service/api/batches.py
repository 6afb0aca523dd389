"""Reading many photos again, over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, StringConstraints

from service.access import Action, Actor, authorise
from service.api.deps import Requires, Svc
from service.api.shapes import MAX_PAGE, Answer, Body, Page, decode_cursor, encode_cursor, etag
from service.batches.batches import (
    PER_MINUTE,
    cancel,
    changed_items,
    create,
    get,
    list_batches,
    pause,
    preview,
    progress,
    resume,
)
from service.batches.filters import BatchFilter
from service.batches.report import report_csv, report_json
from service.elections.draft import ID_PATTERN
from service.regions.codes import PLACE_PATTERN, region_from_path, shown
from service.services import Services
from service.store.readings import Batch

router = APIRouter(prefix="/batches", tags=["batches"])
Reprocessor = Annotated[Actor, Depends(Requires(Action.REPROCESS))]
BatchId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="id of the batch")]
After = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="items on a page")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
FormId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class FilterBody(Body):
    """Which photos: all conditions given must hold. A photo that waits for its first reading never fits."""

    region: str | None = Field(
        None,
        pattern=PLACE_PATTERN,
        description="region or station code, `0` the nation; default: the caller's own region",
        examples=["187101"],
    )
    election: str | None = Field(None, pattern=ID_PATTERN, examples=["ppwp-2024"])
    failed: bool = Field(False, description="the reader broke on it")
    failures: list[Code] = Field([], max_length=20, description="... with one of these codes")
    reasons: list[Code] = Field([], max_length=30, description="refused for one of these", examples=[["blurred"]])
    outcomes: list[Literal["accepted", "review", "rejected"]] = Field([], max_length=3)
    form: FormId | None = None
    not_current: bool = Field(False, description="read by any other than the present reader")
    pipeline_older_than: str | None = Field(None, pattern="^[0-9]{1,9}$", examples=["2"])
    model_older_than: str | None = Field(None, pattern="^[a-z][a-z0-9-]{0,40}[0-9]{1,9}$", examples=["digits-2"])
    px_per_box_below: float | None = Field(None, gt=0, le=10_000, description="digit boxes smaller than this, pixels")
    sharpness_below: float | None = Field(None, gt=0, le=1, description="less sharp than this, 0-1")
    channels_disagree: bool = Field(False, description="digits and bubbles of a number said different things")


class BatchBody(Body):
    """A batch to be looked at or made."""

    filter: FilterBody
    per_minute: int = Field(PER_MINUTE, ge=1, le=100_000, description="photos a minute at most")


class PreviewAnswer(Answer):
    """What a batch would do."""

    photos: int = Field(description="that fit")
    to_read: int = Field(description="of them to be read anew")
    already_read: int = Field(description="read by this very reader, which would say the same: only decided again")
    ms_per_photo: float | None = Field(description="median of the last readings; null before the first")
    core_seconds: float | None = Field(description="of one processor core, for all readings")
    least_seconds: float = Field(description="that it takes at this rate")
    reader_rev: str


class ItemsAnswer(Answer):
    """Photos of a batch by what became of them."""

    waiting: int = 0
    queued: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0


class BatchAnswer(Answer):
    """A batch."""

    id: str
    region: str
    filter: dict[str, Any]
    reader_rev: str
    state: Literal["running", "paused", "done", "cancelled"]
    per_minute: int
    total: int
    items: ItemsAnswer
    created_by: str
    created_at: datetime
    finished_at: datetime | None
    rev: int


class StandingAnswer(Answer):
    """How a number stood."""

    value: int | None
    state: Literal["unknown", "review", "read", "verified"]


class ChangeAnswer(Answer):
    """A number that stands otherwise than before."""

    tps: str
    field: str
    before: StandingAnswer
    after: StandingAnswer


class ChangedPhoto(Answer):
    """A photo whose new reading changed numbers of its station."""

    photo: str
    tps: str
    changes: list[ChangeAnswer]


@router.post("/preview", summary="Counts and cost of a batch, without making it")
def preview_batch(body: BatchBody, actor: Reprocessor, services: Svc) -> PreviewAnswer:
    """Counts only what lies in the caller's region."""
    wanted = _filter(actor, body.filter)
    with services.store.read() as session:
        return PreviewAnswer.model_validate(preview(session, wanted, body.per_minute))


@router.post("", status_code=201, summary="Read photos again")
def create_batch(body: BatchBody, actor: Reprocessor, services: Svc, response: Response) -> BatchAnswer:
    """Takes the photos that fit now; live uploads go first, and people's decisions are never overwritten."""
    batch = create(services, actor, _filter(actor, body.filter), body.per_minute)
    return _answer(services, batch, response)


@router.get("", summary="Batches of the caller's region, newest first")
def all_batches(actor: Reprocessor, services: Svc, after: After = None, limit: Limit = 50) -> Page[BatchAnswer]:
    """Those whose region lies within the caller's."""
    key = decode_cursor(after, 1)[0] if after else None
    with services.store.read() as session:
        found = list_batches(session, actor.scope, key, limit + 1)
        counts = progress(session, [batch.id for batch in found])
    shown_now = found[:limit]
    items = [_shape(batch, counts[batch.id]) for batch in shown_now]
    return Page(items=items, next=encode_cursor(shown_now[-1].id) if len(found) > limit else None)


@router.get("/{batch_id}", summary="A batch and how far it is")
def one_batch(batch_id: BatchId, actor: Reprocessor, services: Svc, response: Response) -> BatchAnswer:
    """Ask again for live progress."""
    return _answer(services, _get(services, actor, batch_id), response)


@router.post("/{batch_id}/pause", summary="Give no more photos out")
def pause_batch(batch_id: BatchId, actor: Reprocessor, services: Svc, response: Response) -> BatchAnswer:
    """What is being read is finished. A paused batch stays paused: no error."""
    return _answer(services, pause(services, actor, batch_id), response)


@router.post("/{batch_id}/resume", summary="Go on")
def resume_batch(batch_id: BatchId, actor: Reprocessor, services: Svc, response: Response) -> BatchAnswer:
    """Where it was paused."""
    return _answer(services, resume(services, actor, batch_id), response)


@router.post("/{batch_id}/cancel", summary="End a batch")
def cancel_batch(batch_id: BatchId, actor: Reprocessor, services: Svc, response: Response) -> BatchAnswer:
    """What was read stays read; the rest is skipped."""
    return _answer(services, cancel(services, actor, batch_id), response)


@router.get("/{batch_id}/changes", summary="What the batch changed, number by number")
def batch_changes(
    batch_id: BatchId, actor: Reprocessor, services: Svc, after: After = None, limit: Limit = 50
) -> Page[ChangedPhoto]:
    """Before and after, by photo; photos that changed nothing are left out."""
    key = decode_cursor(after, 1)[0] if after else None
    with services.store.read() as session:
        get(session, actor, batch_id)
        found = changed_items(session, batch_id, key, limit + 1)
    items = [
        ChangedPhoto(
            photo=item.photo_id, tps=tps, changes=[ChangeAnswer.model_validate(change) for change in item.changes]
        )
        for item, tps in found[:limit]
    ]
    return Page(items=items, next=encode_cursor(items[-1].photo) if len(found) > limit else None)


@router.get(
    "/{batch_id}/report",
    summary="The whole report as a file",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "the report",
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "text/csv": {"schema": {"type": "string"}},
            },
        }
    },
)
def batch_report(
    batch_id: BatchId,
    actor: Reprocessor,
    services: Svc,
    format: Annotated[Literal["json", "csv"], Query(description="kind of file")] = "json",
) -> StreamingResponse:
    """Names every photo that failed or was skipped and every number that changed. No cell of the CSV is a formula."""
    batch = _get(services, actor, batch_id)
    lines = report_csv(services, batch) if format == "csv" else report_json(services, batch)
    name = f"turus-batch-{batch.id}.{format}"
    return StreamingResponse(
        lines,
        media_type="text/csv; charset=utf-8" if format == "csv" else "application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _filter(actor: Actor, body: FilterBody) -> BatchFilter:
    region = actor.scope if body.region is None else region_from_path(body.region)
    authorise(actor, Action.REPROCESS, region)
    given = body.model_dump(exclude={"region"})
    return BatchFilter(region=region, **given)


def _get(services: Services, actor: Actor, batch_id: str) -> Batch:
    with services.store.read() as session:
        return get(session, actor, batch_id)


def _answer(services: Services, batch: Batch, response: Response) -> BatchAnswer:
    with services.store.read() as session:
        counts = progress(session, [batch.id])[batch.id]
    response.headers["ETag"] = etag(batch.rev)
    return _shape(batch, counts)


def _shape(batch: Batch, counts: Mapping[str, int]) -> BatchAnswer:
    row = {name: getattr(batch, name) for name in BatchAnswer.model_fields if hasattr(batch, name)}
    return BatchAnswer.model_validate(row | {"region": shown(batch.scope), "items": ItemsAnswer(**counts)})
