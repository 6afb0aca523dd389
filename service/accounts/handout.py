"""The list of links and codes that a PPK prints and hands out: XLSX or CSV, in which nothing is ever a formula."""

import csv
import io
from collections.abc import Sequence

from service.accounts.import_list import Handout
from service.accounts.phones import local_phone
from service.accounts.tokens import shown_code

COLUMNS = (
    "TPS",
    "Nama / name",
    "Telepon / phone",
    "Kode / code",
    "Tautan / link",
    "Berlaku sampai / valid until (UTC)",
)
_WIDTHS = (16, 32, 18, 12, 70, 24)
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def handout_csv(handouts: Sequence[Handout]) -> bytes:
    """Semicolons and a byte-order mark, which Excel opens rightly in Indonesian settings."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(value) for value in _values(handout)] for handout in handouts)
    return out.getvalue().encode("utf-8-sig")


def handout_xlsx(handouts: Sequence[Handout]) -> bytes:
    """One sheet; every cell is text, also where it looks like a number or a formula."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Aktivasi")
    for column, width in zip("ABCDEF", _WIDTHS, strict=True):
        sheet.column_dimensions[column].width = width
    sheet.freeze_panes = "A2"
    for values in [COLUMNS, *(_values(handout) for handout in handouts)]:
        cells = []
        for value in values:
            cell = WriteOnlyCell(sheet, value=value)
            cell.data_type = "s"  # after the value is set: openpyxl takes "=..." for a formula
            cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _values(handout: Handout) -> tuple[str, ...]:
    invitation = handout.invitation
    return (
        handout.scope,
        handout.name,
        local_phone(handout.phone),
        shown_code(invitation.code) if invitation.code else "",
        invitation.link,
        invitation.expires_at.strftime("%Y-%m-%d %H:%M"),
    )


def _harmless(value: str) -> str:
    """A CSV has no types, so what would start a formula gets an apostrophe (OWASP, CSV injection)."""
    return f"'{value}" if value.startswith(_STARTS_FORMULA) else value
