"""Spreadsheets and CSV files as people's programs write them, and as nobody should."""

import io
import zipfile
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access import SCOPE_LENGTHS, Role
from service.accounts import tables
from service.accounts.people_list import ROW_PROBLEMS, BadCell, Entry, parse_people
from service.accounts.tables import MAX_CELL_CHARS, MAX_TABLE_BYTES, read_table
from service.errors import ServiceError
from tests.service.accounts.sheets import as_csv, xlsx

TPS = "1871011001001"
HEADER = ("TPS", "Nama", "No. HP")
OUTCOMES = {"read", "bad_table", "no_columns", "empty_list", "table_too_large"}
KPPS = SCOPE_LENGTHS[Role.KPPS]


def parsed(data: bytes) -> tuple[list[Entry], list[BadCell]]:
    return parse_people(read_table(data), KPPS)


def outcome(data: bytes) -> str:
    try:
        parsed(data)
    except ServiceError as error:
        return error.code
    return "read"


def refusal(data: bytes) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        parsed(data)
    return caught.value


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_csv_with_the_usual_delimiters_and_encodings(delimiter: str, encoding: str) -> None:
    data = as_csv(HEADER, (TPS, "Zoë", "081234567890"), delimiter=delimiter, encoding=encoding)

    assert parsed(data) == ([Entry(2, TPS, "Zoë", "+6281234567890")], [])


def test_csv_in_quotes_with_delimiters_and_lines_inside() -> None:
    data = f'TPS;Nama;Telepon\n{TPS};"Budi; S.Kom\nM.T.";"0812-3456-7890"\n\n;;\n'.encode()

    assert parsed(data) == ([Entry(3, TPS, "Budi; S.Kom M.T.", "+6281234567890")], [])


def test_a_spreadsheet_with_a_title_above_and_columns_in_another_order() -> None:
    data = xlsx(
        ["DAFTAR KPPS KECAMATAN KEDATON"],
        [],
        ["No", "Nama Lengkap", "Nomor_HP", "Kode TPS"],
        [1, "Siti", "0812 3456 7890", TPS],
    )

    assert parsed(data) == ([Entry(4, TPS, "Siti", "+6281234567890")], [])


@pytest.mark.parametrize("phone", [81234567890, 81234567890.0, 6281234567890, "81234567890", "+62 812-3456-7890"])
@pytest.mark.parametrize("tps", [TPS, int(TPS), float(TPS), "18.71.01.1001.001", "1871011001 001"])
def test_numbers_that_a_spreadsheet_made_of_text_are_understood(tps: Any, phone: Any) -> None:
    assert parsed(xlsx(HEADER, [tps, "Siti", phone])) == ([Entry(2, TPS, "Siti", "+6281234567890")], [])


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ((TPS, "Siti", "8.12E+10"), "phone", "rounded"),
        ((TPS, "Siti", "8,12346E+10"), "phone", "rounded"),
        (("1,87101E+12", "Siti", "081234567890"), "tps", "rounded"),
        ((TPS, "Siti", 8123456789.5), "phone", "rounded"),
        ((TPS, "Siti", 1e300), "phone", "rounded"),
        ((TPS, "Siti", '="08"&"1234567890"'), "phone", "formula"),
        ((TPS, "=1+1", "081234567890"), "name", "formula"),
        ((TPS, "Siti", datetime(2026, 2, 14)), "phone", "not_text"),
        ((TPS, True, "081234567890"), "name", "not_text"),
        ((TPS, "x" * (MAX_CELL_CHARS + 1), "081234567890"), "name", "too_long"),
        ((TPS, "x" * 81, "081234567890"), "name", "bad_name"),
        ((TPS, None, "081234567890"), "name", "missing"),
        ((TPS, "Siti"), "phone", "missing"),
        (("187101100100", "Siti", "081234567890"), "tps", "bad_tps"),
        (("TPS 1", "Siti", "081234567890"), "tps", "bad_tps"),
        ((TPS, "Siti", "0721 123456"), "phone", "bad_phone"),
    ],
)
def test_a_bad_cell_is_named_and_never_guessed(row: tuple[Any, ...], column: str, code: str) -> None:
    assert parsed(xlsx(HEADER, row)) == ([], [BadCell(2, column, code)])
    assert code in ROW_PROBLEMS


def test_every_bad_cell_of_a_row_is_named_and_good_rows_beside_it_are_kept() -> None:
    entries, bad = parsed(xlsx(HEADER, ["x", None, "y"], [TPS, "Siti", "081234567890"]))

    assert [(b.line, b.column, b.code) for b in bad] == [
        (2, "tps", "bad_tps"),
        (2, "name", "missing"),
        (2, "phone", "bad_phone"),
    ]
    assert [e.line for e in entries] == [3]


def test_one_number_in_two_rows_is_named_in_the_second() -> None:
    entries, bad = parsed(xlsx(HEADER, [TPS, "Siti", "081234567890"], [TPS, "Budi", "+62 812 3456 7890"]))

    assert [e.line for e in entries] == [2]
    assert bad == [BadCell(3, "phone", "phone_twice")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "no_columns"),
        (b"TPS,Nama\n1,2", "no_columns"),
        (b"TPS,Nama,HP\n", "empty_list"),
        (b"PK\x03\x04 not a zip", "bad_table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "bad_table"),  # .xls
        (b'TPS,Nama,HP\n"1,2,3', "bad_table"),
        (b"\xff\xfe\x00", "bad_table"),
        (b"a" * (MAX_TABLE_BYTES + 1), "table_too_large"),
    ],
)
def test_a_file_that_is_no_list_is_refused_with_its_reason(data: bytes, code: str) -> None:
    assert refusal(data).code == code


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 3)

    assert refusal(xlsx(HEADER, *[[TPS, "Siti", "0812"]] * 3)).code == "table_too_large"
    assert refusal(as_csv(HEADER, *[(TPS, "Siti", "0812")] * 3)).code == "table_too_large"
    assert refusal(xlsx(HEADER, *[[None]] * 10, [TPS])).code == "table_too_large"  # empty rows cost time, too


def test_a_spreadsheet_that_unpacks_to_gigabytes_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_UNPACKED_BYTES", 1_000_000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 2_000_000)

    error = refusal(out.getvalue())

    assert (error.code, error.details) == ("table_too_large", {"limit_unpacked_bytes": 1_000_000})


def test_entities_in_a_spreadsheet_do_not_explode() -> None:
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    sheet = f'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a0 "ha">{laughs}]><worksheet>&a11;</worksheet>'
    good = zipfile.ZipFile(io.BytesIO(xlsx(HEADER)))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in good.namelist():
            archive.writestr(name, sheet if name.endswith("sheet1.xml") else good.read(name))

    assert refusal(out.getvalue()).code == "bad_table"


@given(st.binary(max_size=300))
def test_no_bytes_make_it_break(data: bytes) -> None:
    assert outcome(data) in OUTCOMES


@given(st.data())
def test_no_damaged_spreadsheet_makes_it_break(data: st.DataObject) -> None:
    good = bytearray(xlsx(HEADER, [TPS, "Siti", "081234567890"]))
    for _ in range(data.draw(st.integers(1, 5))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    assert outcome(bytes(good)) in OUTCOMES
