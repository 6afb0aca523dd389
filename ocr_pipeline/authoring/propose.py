"""The layout of a page as the text of a definition: complete, valid, and saying what a technician must fill in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ocr_pipeline.authoring.bars import Bar, find_bars
from ocr_pipeline.authoring.layout import FoundNumber, Layout, TallyGrid, find_layout
from ocr_pipeline.authoring.lines import Stroke
from ocr_pipeline.authoring.sheet import Sheet
from ocr_pipeline.forms.definition import Axis
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.tag import TagSighting, find_tags
from ocr_pipeline.values import Grey

_TAG_SPARE_PX = 8.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Everything found on one page.

    Attributes:
        sheet: the straightened page.
        layout: rules, numbers and grids, sheet px.
        bars: filled parts, sheet px.
        tag: the printed AprilTag, corners in sheet px, or ``None``.
    """

    sheet: Sheet
    layout: Layout
    bars: tuple[Bar, ...]
    tag: TagSighting | None


@dataclass(frozen=True, slots=True)
class Naming:
    """What the file cannot know: the form's id and title, the page's printed number, the first number's place."""

    form_id: str
    title: str
    page: int
    first: int = 1


def study(sheet: Sheet) -> Finding:
    """Looks for everything a definition can hold."""
    tags = find_tags(Pyramid(sheet.grey), known=())
    tag = tags[0] if len(tags) == 1 else None
    # A tag is made of lines and bars itself.
    grey = sheet.grey if tag is None else _without(sheet.grey, tag)
    return Finding(sheet, find_layout(grey), find_bars(grey), tag)


def _without(grey: Grey, tag: TagSighting) -> Grey:
    """The page with paper in place of its tag."""
    low = np.floor(tag.corners_photo.min(0) - _TAG_SPARE_PX).astype(int)
    high = np.ceil(tag.corners_photo.max(0) + _TAG_SPARE_PX).astype(int)
    bare = grey.copy()
    bare[max(low[1], 0) : high[1], max(low[0], 0) : high[0]] = int(np.quantile(grey[::4, ::4], 0.9))
    return bare


def form_text(naming: Naming, pages: Iterable[str]) -> str:
    """The definition's text from those of its pages."""
    title = _quoted(naming.title)
    head = [
        f"# {naming.form_id}: usulan dari `turus form new`; lihat docs/forms.md.",
        f"# {naming.form_id}: proposed by `turus form new`; see docs/forms.md.",
        "# Semua panjang dalam milimeter dari sudut kiri atas kertas. / All lengths are mm from the paper's top-left.",
        "# Lengkapi setiap ISI. / Complete every FILL IN.",
        "",
        f"id = {_quoted(naming.form_id)}",
        "# Naikkan setiap kali ada yang berubah. / Raise it whenever anything changes.",
        "rev = 1",
        f"title = {{ id = {title}, en = {title} }}",
    ]
    foot = [
        "# ISI aturan hitungan. / FILL IN the arithmetic. For example:",
        "# [[rules]]",
        '# id = "jumlah_suara"',
        '# code = "E5"',
        '# kind = "sum"',
        '# severity = "error"',
        '# terms = ["angka_1", "angka_2"]',
        '# total = "angka_3"',
    ]
    return "\n".join([*head, "", *pages, *foot]) + "\n"


def page_text(naming: Naming, finding: Finding) -> str:
    """One page's part of a definition."""
    return "\n".join(_page_lines(naming, finding)) + "\n"


def _page_lines(naming: Naming, finding: Finding) -> Iterator[str]:
    mm = _Millimetres(finding.sheet)
    width, height = finding.sheet.size_mm
    yield "[[pages]]"
    yield f"page = {naming.page}"
    yield f'title = {{ id = "ISI: halaman {naming.page}", en = "FILL IN: page {naming.page}" }}'
    yield f"size_mm = [{_number(width)}, {_number(height)}]"
    yield "# true hanya setelah foto asli halaman ini diukur (`turus eval`): sebelum itu setiap angka diperiksa orang."
    yield "# true only once real photos of this page were measured (`turus eval`): until then people see every number."
    yield "measured = false"
    if finding.tag is not None:
        corners = ", ".join(f"[{mm.x(x)}, {mm.y(y)}]" for x, y in finding.tag.corners_photo)
        yield f'tag = {{ family = "36h10", id = {finding.tag.id}, quad_mm = [{corners}] }}'
    for row in finding.layout.unsure:
        first, last = row[0], row[-1]
        yield (
            f"# {len(row)} kotak sebaris, mungkin beberapa angka / {len(row)} boxes in a row, perhaps several numbers: "
            f"x {mm.x(first.x0)} to {mm.x(last.x1)}, y {mm.y(first.y0)} to {mm.y(first.y1)}"
        )
    for grid in finding.layout.loose_tallies:
        yield f"# kisi turus tanpa angka / tally grid without a number: {_grid(grid, mm)}"
    yield from _rule_lines("h", finding.layout.rules, mm)
    yield from _rule_lines("v", finding.layout.rules, mm)
    if finding.bars:
        yield "# x, y, width, height, grey"
        yield f"fills = [{', '.join(_fill(bar, mm) for bar in finding.bars)}]"
    for i, number in enumerate(finding.layout.numbers, naming.first):
        yield ""
        yield from _number_lines(i, number, mm)


def _rule_lines(axis: Axis, rules: Iterable[Stroke], mm: "_Millimetres") -> Iterator[str]:
    at, along = ("y", "x") if axis == "h" else ("x", "y")
    yield f"# at {at}, from {along}, to {along}, width, grey (0 black)"
    yield f"{axis}_rules = ["
    for s in sorted((s for s in rules if s.axis == axis), key=lambda s: (s.at, s.start)):
        place, ends = (mm.y, mm.x) if axis == "h" else (mm.x, mm.y)
        width = _number(s.width_px * mm.per_px)
        yield f"  [{place(s.at)}, {ends(s.start)}, {ends(s.end)}, {width}, {max(s.grey, 0)}],"
    yield "]"


def _number_lines(i: int, number: FoundNumber, mm: "_Millimetres") -> Iterator[str]:
    boxes, first = number.boxes, number.boxes[0]
    width, height = _number(first.width * mm.per_px_x), _number(first.height * mm.per_px_y)
    yield "[[pages.numbers]]"
    yield f'field = "angka_{i}"'
    yield f'label = {{ id = "ISI: angka {i}", en = "FILL IN: number {i}" }}'
    lefts = ", ".join(mm.x(c.x0) for c in boxes)
    yield f"boxes = {{ x = [{lefts}], y = {mm.y(first.y0)}, size = [{width}, {height}] }}"
    if number.bubbles is not None:
        b = number.bubbles
        x = ", ".join(mm.x(v) for v in b.x)
        pitch, diameter = _number(b.pitch * mm.per_px_y, 3), _number(b.diameter * mm.per_px_x)
        yield f"bubbles = {{ x = [{x}], y0 = {mm.y(b.y0)}, pitch = {pitch}, diameter = {diameter} }}"
    if number.tally is not None:
        yield f"tally = {_grid(number.tally, mm)}"
    if number.row_totals is not None:
        yield f"row_totals = {_grid(number.row_totals, mm)}"
    yield f"review_order = {i}"
    yield f'excel_column = "Angka {i}"'


def _grid(grid: TallyGrid, mm: "_Millimetres") -> str:
    return f"{{ x = [{', '.join(map(mm.x, grid.x))}], y = [{', '.join(map(mm.y, grid.y))}] }}"


def _fill(bar: Bar, mm: "_Millimetres") -> str:
    x0, y0, x1, y1 = mm.x(bar.area.x0), mm.y(bar.area.y0), mm.x(bar.area.x1), mm.y(bar.area.y1)
    # A bar may end at the edge of the paper: width and height are those of the rounded edges.
    return f"[{x0}, {y0}, {_number(float(x1) - float(x0))}, {_number(float(y1) - float(y0))}, {bar.grey}]"


def _number(value: float, digits: int = 2) -> str:
    return f"{round(value, digits):g}"


def _quoted(text: str) -> str:
    """A TOML basic string."""
    plain = "".join(c for c in text if c.isprintable())
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Millimetres:
    """Sheet px as text in millimetres of the paper; (0, 0) px is the centre of the first pixel."""

    def __init__(self, sheet: Sheet) -> None:
        sx, sy = sheet.px_per_mm
        self._size_mm = sheet.size_mm
        self.per_px_x, self.per_px_y = 1 / sx, 1 / sy
        self.per_px = (self.per_px_x + self.per_px_y) / 2

    def x(self, px: float) -> str:
        return _number(min(max((px + 0.5) * self.per_px_x, 0.0), self._size_mm[0]))

    def y(self, px: float) -> str:
        return _number(min(max((px + 0.5) * self.per_px_y, 0.0), self._size_mm[1]))
