"""The list of codes that is printed: complete, readable again, and harmless in a spreadsheet program."""

import csv
import io
from datetime import UTC, datetime

from openpyxl import load_workbook

from service.accounts.activation import Invitation
from service.accounts.handout import COLUMNS, handout_csv, handout_xlsx
from service.accounts.import_list import Handout

WAY_IN = Invitation("a1", "https://turus.example/activate#tok", "7K2M9QXA", datetime(2026, 2, 20, 9, 30, tzinfo=UTC))
NAMES = ["Siti", "=HYPERLINK(1)", "+62", "-1", "@x", "Zoë", "\t=1"]
HANDOUTS = [Handout("1871011001001", name, "+6281234567890", WAY_IN) for name in NAMES]


def test_in_a_spreadsheet_every_cell_is_text_as_it_was() -> None:
    sheet = load_workbook(io.BytesIO(handout_xlsx(HANDOUTS))).active

    rows = list(sheet.iter_rows())
    assert [cell.value for cell in rows[0]] == list(COLUMNS)
    assert [row[1].value for row in rows[1:]] == NAMES
    assert {cell.data_type for row in rows for cell in row} == {"s"}
    assert [cell.value for cell in rows[1]][2:] == [
        "0812-3456-7890",
        "7K2M-9QXA",
        "https://turus.example/activate#tok",
        "2026-02-20 09:30",
    ]


def test_in_a_csv_nothing_starts_a_formula() -> None:
    data = handout_csv(HANDOUTS)

    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == list(COLUMNS)
    assert [row[1] for row in rows[1:]] == ["Siti", "'=HYPERLINK(1)", "'+62", "'-1", "'@x", "Zoë", "'\t=1"]
    assert not any(value[:1] in {"=", "+", "-", "@", "\t", "\r"} for row in rows for value in row)
