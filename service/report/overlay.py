"""A picture of what was read where: the photo with the page's outline, the boxes of each number and their values.

Green and solid: accepted. Amber and dashed: a person should look. The line's kind says it too, for those who cannot
tell the colours apart or print in grey.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.forms.definition import Bubbles, Number, Page
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.imaging.cv import Pixels
from ocr_pipeline.registration.page_map import PageMap
from ocr_pipeline.values import Decision, Floats, NumberEvidence, NumberRead, PageRead
from service.report.pictures import colour_photo
from service.report.words import DECISION, OUTCOME, page_of, photo_title, reason_words

if TYPE_CHECKING:
    from ocr_pipeline.reader import PageResult

Colour = tuple[int, int, int]

LONGEST_PX: Final = 2000
GREEN: Final[Colour] = (0, 122, 61)
AMBER: Final[Colour] = (201, 92, 0)
RED: Final[Colour] = (178, 24, 24)
BLUE: Final[Colour] = (20, 80, 200)
WHITE: Final[Colour] = (255, 255, 255)
INK: Final[Colour] = (20, 20, 20)
COLOURS: Final = {"accepted": GREEN, "review": AMBER, "rejected": RED}

VIEW_MARGIN: Final = 0.04
"""Shown around the page, as a share of its longer side: a table beside the sheet only makes the writing smaller."""

LABEL_SIZES: Final = (0.75, 0.6, 0.48)
"""Sizes of a label that are tried, as shares of the height of its boxes."""

EDGE_POINTS: Final = 24
"""Points along each edge of the page's outline: a curled sheet has curved edges."""


def save_overlays(results: "Sequence[PageResult]", stem: Path) -> list[Path]:
    """Writes the overlay picture of each page of one file.

    Args:
        results: the file's pages; those whose photo cannot be decoded get no picture.
        stem: path without suffix: ``out/hal2`` gives ``out/hal2.jpg``, or ``out/hal2.halaman-1.jpg`` ... for several.

    Returns:
        The files written.
    """
    written = []
    for k, result in enumerate(results, 1):
        try:
            photo = colour_photo(result.read.photo)
        except PhotoRejected:
            continue
        name = f"{stem.name}.jpg" if len(results) == 1 else f"{stem.name}.halaman-{k}.jpg"
        draw_overlay(photo, result).save(stem.parent / name, quality=85)
        written.append(stem.parent / name)
    return written


def draw_overlay(photo: Pixels, result: "PageResult") -> Image.Image:
    """Draws a reading on its photo.

    Args:
        photo: shape (height, width, 3), uint8, blue-green-red, photo frame.
        result: its reading.

    Returns:
        The picture, its longest side :data:`LONGEST_PX` plus a strip with the legend below.
    """
    read, page = result.read, _page(result.read)
    page_map = None if result.fit is None else result.fit.page_map
    sheet = _Sheet(photo, _view(photo, page_map, page))
    if page_map is not None and page is not None:
        sheet.outline(page_map, page)
        for number in page.numbers:
            evidence = result.evidence.get(number.field)
            if evidence is not None and evidence.bubble_marks:
                sheet.bubbles(page_map, number, evidence)
    for n in read.numbers.values():
        sheet.quad(n.quad_photo, COLOURS[n.decision], dashed=n.decision == "review")
        if n.words_quad_photo is not None:
            sheet.words(n.words_quad_photo, COLOURS[n.decision])
    for n in read.numbers.values():
        sheet.label(n.quad_photo, _value_label(n), COLOURS[n.decision])
    return _with_legend(sheet.picture, read)


def draw_definition(photo: Pixels, page_map: PageMap, page: Page) -> Image.Image:
    """Draws everything a definition says is printed on a page where its map puts it, for whoever writes definitions.

    Args:
        photo: shape (height, width, 3), uint8, blue-green-red, photo frame.
        page_map: where the page lies in the photo.
        page: the definition's page.
    """
    sheet = _Sheet(photo, _view(photo, page_map, page))
    sheet.outline(page_map, page)
    for rule in page.rules:
        ends = [(rule.from_mm, rule.at_mm), (rule.to_mm, rule.at_mm)]
        sheet.path(page_map, ends if rule.axis == "h" else [(y, x) for x, y in ends], BLUE, 1)
    if page.tag is not None:
        sheet.path(page_map, [*page.tag.quad_mm, page.tag.quad_mm[0]], RED, 3)
    for mark in page.marks:
        sheet.path(page_map, _corners(mark.x_mm, mark.y_mm, mark.size_mm, mark.size_mm), RED, 3)
    for number in page.numbers:
        for box in number.boxes:
            sheet.path(page_map, _corners(box.x_mm, box.y_mm, box.w_mm, box.h_mm), GREEN, 2)
        if number.bubbles is not None:
            sheet.rings(page_map, number.bubbles)
        for grid in (number.tally, number.row_totals):
            if grid is not None:
                x, y = grid.x_mm[0], grid.y_mm[0]
                sheet.path(page_map, _corners(x, y, grid.x_mm[-1] - x, grid.y_mm[-1] - y), AMBER, 2)
        if number.words is not None:
            w = number.words
            sheet.path(page_map, _corners(w.x_mm, w.y_mm, w.w_mm, w.h_mm), AMBER, 2)
        sheet.name(page_map.to_photo(_area_corners(number)), number.field)
    return sheet.picture


_View = tuple[int, int, int, int]
"""Left, top, right and bottom of the part of the photo that is drawn, photo px."""


def _view(photo: Pixels, page_map: PageMap | None, page: Page | None) -> _View:
    """The page and a margin for the labels; the whole photo where no page was found."""
    height, width = photo.shape[:2]
    if page_map is None or page is None:
        return 0, 0, width, height
    edges = _edges_photo(page_map, page)
    low, high = edges.min(axis=0), edges.max(axis=0)
    margin = VIEW_MARGIN * float((high - low).max())
    x0, y0 = (int(v) for v in np.clip(low - margin, 0, (width - 1, height - 1)))
    x1, y1 = (int(v) for v in np.clip(high + margin, (x0 + 1, y0 + 1), (width, height)))
    return x0, y0, x1, y1


def _edges_photo(page_map: PageMap, page: Page) -> Floats:
    """Points along the page's edges, shape (4 * EDGE_POINTS, 2), photo px."""
    width, height = page.size_mm
    along = np.linspace(0, 1, EDGE_POINTS)[:, None]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height], [0, 0]], np.float64)
    return page_map.to_photo(np.concatenate([a + (b - a) * along for a, b in pairwise(corners)]))


def _area_corners(number: Number) -> Floats:
    """Corners of a number's boxes, shape (4, 2), page mm, clockwise from the top-left."""
    area = number.area_mm
    return np.array(_corners(area.x_mm, area.y_mm, area.w_mm, area.h_mm)[:4])


def _corners(x: float, y: float, w: float, h: float) -> list[tuple[float, float]]:
    """A closed rectangle, clockwise from the top-left."""
    return [(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)]


def _page(read: PageRead) -> Page | None:
    return None if read.form is None else page_of(read, load_form(read.form))


def _value_label(n: NumberRead) -> str:
    """What is written and what it means, "X92 = 92", or only "227" where both are the same.

    A "!" stands before what a person should look at. Plain characters only: Pillow's own font has few others.
    """
    empty = "kosong" if set(n.as_written) == {"_"} else "?"
    value = empty if n.value is None else str(n.value)
    text = value if value == n.as_written else f"{n.as_written} = {value}"
    return text if n.decision == "accepted" else f"! {text}"


class _Sheet:
    """The photo at drawing size; takes photo coordinates."""

    def __init__(self, photo: Pixels, view: _View) -> None:
        x0, y0, x1, y1 = view
        self._origin = np.array([x0, y0], np.float64)
        self._scale = LONGEST_PX / max(x1 - x0, y1 - y0)
        size = (max(round((x1 - x0) * self._scale), 1), max(round((y1 - y0) * self._scale), 1))
        rgb = Image.fromarray(np.ascontiguousarray(photo[y0:y1, x0:x1, ::-1]))
        self.picture = rgb.resize(size, Image.Resampling.LANCZOS if self._scale < 1 else Image.Resampling.BICUBIC)
        self._draw = ImageDraw.Draw(self.picture)
        self._taken: list[tuple[float, float, float, float]] = []

    def _place(self, points_photo: Floats) -> Floats:
        # (0, 0) is the centre of the first pixel in the photo frame, its corner in Pillow's.
        return (np.asarray(points_photo, np.float64) + 0.5 - self._origin) * self._scale

    def outline(self, page_map: PageMap, page: Page) -> None:
        """The page's edges, curl included."""
        self._line(self._place(_edges_photo(page_map, page)), BLUE, 3)

    def path(self, page_map: PageMap, points_mm: Sequence[tuple[float, float]], colour: Colour, width_px: int) -> None:
        """A line through points of the page."""
        ends = np.array(points_mm, np.float64)
        along = np.linspace(0, 1, 8)[:, None]
        pieces = [a + (b - a) * along for a, b in pairwise(ends)]
        points = self._place(page_map.to_photo(np.concatenate(pieces)))
        self._draw.line([(x, y) for x, y in points], colour, width_px)

    def rings(self, page_map: PageMap, bubbles: Bubbles) -> None:
        """Every bubble of a number."""
        for x in bubbles.x_mm:
            for y in bubbles.y_mm:
                self._ring(page_map, (x, y), bubbles.diameter_mm, AMBER)

    def bubbles(self, page_map: PageMap, number: Number, evidence: NumberEvidence) -> None:
        """A ring around each bubble that was read as filled, moved as far as the number's boxes were found off."""
        bubbles = number.bubbles
        if bubbles is None or not evidence.bubble_marks:
            return
        off_px = (evidence.quad_photo - page_map.to_photo(_area_corners(number))).mean(axis=0)
        for x, mark in zip(bubbles.x_mm, evidence.bubble_marks, strict=True):
            if mark.isdigit():
                self._ring(page_map, (x, bubbles.y_mm[int(mark)]), bubbles.diameter_mm * 1.25, BLUE, off_px)

    def _ring(
        self,
        page_map: PageMap,
        centre_mm: tuple[float, float],
        diameter_mm: float,
        colour: Colour,
        off_px: Floats | float = 0.0,
    ) -> None:
        angle = np.linspace(0, 2 * np.pi, 25)
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=1) * diameter_mm / 2 + centre_mm
        self._line(self._place(page_map.to_photo(circle) + off_px), colour, 3)

    def quad(self, quad_photo: Floats, colour: Colour, *, dashed: bool) -> None:
        """The outline of a number's boxes."""
        corners = self._place(quad_photo)
        # A little outside, so that the printed edge and strokes on it stay visible.
        centre = corners.mean(axis=0)
        away = corners - centre
        corners = corners + away / np.linalg.norm(away, axis=1, keepdims=True) * 5
        closed = np.concatenate([corners, corners[:1]])
        self._line(closed, colour, 4, dashed=dashed)
        self._taken.append((*corners.min(axis=0), *corners.max(axis=0)))

    def words(self, quad_photo: Floats, colour: Colour) -> None:
        """A thin outline of the line that says a number in words."""
        corners = self._place(quad_photo)
        self._draw.line([(x, y) for x, y in (*corners, corners[0])], colour, 2)

    def _line(self, points: Floats, colour: Colour, width_px: int, *, dashed: bool = False) -> None:
        self._draw.line([(x, y) for x, y in points], WHITE, width_px + 4, joint="curve")
        for piece in _dashes(points) if dashed else [points]:
            self._draw.line([(x, y) for x, y in piece], colour, width_px, joint="curve")

    def label(self, quad_photo: Floats, text: str, colour: Colour) -> None:
        """A value beside its boxes: to the right, left, below or above, wherever it hides no other number."""
        corners = self._place(quad_photo)
        x0, y0 = corners.min(axis=0)
        x1, y1 = corners.max(axis=0)
        box_height = float(np.hypot(*(corners[3] - corners[0])))
        for share in LABEL_SIZES:
            font = ImageFont.load_default(max(box_height * share, 13.0))
            left, top, right, bottom = self._draw.textbbox((0, 0), text, font=font)
            pad = (bottom - top) * 0.25
            w, h = right - left + 2 * pad, bottom - top + 2 * pad
            middle_x, middle_y = (x0 + x1 - w) / 2, (y0 + y1 - h) / 2
            spots = [(x1 + 9, middle_y), (x0 - w - 9, middle_y), (middle_x, y1 + 7), (middle_x, y0 - h - 7)]
            free = [spot for spot in spots if self._is_free(*spot, w, h)]
            if free:
                self._write(free[0], (w, h), (pad - left, pad - top), text, font, colour)
                return
        # Rows of numbers that leave no gap: on the lower edge of the boxes, where it hides least.
        self._write((middle_x, y1 - h / 3), (w, h), (pad - left, pad - top), text, font, colour)

    def name(self, quad_photo: Floats, text: str) -> None:
        """A field's name inside its own boxes, as large as they let it be."""
        corners = self._place(quad_photo)
        x0, y0 = corners.min(axis=0)
        x1, y1 = corners.max(axis=0)
        font = ImageFont.load_default(100.0)
        share = 0.9 * (x1 - x0) / max(self._draw.textlength(text, font), 1.0)
        font = ImageFont.load_default(float(np.clip(100 * share, 10.0, 0.4 * (y1 - y0) + 10)))
        left, top, right, bottom = self._draw.textbbox((0, 0), text, font=font)
        spot = ((x0 + x1 - right + left) / 2, (y0 + y1 - bottom + top) / 2)
        self._draw.rectangle((spot[0] - 2, spot[1] - 2, spot[0] + right - left + 2, spot[1] + bottom - top + 2), WHITE)
        self._draw.text((spot[0] - left, spot[1] - top), text, GREEN, font)

    def _is_free(self, x: float, y: float, w: float, h: float) -> bool:
        width, height = self.picture.size
        if x < 0 or y < 0 or x + w > width or y + h > height:
            return False
        return not any(x < right and left < x + w and y < low and top < y + h for left, top, right, low in self._taken)

    def _write(
        self,
        spot: tuple[float, float],
        size: tuple[float, float],
        inset: tuple[float, float],
        text: str,
        font: "ImageFont.FreeTypeFont | ImageFont.ImageFont",
        colour: Colour,
    ) -> None:
        (x, y), (w, h) = spot, size
        self._draw.rounded_rectangle((x, y, x + w, y + h), h / 5, WHITE, colour, 3)
        self._draw.text((x + inset[0], y + inset[1]), text, INK, font)
        self._taken.append((x, y, x + w, y + h))


def _dashes(points: Floats, dash_px: float = 22.0, gap_px: float = 14.0) -> Iterator[Floats]:
    """Pieces of a polyline."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    for start in np.arange(0.0, at[-1], dash_px + gap_px):
        inside = points[(at > start) & (at < start + dash_px)]
        ends = [[np.interp(s, at, points[:, 0]), np.interp(s, at, points[:, 1])] for s in (start, start + dash_px)]
        yield np.concatenate([ends[:1], inside, ends[1:]])


def _with_legend(picture: Image.Image, read: PageRead) -> Image.Image:
    """The picture with a strip below: the outcome, what the page is or why it was refused, what the lines mean."""
    width, height = picture.size
    font = ImageFont.load_default(max(width / 42, 14.0))
    line_px = round(max(width / 42, 14.0) * 1.45)
    outcome = OUTCOME[read.outcome]
    if read.reason is not None:
        words = reason_words(read.reason)
    else:
        words = photo_title(read, None if read.form is None else load_form(read.form))
    texts = [(f"{outcome.id} / {outcome.en}", COLOURS[read.outcome]), (words.id, INK), (words.en, INK)]
    rows = [(row, colour) for text, colour in texts for row in _wrapped(text, font, width - 2 * line_px)]
    keys: list[Decision] = ["accepted", "review"] if read.numbers else []
    whole = Image.new("RGB", (width, height + line_px * (len(rows) + len(keys) + 1)), WHITE)
    whole.paste(picture, (0, 0))
    draw = ImageDraw.Draw(whole)
    for k, (row, colour) in enumerate(rows):
        draw.text((line_px, height + line_px * (k + 0.4)), row, colour, font)
    for k, decision in enumerate(keys, len(rows)):
        y = height + line_px * (k + 0.4)
        line = np.array([[line_px, y + line_px * 0.45], [line_px * 4, y + line_px * 0.45]])
        for piece in _dashes(line) if decision == "review" else [line]:
            draw.line([(px, py) for px, py in piece], COLOURS[decision], 6)
        sign = "! " if decision == "review" else ""
        draw.text((line_px * 4.5, y), f"{sign}{DECISION[decision].id} / {DECISION[decision].en}", INK, font)
    return whole


def _wrapped(text: str, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont", width_px: float) -> list[str]:
    rows = [""]
    for word in text.split():
        longer = f"{rows[-1]} {word}".strip()
        if rows[-1] and font.getlength(longer) > width_px:
            rows.append(word)
        else:
            rows[-1] = longer
    return rows
