"""Files of regions and stations: CSV (``code,name[,tps]``) and the JSON of villages and their numbers of stations."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.errors import ServiceError, register
from service.regions.codes import DESA_DIGITS, TPS_DIGITS, is_code

register(
    {
        "bad_region_file": (
            422,
            "Berkas wilayah salah; lihat baris yang disebut. Tidak ada yang disimpan.",
            "The file of regions is wrong; see the rows named. Nothing was stored.",
        )
    }
)

MAX_NUMBER = 999
"""Largest number of a station: three digits."""

_PROBLEMS_SHOWN = 20
_RANGE = re.compile(r"(\d{1,3})(?:\s*-\s*(\d{1,3}))?")


@dataclass(frozen=True, slots=True)
class RegionFile:
    """What a file says.

    Attributes:
        names: region code (2 to 10 digits) -> name.
        stations: desa code -> ranges of station numbers, ends included.
    """

    names: Mapping[str, str]
    stations: Mapping[str, Sequence[tuple[int, int]]]

    def tps_codes(self) -> Iterator[str]:
        """Codes of all stations, desa by desa in the order of their codes."""
        for desa in sorted(self.stations):
            numbers = {n for first, last in self.stations[desa] for n in range(first, last + 1)}
            for number in sorted(numbers):
                yield f"{desa}{number:03d}"


def parse_regions(content: bytes) -> RegionFile:
    """Reads either kind of file.

    JSON: ``{"id2name": {code: name}, "tps": {desa: [n] | [n, a, b]}}``: stations 1 to n, and a to b.
    CSV: a header with ``code`` and ``name`` (also ``kode``, ``nama``) and perhaps ``tps``: a number n (stations 1 to
    n) or ranges like ``1-12;901-903``; a code of thirteen digits is one station. Comma, semicolon or tab.

    Raises:
        ServiceError: ``bad_region_file`` with the first rows that are wrong in ``details.problems``.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad([f"not UTF-8 (byte {error.start})"]) from error
    file, problems = _from_json(text) if text.lstrip().startswith("{") else _from_csv(text)
    if problems:
        raise _bad(problems)
    return file


def _from_json(text: str) -> tuple[RegionFile, list[str]]:
    try:
        data = json.loads(text)
    except ValueError as error:
        return RegionFile({}, {}), [f"not JSON: {error}"]
    raw_names, raw_tps = data.get("id2name"), data.get("tps", {})
    if not isinstance(raw_names, dict) or not isinstance(raw_tps, dict):
        return RegionFile({}, {}), ['expected {"id2name": {...}, "tps": {...}}']
    problems: list[str] = []
    names = {code: name for code, name in raw_names.items() if _checked_name(f"id2name.{code}", code, name, problems)}
    stations: dict[str, list[tuple[int, int]]] = {}
    for desa, value in raw_tps.items():
        ranges = _json_ranges(value)
        if len(desa) != DESA_DIGITS or not is_code(desa) or ranges is None:
            problems.append(f"tps.{desa}: expected a desa of 10 digits and [n] or [n, a, b] up to {MAX_NUMBER}")
        else:
            stations[desa] = ranges
    return RegionFile(names, stations), problems


def _json_ranges(value: object) -> list[tuple[int, int]] | None:
    if not isinstance(value, list) or len(value) not in (1, 3) or not all(type(n) is int for n in value):
        return None
    numbers: list[int] = value
    ranges = [(1, numbers[0])] if numbers[0] else []
    if len(numbers) == 3:
        ranges.append((numbers[1], numbers[2]))
    return ranges if all(_in_order(*each) for each in ranges) and numbers[0] >= 0 else None


def _from_csv(text: str) -> tuple[RegionFile, list[str]]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    columns = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
    code_column = columns.get("code") or columns.get("kode")
    name_column = columns.get("name") or columns.get("nama")
    if code_column is None or name_column is None:
        return RegionFile({}, {}), ["row 1: the header must name code and name (kode, nama)"]
    problems: list[str] = []
    names: dict[str, str] = {}
    stations: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        place = f"row {rows.line_num}"
        code = (row[code_column] or "").strip()
        if len(code) == TPS_DIGITS and is_code(code):
            number = int(code[DESA_DIGITS:])
            stations.setdefault(code[:DESA_DIGITS], []).append((number, number))
            continue
        name = (row[name_column] or "").strip()
        if _checked_name(place, code, name, problems):
            if code in names and names[code] != name:
                problems.append(f"{place}: {code} is there twice with different names")
            names[code] = name
        said = (row.get(columns["tps"]) or "").strip() if "tps" in columns else ""
        if said:
            ranges = _csv_ranges(said)
            if ranges is None or len(code) != DESA_DIGITS:
                problems.append(f"{place}: tps {said!r} must be a number or ranges like 1-12;901-903, at a desa")
            else:
                stations.setdefault(code, []).extend(ranges)
    return RegionFile(names, stations), problems


def _csv_ranges(said: str) -> list[tuple[int, int]] | None:
    if said.isascii() and said.isdigit():
        count = int(said)
        return ([(1, count)] if count else []) if count <= MAX_NUMBER else None
    ranges = []
    for part in re.split(r"[;+ ]+", said):
        match = _RANGE.fullmatch(part)
        if match is None:
            return None
        first = int(match[1])
        last = int(match[2] or first)
        if not _in_order(first, last):
            return None
        ranges.append((first, last))
    return ranges


def _in_order(first: int, last: int) -> bool:
    return 1 <= first <= last <= MAX_NUMBER


def _checked_name(place: str, code: str, name: object, problems: list[str]) -> bool:
    if not code or len(code) == TPS_DIGITS or not is_code(code):
        problems.append(f"{place}: {code[:20]!r} is no region code of 2, 4, 6 or 10 digits")
        return False
    if not isinstance(name, str) or not name.strip():
        problems.append(f"{place}: {code} has no name")
        return False
    return True


def _bad(problems: Sequence[str]) -> ServiceError:
    return ServiceError(
        "bad_region_file", details={"problems": list(problems[:_PROBLEMS_SHOWN]), "problem_count": len(problems)}
    )


def bad_region_file(problems: Sequence[str]) -> ServiceError:
    """The refusal of a whole file for what is wrong in it."""
    return _bad(problems)
