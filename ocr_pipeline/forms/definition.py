"""What a form looks like and which arithmetic it must obey, as checked values.

A definition is one TOML file (see ``library/``); :func:`~ocr_pipeline.forms.loading.parse_definition` turns it into
:class:`FormDefinition` or raises one :class:`~ocr_pipeline.errors.DefinitionError` that lists every mistake. All
lengths are millimetres in the *page* frame: origin at the top-left corner of the printed page, x right, y down.
Nothing here knows about pictures.

A sheet of A4 and a wall sheet are photographed to fill the frame alike, so one set of constants serves both once their
pages are equally large: a loaded definition's pages are enlarged until the longer side measures :data:`LONG_SIDE_MM`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal

from ocr_pipeline.forms.rules import ArithmeticRule

Axis = Literal["h", "v"]
Anchor = Literal["l", "m", "r"]

LONG_SIDE_MM = 900.0
"""Longer side of every loaded page: that of the wall sheets of 2024, on which every constant in mm was measured."""


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle; for digit boxes the edges are the centre lines of the printed rules."""

    x_mm: float
    y_mm: float
    w_mm: float
    h_mm: float

    @property
    def centre_mm(self) -> tuple[float, float]:
        """Centre (x, y)."""
        return self.x_mm + self.w_mm / 2, self.y_mm + self.h_mm / 2

    @property
    def corners_mm(self) -> tuple[tuple[float, float], ...]:
        """Corners (x, y), clockwise from the top-left."""
        x1, y1 = self.x_mm + self.w_mm, self.y_mm + self.h_mm
        return (self.x_mm, self.y_mm), (x1, self.y_mm), (x1, y1), (self.x_mm, y1)

    def overlaps(self, other: "Box") -> bool:
        """Whether the two rectangles share area."""
        apart_x = self.x_mm + self.w_mm <= other.x_mm or other.x_mm + other.w_mm <= self.x_mm
        apart_y = self.y_mm + self.h_mm <= other.y_mm or other.y_mm + other.h_mm <= self.y_mm
        return not (apart_x or apart_y)


@dataclass(frozen=True, slots=True)
class Rule:
    """A printed ruled line: at ``at_mm`` across ``axis``, from ``from_mm`` to ``to_mm`` along it; grey 0 is black."""

    axis: Axis
    at_mm: float
    from_mm: float
    to_mm: float
    width_mm: float
    grey: int


@dataclass(frozen=True, slots=True)
class Text:
    """Printed words, used for drawing only: ``size_mm`` is the font size, ``anchor`` left, middle or right of x."""

    text: str
    x_mm: float
    y_mm: float
    size_mm: float
    bold: bool
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class Tag:
    """A printed AprilTag; ``quad_mm`` are its corners in the order in which the detector gives them."""

    family: str
    id: int
    quad_mm: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A 2 x 2 checker corner mark: top-left and bottom-right quarters black."""

    x_mm: float
    y_mm: float
    size_mm: float


@dataclass(frozen=True, slots=True)
class Fill:
    """An area printed full, where nothing is to be written; grey 0 is black."""

    area: Box
    grey: int


@dataclass(frozen=True, slots=True)
class Bubbles:
    """Ten bubbles under each box: ``x_mm`` the centre of each column, ``y_mm`` the centres of digits 0-9."""

    x_mm: tuple[float, ...]
    y_mm: tuple[float, ...]
    diameter_mm: float


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid of cells given by its column edges and row edges: tally cells, or the boxes of the row totals."""

    x_mm: tuple[float, ...]
    y_mm: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """One number of the form.

    Attributes:
        field: field id, unique in the form.
        label_id: what it is, in Indonesian.
        label_en: the same in English.
        boxes: its digit boxes from left to right.
        guide: the boxes carry a dotted writing guide.
        bubbles: bubbles under the boxes, one column a box, or ``None``.
        tally: the tally grid (turus), or ``None``.
        row_totals: the boxes beside the tally rows ("jumlah tiap baris"), or ``None``.
        words: where the number is written in words, or ``None``.
        review_order: place in the reviewer's list, from 1.
        excel_column: header of its column in a workbook.
    """

    field: str
    label_id: str
    label_en: str
    boxes: tuple[Box, ...]
    guide: bool
    bubbles: Bubbles | None
    tally: Grid | None
    row_totals: Grid | None
    words: Box | None
    review_order: int
    excel_column: str

    @property
    def largest(self) -> int:
        """The largest value the boxes can hold."""
        return int(10 ** len(self.boxes) - 1)

    @property
    def area_mm(self) -> Box:
        """The rectangle around all digit boxes."""
        first, last = self.boxes[0], self.boxes[-1]
        top = min(b.y_mm for b in self.boxes)
        bottom = max(b.y_mm + b.h_mm for b in self.boxes)
        return Box(first.x_mm, top, last.x_mm + last.w_mm - first.x_mm, bottom - top)


@dataclass(frozen=True, slots=True)
class Page:
    """One printed page; ``measured``: real photos of it have been measured (else its numbers go to a person)."""

    page: int
    title_id: str
    title_en: str
    size_mm: tuple[float, float]
    measured: bool
    tag: Tag | None
    marks: tuple[Mark, ...]
    rules: tuple[Rule, ...]
    texts: tuple[Text, ...]
    numbers: tuple[Number, ...]
    fills: tuple[Fill, ...] = ()

    @property
    def box_rules(self) -> tuple[Rule, ...]:
        """The printed edges of all digit boxes as rules."""
        found: list[Rule] = []
        for number in self.numbers:
            for b in number.boxes:
                x1, y1 = b.x_mm + b.w_mm, b.y_mm + b.h_mm
                found += [Rule("h", y, b.x_mm, x1, BOX_RULE_MM, 28) for y in (b.y_mm, y1)]
                found += [Rule("v", x, b.y_mm, y1, BOX_RULE_MM, 28) for x in (b.x_mm, x1)]
        return tuple(found)

    def enlarged(self) -> "Page":
        """The page with all its lengths multiplied until its longer side is :data:`LONG_SIDE_MM`."""
        factor = LONG_SIDE_MM / max(self.size_mm)
        return self if factor == 1 else _times(self, factor)


def _times(value: Any, factor: float, *, is_length: bool = False) -> Any:
    """A value with every number multiplied that belongs to an attribute whose name ends in ``_mm``."""
    if isinstance(value, tuple):
        return tuple(_times(item, factor, is_length=is_length) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: getattr(value, f.name) for f in fields(value)}
        return replace(value, **{n: _times(v, factor, is_length=n.endswith("_mm")) for n, v in parts.items()})
    return value * factor if is_length else value


BOX_RULE_MM = 1.2
"""Width of the printed edge of a digit box (measured on the 2024 vector form; the others are close to it)."""


@dataclass(frozen=True, slots=True)
class FormDefinition:
    """A whole form: its pages and the arithmetic over all of their numbers."""

    id: str
    rev: int
    title_id: str
    title_en: str
    pages: tuple[Page, ...]
    rules: tuple[ArithmeticRule, ...]

    def page(self, page: int) -> Page:
        """The page with that printed number.

        Raises:
            KeyError: the form has no such page.
        """
        for candidate in self.pages:
            if candidate.page == page:
                return candidate
        raise KeyError(page)

    @property
    def numbers(self) -> tuple[Number, ...]:
        """All numbers in page order."""
        return tuple(n for p in self.pages for n in p.numbers)

    def number(self, field: str) -> Number:
        """The number with that field id.

        Raises:
            KeyError: the form has no such field.
        """
        for candidate in self.numbers:
            if candidate.field == field:
                return candidate
        raise KeyError(field)

    def rules_within(self, fields: Collection[str]) -> tuple[ArithmeticRule, ...]:
        """The rules whose every number is among ``fields``."""
        return tuple(r for r in self.rules if set(r.fields) <= set(fields))

    @property
    def measured_fields(self) -> frozenset[str]:
        """Fields on pages of which real photos have been measured."""
        return frozenset(n.field for p in self.pages if p.measured for n in p.numbers)

    @property
    def tags(self) -> Mapping[tuple[str, int], int]:
        """(family, id) of each printed tag -> page number."""
        return {(p.tag.family, p.tag.id): p.page for p in self.pages if p.tag is not None}
