"""Draws the blank page of a form definition: the project carries no picture of an official form, it draws its own.

Pictures here are uint8 BGR; the centre of pixel (0, 0) lies at ``0.5 / px_per_mm`` mm, so that a picture of W x H mm
has exactly ``W * px_per_mm`` columns.
"""

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocr_pipeline.forms.definition import BOX_RULE_MM, Box, Bubbles, Mark, Page, Rule, Tag, Text
from ocr_pipeline.synthesis.ink import OVERSAMPLE
from ocr_pipeline.values import Floats, Grey

INK_GREY = 28
"""Printed black, as on the official vector form (a rich black that photographs as dark grey)."""

GUIDE_GREY = 200
GUIDE_COLUMNS = (0.285, 0.5, 0.715)
GUIDE_ROWS = tuple(np.linspace(0.165, 0.835, 9).tolist())
GUIDE_DOT_MM = 0.75
RING_MM = 0.4

HEADER_LABELS = {
    "Provinsi": ("provinsi",),
    "Kabupaten / Kota": ("kabupaten",),
    "Kecamatan": ("kecamatan",),
    "Kelurahan / Desa": ("kelurahan", "desa"),
    "Nomor TPS": ("nomor tps", "tempat pemungutan suara"),
}
"""What is asked in a form's header -> how its printed label begins, in small letters."""

HEADER_BLANK_MM = 105.0

TAG_DICTIONARIES = {
    "16h5": cv2.aruco.DICT_APRILTAG_16H5,
    "25h9": cv2.aruco.DICT_APRILTAG_25H9,
    "36h10": cv2.aruco.DICT_APRILTAG_36H10,
    "36h11": cv2.aruco.DICT_APRILTAG_36H11,
}


def draw_page(page: Page, px_per_mm: float) -> Grey:
    """The blank page, as printed.

    Args:
        page: a page of a form definition.
        px_per_mm: scale of the picture, above 0.

    Returns:
        Shape (height, width, 3), uint8, BGR, white paper.
    """
    width, height = (round(side * px_per_mm) for side in page.size_mm)
    picture = np.full((height, width, 3), 255, np.uint8)
    for fill in page.fills:
        (left, top), (right, bottom) = fill.area.corners_mm[0], fill.area.corners_mm[2]
        fill_rectangle(picture, px_per_mm, (left, top, right, bottom), fill.grey)
    for rule in page.rules:
        _draw_rule(picture, px_per_mm, rule)
    # The edges of a box are centre lines: half a rule more at both ends closes its corners.
    for edge in page.box_rules:
        reach = edge.width_mm / 2
        _draw_rule(picture, px_per_mm, replace(edge, from_mm=edge.from_mm - reach, to_mm=edge.to_mm + reach))
    for mark in page.marks:
        _draw_mark(picture, px_per_mm, mark)
    if page.tag is not None:
        _draw_tag(picture, px_per_mm, page.tag)
    for number in page.numbers:
        if number.guide:
            for box in number.boxes:
                _draw_guide(picture, px_per_mm, box)
        if number.bubbles is not None:
            _draw_rings(picture, px_per_mm, number.bubbles)
    _draw_texts(picture, px_per_mm, page)
    for blank in header_blanks(page).values():
        _draw_dots(picture, px_per_mm, blank)
    return picture


def header_blanks(page: Page) -> dict[str, Box]:
    """Where the place is written: the dotted lines that follow the header's printed labels.

    Args:
        page: a page of a form definition.

    Returns:
        What is asked (of :data:`HEADER_LABELS`) -> the strip above its dotted line, page mm.
    """
    labels = [(asked, text) for text in page.texts for asked in HEADER_LABELS if _begins_header(text, asked)]
    if not labels:
        return {}
    indent = max(text_width_mm(text.text, text.size_mm) for _, text in labels) + 6
    blanks = {}
    for asked, text in labels:
        left = text.x_mm + indent
        after = [t.x_mm for t in page.texts if t.x_mm > left and abs(t.y_mm - text.y_mm) < 2 * text.size_mm]
        width = min(HEADER_BLANK_MM, min(after, default=page.size_mm[0]) - left - 6)
        if width > 0:
            blanks[asked] = Box(left, text.y_mm - 1.8 * text.size_mm, width, 1.9 * text.size_mm)
    return blanks


def _begins_header(text: Text, asked: str) -> bool:
    return text.anchor == "l" and text.text.lower().startswith(HEADER_LABELS[asked])


def fill_rectangle(picture: Grey, px_per_mm: float, edges_page: tuple[float, float, float, float], grey: int) -> None:
    """Fills a rectangle with exact area coverage at its edges, in place, never brighter than what is there.

    Args:
        picture: shape (h, w, 3), uint8.
        px_per_mm: scale of the picture.
        edges_page: left, top, right, bottom in page mm.
        grey: 0 black to 255 white.
    """
    left, top, right, bottom = (edge * px_per_mm for edge in edges_page)
    columns, first_column = _cover(left, right, picture.shape[1])
    rows, first_row = _cover(top, bottom, picture.shape[0])
    tile = picture[first_row : first_row + len(rows), first_column : first_column + len(columns)]
    cover = (rows[:, None] * columns[None, :])[:, :, None]
    tile[:] = np.minimum(tile, np.rint(tile * (1 - cover) + grey * cover)).astype(np.uint8)


def text_width_mm(text: str, size_mm: float) -> float:
    """Printed width of a line of text in mm at a font size in mm."""
    return float(_font(100).getlength(text)) * size_mm / 100


def _cover(low: float, high: float, size: int) -> tuple[Floats, int]:
    first, last = max(0, int(np.floor(low))), min(size, int(np.ceil(high)))
    cells = np.arange(first, max(first, last))
    return np.clip(np.minimum(cells + 1, high) - np.maximum(cells, low), 0, 1), first


def _draw_rule(picture: Grey, scale: float, rule: Rule) -> None:
    half = rule.width_mm / 2
    across, along = (rule.at_mm - half, rule.at_mm + half), (rule.from_mm, rule.to_mm)
    x, y = (along, across) if rule.axis == "h" else (across, along)
    fill_rectangle(picture, scale, (x[0], y[0], x[1], y[1]), rule.grey)


def _draw_mark(picture: Grey, scale: float, mark: Mark) -> None:
    half = mark.size_mm / 2
    for x, y in ((mark.x_mm, mark.y_mm), (mark.x_mm + half, mark.y_mm + half)):
        fill_rectangle(picture, scale, (x, y, x + half, y + half), INK_GREY)


def _draw_guide(picture: Grey, scale: float, box: Box) -> None:
    middle, half = GUIDE_ROWS[len(GUIDE_ROWS) // 2], GUIDE_DOT_MM / 2
    outer = BOX_RULE_MM / 2
    dots = {(x, y) for x in GUIDE_COLUMNS for y in GUIDE_ROWS}
    dots |= {
        (x, y) for x in np.linspace(GUIDE_COLUMNS[0], GUIDE_COLUMNS[-1], 5).tolist() for y in (GUIDE_ROWS[0], middle)
    }
    dots |= {(x, GUIDE_ROWS[-1]) for x in np.linspace(GUIDE_COLUMNS[0], GUIDE_COLUMNS[-1], 5).tolist()}
    for share_x, share_y in dots:
        x = box.x_mm - outer + share_x * (box.w_mm + 2 * outer)
        y = box.y_mm - outer + share_y * (box.h_mm + 2 * outer)
        fill_rectangle(picture, scale, (x - half, y - half, x + half, y + half), GUIDE_GREY)


def _draw_dots(picture: Grey, scale: float, blank: Box) -> None:
    y = blank.y_mm + blank.h_mm
    for x in np.arange(blank.x_mm, blank.x_mm + blank.w_mm, 2.7).tolist():
        fill_rectangle(picture, scale, (x, y, x + 0.7, y + 0.7), INK_GREY)


def _draw_rings(picture: Grey, scale: float, bubbles: Bubbles) -> None:
    stamp_mm = bubbles.diameter_mm + 2
    for digit, y in enumerate(bubbles.y_mm):
        for x in bubbles.x_mm:
            _draw_ring(picture, scale, (x, y), bubbles.diameter_mm, stamp_mm)
            label = Text(str(digit), x, y + bubbles.diameter_mm * 0.22, bubbles.diameter_mm * 0.62, False, "m")
            _draw_text(picture, scale, label)


def _draw_ring(
    picture: Grey, scale: float, centre_page: tuple[float, float], diameter_mm: float, stamp_mm: float
) -> None:
    fine = scale * OVERSAMPLE
    left, top = (int((c - stamp_mm / 2) * scale) for c in centre_page)
    side = int(np.ceil(stamp_mm * scale)) + 1
    mask = np.zeros((side * OVERSAMPLE, side * OVERSAMPLE), np.uint8)
    centre = [round(((c * scale) - o) * OVERSAMPLE * 16 - 8) for c, o in zip(centre_page, (left, top), strict=True)]
    radius = round((diameter_mm - RING_MM) / 2 * fine * 16)
    cv2.circle(mask, (centre[0], centre[1]), radius, 255, max(1, round(RING_MM * fine)), cv2.LINE_AA, 4)
    _multiply(picture, mask, (left, top))


def _draw_tag(picture: Grey, scale: float, tag: Tag) -> None:
    modules = _tag_modules(tag.family, tag.id)
    count, magnify = len(modules), 16
    big = np.kron(modules, np.ones((magnify, magnify), np.uint8))
    quad = np.array(tag.quad_mm) * scale
    left, top = (int(v) - 1 for v in quad.min(axis=0))
    right, bottom = (int(np.ceil(v)) + 1 for v in quad.max(axis=0))
    target = (quad - (left, top)) * OVERSAMPLE - 0.5
    side = count * magnify - 0.5
    source = np.array([[-0.5, -0.5], [side, -0.5], [side, side], [-0.5, side]])
    turn = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    size = ((right - left) * OVERSAMPLE, (bottom - top) * OVERSAMPLE)
    mask = cv2.warpPerspective(big, turn, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    _multiply(picture, np.asarray(mask, np.uint8), (left, top))


def _tag_modules(family: str, tag_id: int) -> NDArray[np.uint8]:
    """Black modules as 255, shape (n, n), the detector's first corner at the top-left."""
    dictionary = cv2.aruco.getPredefinedDictionary(TAG_DICTIONARIES[family])
    side = dictionary.markerSize + 2
    return 255 - np.asarray(cv2.aruco.generateImageMarker(dictionary, tag_id, side), np.uint8)


def _draw_texts(picture: Grey, scale: float, page: Page) -> None:
    for text in page.texts:
        _draw_text(picture, scale, text)


def _draw_text(picture: Grey, scale: float, text: Text) -> None:
    size = text.size_mm * scale
    if size < 1:
        return
    font = _font(round(size * OVERSAMPLE, 2))
    width = float(font.getlength(text.text)) / OVERSAMPLE
    left = text.x_mm * scale - {"l": 0.0, "m": 0.5, "r": 1.0}[text.anchor] * width
    top = text.y_mm * scale - size
    origin = int(np.floor(left)) - 2, int(np.floor(top)) - 2
    tile = (int(width + 6), int(size * 1.4) + 6)
    mask = Image.new("L", (tile[0] * OVERSAMPLE, tile[1] * OVERSAMPLE))
    place = ((left - origin[0]) * OVERSAMPLE, (text.y_mm * scale - origin[1]) * OVERSAMPLE)
    # The built-in face has one weight; a thin outline makes the bold one.
    weight = max(1, round(size * OVERSAMPLE * 0.025)) if text.bold else 0
    ImageDraw.Draw(mask).text(place, text.text, 255, font=font, anchor="ls", stroke_width=weight)
    _multiply(picture, np.asarray(mask), origin)


@lru_cache(maxsize=64)
def _font(size_px: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType: printed words cannot be drawn")
    return font


def _multiply(picture: Grey, mask: NDArray[np.uint8], origin: tuple[int, int]) -> None:
    """Prints an oversampled mask (255 ink) at a pixel origin; parts outside the picture are left out."""
    small = cv2.resize(mask, None, fx=1 / OVERSAMPLE, fy=1 / OVERSAMPLE, interpolation=cv2.INTER_AREA)
    left, top = max(0, origin[0]), max(0, origin[1])
    tile = picture[top : origin[1] + small.shape[0], left : origin[0] + small.shape[1]]
    if tile.size == 0:
        return
    part = small[top - origin[1] :, left - origin[0] :][: tile.shape[0], : tile.shape[1]]
    cover = np.asarray(part, np.float64)[:, :, None] / 255
    tile[:] = np.minimum(tile, np.rint(tile * (1 - cover) + INK_GREY * cover)).astype(np.uint8)
