"""A list of officers: which column is which, and what is wrong with which row."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from service.accounts.phones import normal_phone
from service.accounts.registry import NAME_CHARS
from service.accounts.tables import Cell, Row
from service.errors import ServiceError, register

register(
    {
        "no_columns": (
            422,
            "Baris judul dengan kolom TPS, nama, dan telepon tidak ditemukan.",
            "No header row with the columns TPS, name and phone was found.",
        ),
        "empty_list": (422, "Daftar tidak memuat satu orang pun.", "The list names nobody."),
        "bad_rows": (
            422,
            "Ada baris yang salah; tidak ada yang disimpan. Perbaiki baris di rincian lalu kirim ulang.",
            "Some rows are wrong; nothing was saved. Mend the rows in the details and send it again.",
        ),
    }
)

ROW_PROBLEMS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "missing": ("kosong", "is empty"),
        "formula": ("berisi rumus; tulis nilainya", "holds a formula; write the value"),
        "rounded": (
            "kehilangan angka (misalnya 8,12E+10); jadikan kolom teks dan ketik ulang",
            "lost digits (such as 8.12E+10); make the column text and type it again",
        ),
        "too_long": ("terlalu panjang", "is too long"),
        "not_text": ("bukan teks atau bilangan bulat", "is no text and no whole number"),
        "bad_tps": ("bukan kode wilayah untuk peran ini", "is no region code for this role"),
        "unknown_tps": ("TPS atau wilayah tidak dikenal", "is not a known station or region"),
        "foreign_region": ("di luar wilayah Anda", "is outside your region"),
        "bad_phone": ("bukan nomor telepon seluler", "is no mobile phone number"),
        "phone_twice": ("nomor ini sudah ada di baris lain", "stands in another row, too"),
        "phone_taken": ("nomor ini milik akun lain", "belongs to another account"),
        "bad_name": ("bukan nama", "is no name"),
    }
)
"""What can be wrong with a cell, in words that follow the column's name."""

HEADER_ROWS = 10
"""Titles may stand above the header, so it is looked for in the first rows."""

_HEADERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "tps": frozenset(
            {
                "tps",
                "kode",
                "kode tps",
                "kode wilayah",
                "wilayah",
                "id tps",
                "station",
                "station code",
                "tps code",
                "region",
                "region code",
                "code",
            }
        ),
        "name": frozenset({"nama", "nama lengkap", "nama petugas", "nama anggota", "name", "full name"}),
        "phone": frozenset(
            {
                "telepon",
                "nomor telepon",
                "no telepon",
                "telp",
                "no telp",
                "hp",
                "no hp",
                "nomor hp",
                "handphone",
                "ponsel",
                "nomor ponsel",
                "wa",
                "no wa",
                "nomor wa",
                "whatsapp",
                "phone",
                "phone number",
                "mobile",
                "mobile number",
            }
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A good row.

    Attributes:
        line: its number in the file.
        scope: region code: the station for KPPS.
        name: as written.
        phone: in the one spelling.
    """

    line: int
    scope: str
    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class BadCell:
    """What is wrong with a row; never what stood there.

    Attributes:
        line: its number in the file.
        column: ``tps``, ``name`` or ``phone``.
        code: a key of :data:`ROW_PROBLEMS`.
    """

    line: int
    column: str
    code: str


def parse_people(rows: Sequence[Row], lengths: Iterable[int]) -> tuple[list[Entry], list[BadCell]]:
    """Reads the list.

    Args:
        rows: of the table, header included.
        lengths: how many digits a region code may have here.

    Returns:
        The good rows, and everything that is wrong with the others.

    Raises:
        ServiceError: ``no_columns``, ``empty_list``.
    """
    columns, body = _header(rows)
    if not body:
        raise ServiceError("empty_list")
    allowed = frozenset(lengths)
    entries: list[Entry] = []
    bad: list[BadCell] = []
    first_line: dict[str, int] = {}
    for row in body:
        entry, wrong = _entry(row, columns, allowed)
        if entry is not None and first_line.setdefault(entry.phone, row.line) != row.line:
            wrong, entry = [BadCell(row.line, "phone", "phone_twice")], None
        bad.extend(wrong)
        if entry is not None:
            entries.append(entry)
    return entries, bad


def _header(rows: Sequence[Row]) -> tuple[Mapping[str, int], Sequence[Row]]:
    for at, row in enumerate(rows[:HEADER_ROWS]):
        titles = [re.sub(r"[\W_]+", " ", cell.text.lower()).strip() for cell in row.cells]
        columns = {
            column: next(i for i, title in enumerate(titles) if title in names)
            for column, names in _HEADERS.items()
            if any(title in names for title in titles)
        }
        if len(columns) == len(_HEADERS):
            return columns, rows[at + 1 :]
    raise ServiceError("no_columns", details={"columns": {name: sorted(known) for name, known in _HEADERS.items()}})


def _entry(row: Row, columns: Mapping[str, int], allowed: frozenset[int]) -> tuple[Entry | None, list[BadCell]]:
    cells = {name: row.cells[at] if at < len(row.cells) else Cell("") for name, at in columns.items()}
    wrong = {name: cell.problem or "missing" for name, cell in cells.items() if cell.problem or not cell.text}
    scope = re.sub(r"[\s.]", "", cells["tps"].text)
    if "tps" not in wrong and not (scope.isascii() and scope.isdigit() and len(scope) in allowed):
        wrong["tps"] = "bad_tps"
    phone = ""
    if "phone" not in wrong:
        try:
            phone = normal_phone(cells["phone"].text)
        except ServiceError:
            wrong["phone"] = "bad_phone"
    name = " ".join(cells["name"].text.split())
    if "name" not in wrong and (len(name) > NAME_CHARS or not name.isprintable()):
        wrong["name"] = "bad_name"
    if wrong:
        return None, [BadCell(row.line, column, wrong[column]) for column in _HEADERS if column in wrong]
    return Entry(row.line, scope, name, phone), []
