"""Lists of officers as XLSX and CSV files, for tests."""

import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook


def xlsx(*rows: Sequence[Any]) -> bytes:
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_csv(*rows: Sequence[str], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    return "\r\n".join(delimiter.join(row) for row in rows).encode(encoding)
