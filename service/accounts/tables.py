"""Tables that people send: XLSX or CSV, as rows of text cells. Nothing is guessed: a cell that lost digits says so."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import ServiceError, register

MAX_TABLE_BYTES = 5_000_000
MAX_UNPACKED_BYTES = 20_000_000
"""A list of the most rows unpacks to a fifth of it. A file made to fill it costs seconds of a core, so no more."""
MAX_ROWS = 5_000
"""An import is one transaction, and on SQLite nobody else writes meanwhile: three seconds for so many."""
MAX_COLUMNS = 50
MAX_CELL_CHARS = 200

register(
    {
        "table_too_large": (
            413,
            "Daftar terlalu besar. Bagi menjadi beberapa berkas; batasnya ada di rincian.",
            "The list is too large. Split it; the limits are in the details.",
        ),
        "bad_table": (
            422,
            "Berkas bukan XLSX atau CSV yang dapat dibaca. Simpan ulang sebagai .xlsx atau .csv.",
            "The file is no XLSX or CSV that can be read. Save it again as .xlsx or .csv.",
        ),
    }
)

_ZIP = b"PK\x03\x04"
_ROUNDED = re.compile(r"^[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+$")
"""What a spreadsheet makes of a long number when it saves text: ``8.12E+10``. The digits are gone for good."""

_EXACT_FLOAT = 2**53


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell.

    Attributes:
        text: what it says, stripped; empty where ``problem`` is set.
        problem: ``formula`` (its value depends on another program), ``rounded`` (a spreadsheet cut digits off),
            ``too_long``, ``not_text`` (a date, a truth value); ``None`` for a good one.
    """

    text: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row.

    Attributes:
        line: its number in the file as people see it, from 1.
        cells: from the left.
    """

    line: int
    cells: Sequence[Cell]


def read_table(data: bytes) -> list[Row]:
    """All rows that are not empty; the kind of file is found by its first bytes, whatever its name.

    Raises:
        ServiceError: ``table_too_large``, ``bad_table``.
    """
    if len(data) > MAX_TABLE_BYTES:
        raise ServiceError("table_too_large", details={"limit_bytes": MAX_TABLE_BYTES})
    rows: list[Row] = []
    for row in _xlsx(data) if data.startswith(_ZIP) else _csv(data):
        if len(rows) >= MAX_ROWS:
            raise ServiceError("table_too_large", details={"limit_rows": MAX_ROWS})
        if any(cell.text or cell.problem for cell in row.cells):
            rows.append(row)
    return rows


def _xlsx(data: bytes) -> Iterator[Row]:
    """Rows of the first sheet. Raises ServiceError for anything openpyxl or zipfile cannot make sense of."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
                raise ServiceError("table_too_large", details={"limit_unpacked_bytes": MAX_UNPACKED_BYTES})
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=False)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # the size it claims may be a lie
            for line, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS), start=1):
                if line > MAX_ROWS * 2:
                    raise ServiceError("table_too_large", details={"limit_rows": MAX_ROWS})
                yield Row(line, [_xlsx_cell(cell.data_type, cell.value) for cell in cells])
        finally:
            book.close()
    except ServiceError:
        raise
    except Exception as error:  # a broken file makes these libraries raise almost anything
        raise ServiceError("bad_table", details={"kind": "xlsx", "error": type(error).__name__}) from error


def _xlsx_cell(data_type: str, value: Any) -> Cell:
    if value is None:
        return Cell("")
    if data_type == "f":
        return Cell("", "formula")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Cell("", "not_text")
    if isinstance(value, str):
        return _text_cell(value)
    if abs(value) >= _EXACT_FLOAT or value != int(value):
        return Cell("", "rounded")
    return Cell(str(int(value)))


def _text_cell(value: str) -> Cell:
    text = value.strip()
    if len(text) > MAX_CELL_CHARS:
        return Cell("", "too_long")
    if text.startswith("="):
        return Cell("", "formula")
    if _ROUNDED.match(text):
        return Cell("", "rounded")
    return Cell(text)


def _csv(data: bytes) -> Iterator[Row]:
    text = _decoded(data)
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(";,\t", key=first.count)
    try:
        for cells in (reader := csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)):
            yield Row(reader.line_num, [_text_cell(cell) for cell in cells[:MAX_COLUMNS]])
    except csv.Error as error:
        raise ServiceError("bad_table", details={"kind": "csv", "line": reader.line_num}) from error


def _decoded(data: bytes) -> str:
    """UTF-8 or UTF-16 with its mark, else Windows-1252, which is what Excel writes here."""
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    encodings = ["utf-16"] if marked else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise ServiceError("bad_table", details={"kind": "csv", "error": "encoding"})
