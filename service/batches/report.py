"""The report of a batch: what was done, what changed, which files were bad, line by line so that it fits any size."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from service.batches.batches import progress
from service.services import Services
from service.store.photos import Photo
from service.store.readings import Batch, BatchItem

_AT_ONCE: Final = 1000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
COLUMNS: Final = (
    "photo",
    "tps",
    "sha256",
    "state",
    "code",
    "field",
    "value_before",
    "state_before",
    "value_after",
    "state_after",
)


@dataclass(frozen=True, slots=True)
class _Line:
    item: BatchItem
    tps: str
    sha256: str


def summary(services: Services, batch: Batch) -> dict[str, Any]:
    """The head of a report as plain JSON: what was asked for, and how many of each kind."""
    with services.store.read() as session:
        counts = progress(session, [batch.id])[batch.id]
    return {
        "id": batch.id,
        "scope": batch.scope or "0",
        "filter": dict(batch.filter),
        "reader_rev": batch.reader_rev,
        "state": batch.state,
        "per_minute": batch.per_minute,
        "total": batch.total,
        "created_at": batch.created_at.isoformat(),
        "finished_at": batch.finished_at.isoformat() if batch.finished_at else None,
        "items": {state: counts.get(state, 0) for state in ("waiting", "queued", "done", "failed", "skipped")},
    }


def report_json(services: Services, batch: Batch) -> Iterator[str]:
    """The report as one JSON object: the summary, ``changes`` number by number, ``failed`` and ``skipped`` photos."""
    head = json.dumps(summary(services, batch), ensure_ascii=False)
    yield head[:-1]
    for name in ("changes", "failed", "skipped"):
        yield f', "{name}": ['
        first = True
        for row in report_rows(services, batch, name):
            yield ("" if first else ",\n") + json.dumps(row, ensure_ascii=False)
            first = False
        yield "]"
    yield "}\n"


def report_rows(services: Services, batch: Batch, kind: str) -> Iterator[dict[str, Any]]:
    """One plain JSON object for each changed number (``changes``), or for each ``failed`` or ``skipped`` photo."""
    for line in _items(services, batch.id):
        yield from _rows_of(line, kind)


def report_csv(services: Services, batch: Batch) -> Iterator[str]:
    """The report as CSV: a line for each changed number, and for each photo without any."""
    yield _line(COLUMNS)
    for line in _items(services, batch.id):
        row = line.item
        start = (row.photo_id, line.tps, line.sha256, row.state, row.error)
        for change in row.changes:
            before, after = change["before"], change["after"]
            yield _line((*start, change["field"], before["value"], before["state"], after["value"], after["state"]))
        if not row.changes:
            yield _line((*start, None, None, None, None, None))


def escaped(cell: object) -> str:
    """A cell as text that no spreadsheet takes for a formula; an empty one for ``None``."""
    if cell is None:
        return ""
    text = str(cell)
    return "'" + text if isinstance(cell, str) and text.startswith(_FORMULA) else text


def _line(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([escaped(cell) for cell in cells])
    return out.getvalue()


def _items(services: Services, batch_id: str) -> Iterator[_Line]:
    """Every item with its photo's place, a thousand at a time, so that memory stays flat."""
    after = ""
    while True:
        with services.store.read() as session:
            rows = session.execute(
                select(BatchItem, Photo.tps, Photo.sha256)
                .join(Photo, Photo.id == BatchItem.photo_id)
                .where(BatchItem.batch_id == batch_id, BatchItem.photo_id > after)
                .order_by(BatchItem.photo_id)
                .limit(_AT_ONCE)
            ).all()
        for item, tps, sha256 in rows:
            yield _Line(item, tps, sha256)
            after = item.photo_id
        if len(rows) < _AT_ONCE:
            return


def _rows_of(line: _Line, kind: str) -> Iterator[dict[str, Any]]:
    row = line.item
    if kind == "changes":
        for change in row.changes:
            yield {"photo": row.photo_id, **change}
    elif row.state == kind:
        yield {"photo": row.photo_id, "tps": line.tps, "sha256": line.sha256, "code": row.error}
