"""Fills a drawn page by hand: boxes, bubbles, tallies, row totals, words, names and signatures, with the truth."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from ocr_pipeline.forms.definition import Box, FormDefinition, Grid, Number, Page
from ocr_pipeline.synthesis import handwriting as hand
from ocr_pipeline.synthesis.draw import header_blanks
from ocr_pipeline.synthesis.handwriting import Writer
from ocr_pipeline.synthesis.ink import Stroke, lay_ink
from ocr_pipeline.synthesis.settle import capacity
from ocr_pipeline.synthesis.words import number_words_id
from ocr_pipeline.values import Grey

Mistake = Literal["sum_broken", "crossed_out", "left_empty"]
"""One figure changed so that a sum fails; a figure struck through and written again; a figure never written."""

PLACES: Mapping[str, tuple[str, ...]] = {
    "Provinsi": ("CONTOH UTARA", "CONTOH SELATAN", "CONTOH BARAT", "CONTOH TIMUR"),
    "Kabupaten / Kota": ("TURUS RAYA", "TURUS JAYA", "TURUS BARU"),
    "Kecamatan": ("SUMBER CONTOH", "TANJUNG CONTOH", "BUKIT CONTOH", "MUARA CONTOH"),
    "Kelurahan / Desa": ("MEKAR CONTOH", "SUKA CONTOH", "KARANG CONTOH", "TELUK CONTOH"),
}
"""Invented places: no real station is ever named on a synthetic page."""

USUAL_BOX_MM = 20.0
"""Side of the boxes for which the pens of :func:`~ocr_pipeline.synthesis.handwriting.random_writer` were chosen."""

LARGEST_CAPITAL_MM = 20.0
SMALLEST_SIGNATURE_MM = (25.0, 12.0)


class InkPen(Protocol):
    """Puts strokes on the page at hand."""

    def __call__(self, strokes: list[Stroke]) -> None:
        """Lays the strokes down."""


@dataclass(frozen=True, slots=True)
class Written:
    """How one number is written.

    Attributes:
        field: field id.
        value: what it means; ``None`` where nothing was written.
        as_written: one character a box: ``0-9``, ``X``, ``-``, ``_``.
        bubbles: one character a column, the digit or ``_``; ``None`` where the form has none.
        tally: tally marks drawn; ``None`` where the form has no grid.
        row_totals: what stands in the row totals, from the top; ``None`` where the form has none.
        crossed: index of the box whose first digit was struck through, and that wrong digit.
    """

    field: str
    value: int | None
    as_written: str
    bubbles: str | None
    tally: int | None
    row_totals: tuple[str, ...] | None
    crossed: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Station:
    """A polling station as its officers wrote it: the place, the hand, every number, and the mistakes put in."""

    place: Mapping[str, str]
    writer: Writer
    numbers: Mapping[str, Written]
    mistakes: tuple[tuple[Mistake, str], ...]


def write_station(
    definition: FormDefinition,
    values: Mapping[str, int],
    writer: Writer,
    rng: np.random.Generator,
    mistakes: Collection[Mistake] = (),
) -> Station:
    """Decides how each number is written.

    Args:
        definition: the form.
        values: field id -> value, every field of the form.
        writer: whose hand and habits.
        rng: source of chance.
        mistakes: what the officers get wrong, each at one number; ``sum_broken`` is left out where no sum is printed.
    """
    ordered = definition.numbers
    summed = [n for n in ordered if any(n.field in r.fields for r in definition.rules if r.kind == "sum")]
    wrong = {kind: summed if kind == "sum_broken" else ordered for kind in mistakes}
    done = tuple((kind, some[int(rng.integers(len(some)))].field) for kind, some in wrong.items() if some)
    figures = dict(values)
    for kind, field in done:
        if kind == "sum_broken":
            figures[field] += 10 if figures[field] % 100 < 90 else -10
    written = {}
    for number in ordered:
        kinds = {kind for kind, field in done if field == number.field}
        written[number.field] = _written(number, figures[number.field], writer, kinds, rng)
    place = {label: names[int(rng.integers(len(names)))] for label, names in PLACES.items()}
    place["Nomor TPS"] = f"{int(rng.integers(1, 40)):03d}"
    return Station(place, writer, written, done)


def fill_page(picture: Grey, px_per_mm: float, page: Page, station: Station, rng: np.random.Generator) -> None:
    """Writes a station's numbers onto a drawn page, in place.

    Args:
        picture: shape (h, w, 3), uint8, BGR, the blank page at ``px_per_mm``.
        px_per_mm: scale of the picture.
        page: the page's definition.
        station: what to write.
        rng: source of chance.
    """
    writer = _with_pen_for(page, station.writer)

    def ink(strokes: list[Stroke], by: Writer = writer) -> None:
        lay_ink(picture, px_per_mm, strokes, by.ink_bgr)

    for number in page.numbers:
        _fill_number(ink, number, station.numbers[number.field], writer, rng)
    for label, blank in header_blanks(page).items():
        ink(hand.write_words(writer, station.place[label], blank, 7.0, rng))
    for area in signature_areas(page):
        if rng.random() < 0.92:
            signer = hand.random_writer(rng)
            ink(hand.write_signature(signer, area, rng), signer)


def _with_pen_for(page: Page, writer: Writer) -> Writer:
    """The writer with a pen as much thicker as the page's boxes are larger than those of the wall sheets of 2024."""
    sides = [min(box.w_mm, box.h_mm) for number in page.numbers for box in number.boxes]
    return replace(writer, width_mm=writer.width_mm * max(1.0, float(np.median(sides)) / USUAL_BOX_MM))


def written_value(as_written: str) -> int | None:
    """What the boxes mean, by the reading contract.

    Args:
        as_written: one character a box: ``0-9``, ``X``, ``-``, ``_``.

    Returns:
        The value; 0 for ``X`` or ``-`` in all boxes; ``None`` when all boxes are empty or a filler follows a digit.
    """
    body = as_written.lstrip("X-_")
    if not body:
        return None if set(as_written) <= {"_"} else 0
    return int(body) if body.isdigit() else None


def signature_areas(page: Page) -> list[Box]:
    """Cells to sign in: those whose only printed words are a number and a full stop, or the empty cell below one.

    A numbered row of figures looks alike: cells that hold a number of the form or are too small to sign are left out.
    """
    found = []
    for text in page.texts:
        if re.fullmatch(r"\d+\.", text.text):
            cell = cell_around(page, (text.x_mm, text.y_mm - 1))
            if cell is None or len(_texts_in(page, cell)) > 1:
                continue
            below = cell_around(page, (text.x_mm, cell.y_mm + cell.h_mm + 2))
            empty = below is not None and abs(below.w_mm - cell.w_mm) < 1 and not _texts_in(page, below)
            chosen = below if empty and below is not None else cell
            small = any(
                side < least for side, least in zip((chosen.w_mm, chosen.h_mm), SMALLEST_SIGNATURE_MM, strict=True)
            )
            if not small and not any(chosen.overlaps(part) for n in page.numbers for part in _parts(n)):
                found.append(Box(chosen.x_mm + 6, chosen.y_mm + 2, chosen.w_mm - 8, chosen.h_mm - 4))
    return found


def cell_around(page: Page, point_page: tuple[float, float]) -> Box | None:
    """The rectangle of printed rules around a point, page mm; ``None`` where a side has no rule."""
    x, y = point_page
    h = [r.at_mm for r in page.rules if r.axis == "h" and r.from_mm <= x <= r.to_mm]
    v = [r.at_mm for r in page.rules if r.axis == "v" and r.from_mm <= y <= r.to_mm]
    sides = [[a for a in v if a < x], [a for a in h if a < y], [a for a in v if a > x], [a for a in h if a > y]]
    if not all(sides):
        return None
    left, top, right, bottom = max(sides[0]), max(sides[1]), min(sides[2]), min(sides[3])
    return Box(left, top, right - left, bottom - top)


def _texts_in(page: Page, area: Box) -> list[str]:
    right, bottom = area.x_mm + area.w_mm, area.y_mm + area.h_mm
    return [t.text for t in page.texts if area.x_mm <= t.x_mm <= right and area.y_mm <= t.y_mm <= bottom]


def _parts(number: Number) -> list[Box]:
    """The areas in which a number is written."""
    grids = [grid for grid in (number.tally, number.row_totals) if grid is not None]
    words = [] if number.words is None else [number.words]
    return [number.area_mm, *map(_grid_area, grids), *words]


def _grid_area(grid: Grid) -> Box:
    return Box(grid.x_mm[0], grid.y_mm[0], grid.x_mm[-1] - grid.x_mm[0], grid.y_mm[-1] - grid.y_mm[0])


def _written(
    number: Number, value: int, writer: Writer, kinds: Collection[Mistake], rng: np.random.Generator
) -> Written:
    boxes = len(number.boxes)
    if "left_empty" in kinds:
        blank = "_" * boxes
        return Written(
            number.field,
            None,
            blank,
            blank if number.bubbles else None,
            0 if number.tally else None,
            () if number.row_totals else None,
        )
    text = _boxes_text(value, boxes, writer, rng)
    crossed = None
    if "crossed_out" in kinds:
        box = boxes - 1
        crossed = (box, str((int(text[box]) + int(rng.integers(1, 10))) % 10 if text[box].isdigit() else 8))
    bubbles = _bubbles_text(text, value, writer, rng) if number.bubbles else None
    totals = _row_totals(number, value, writer) if number.row_totals and number.tally else None
    tally = None if number.tally is None else min(value, capacity(number))
    return Written(number.field, value, text, bubbles, tally, totals, crossed)


def _boxes_text(value: int, boxes: int, writer: Writer, rng: np.random.Generator) -> str:
    digits = str(value)
    if value == 0 and writer.filler in "X-" and rng.random() < 0.5:
        return writer.filler * boxes
    return digits.rjust(boxes, writer.filler)


def _bubbles_text(text: str, value: int, writer: Writer, rng: np.random.Generator) -> str:
    # Counted on real photos of 2024: under a leading X the 0 is blackened in about four of five cases.
    habit = {"0": 1.0, "_": 0.15}.get(writer.filler, 0.8)
    lead = "0" if rng.random() < habit else "_"
    marks = [c if c.isdigit() else lead for c in text]
    # A zero written as X in every box still needs its last bubble.
    if value == 0:
        marks[-1] = "0"
    return "".join(marks)


def _row_totals(number: Number, value: int, writer: Writer) -> tuple[str, ...]:
    assert number.tally is not None
    assert number.row_totals is not None
    per_row = 5 * (len(number.tally.x_mm) - 1)
    rows = min(len(grid.y_mm) for grid in (number.tally, number.row_totals)) - 1
    width = len(number.row_totals.x_mm) - 1
    totals = [min(per_row, value - per_row * n) for n in range(rows) if value > per_row * n]
    return tuple(str(total).rjust(width, writer.filler) for total in totals)


def _fill_number(ink: InkPen, number: Number, written: Written, writer: Writer, rng: np.random.Generator) -> None:
    for n, (symbol, box) in enumerate(zip(written.as_written, number.boxes, strict=True)):
        if written.crossed is not None and written.crossed[0] == n:
            ink(hand.write_symbol(writer, written.crossed[1], box, number.guide, rng))
            ink(hand.strike_out(writer, box, rng))
            # Officers write the right digit small beside the wrong one.
            box = Box(box.x_mm + box.w_mm * 0.6, box.y_mm + box.h_mm * 0.02, box.w_mm * 0.42, box.h_mm * 0.45)
        ink(hand.write_symbol(writer, symbol, box, number.guide, rng))
    if number.bubbles is not None and written.bubbles is not None:
        for mark, x in zip(written.bubbles, number.bubbles.x_mm, strict=True):
            if mark != "_":
                ink(hand.fill_bubble(writer, (x, number.bubbles.y_mm[int(mark)]), number.bubbles.diameter_mm, rng))
    if number.tally is not None and written.tally is not None:
        _fill_tally(ink, number.tally, written.tally, writer, rng)
    if number.row_totals is not None and written.row_totals is not None:
        _fill_row_totals(ink, number.row_totals, written.row_totals, writer, rng)
    if number.words is not None and written.value is not None and rng.random() < 0.92:
        words = number_words_id(written.value)
        ink(hand.write_words(writer, words, number.words, min(number.words.h_mm * 0.42, LARGEST_CAPITAL_MM), rng))


def _fill_tally(ink: InkPen, grid: Grid, count: int, writer: Writer, rng: np.random.Generator) -> None:
    columns, rows = len(grid.x_mm) - 1, len(grid.y_mm) - 1
    left = min(count, 5 * columns * rows)
    cell = 0
    while left > 0:
        row, column = divmod(cell, columns)
        ink(hand.write_tally(writer, min(left, 5), grid_cell(grid, row, column), rng))
        left, cell = left - 5, cell + 1
    if cell < columns * rows and count > 0:
        row, column = divmod(cell, columns)
        first = grid_cell(grid, row, column)
        # Inside the outer cells: the strike leaves the grid's own rules alone.
        inset = min(4.0, first.h_mm * 0.3)
        bottom = grid.y_mm[-1] - inset
        area = Box(grid.x_mm[0] + 4, first.y_mm + inset, grid.x_mm[-1] - grid.x_mm[0] - 8, bottom - first.y_mm - inset)
        ink(hand.write_cancel(writer, (first.x_mm + 3, first.y_mm + first.h_mm / 2), area, rng))


def _fill_row_totals(
    ink: InkPen, grid: Grid, totals: tuple[str, ...], writer: Writer, rng: np.random.Generator
) -> None:
    cells = len(grid.x_mm) - 1
    for row, text in enumerate(totals):
        if cells == 1 or len(text) > cells:
            # One cell for the whole total, as on the older forms.
            ink(hand.write_words(writer, text, _row_of(grid, row), grid.y_mm[row + 1] - grid.y_mm[row], rng))
            continue
        for column, symbol in enumerate(text):
            ink(hand.write_symbol(writer, symbol, grid_cell(grid, row, column), False, rng))
    if totals and len(totals) < len(grid.y_mm) - 1 and writer.cancel == "z":
        top, bottom = grid.y_mm[len(totals)] + 2, grid.y_mm[-1] - 2
        area = Box(grid.x_mm[0] + 2, top, grid.x_mm[-1] - grid.x_mm[0] - 4, bottom - top)
        ink(hand.write_cancel(writer, (area.x_mm, top), area, rng))


def _row_of(grid: Grid, row: int) -> Box:
    first, last = grid_cell(grid, row, 0), grid_cell(grid, row, len(grid.x_mm) - 2)
    return Box(first.x_mm, first.y_mm, last.x_mm + last.w_mm - first.x_mm, first.h_mm)


def grid_cell(grid: Grid, row: int, column: int) -> Box:
    """One cell of a grid by row and column from the top-left."""
    x, y = grid.x_mm[column], grid.y_mm[row]
    return Box(x, y, grid.x_mm[column + 1] - x, grid.y_mm[row + 1] - y)
