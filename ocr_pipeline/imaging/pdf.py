"""Pages of a PDF as pictures, by PDFium.

A page of a scan is usually one picture and nothing else: its own pixels are taken out, turned as the page shows them,
so that none is invented or lost; a JPEG is decoded once, by the decoder of all other JPEGs. Any other page is rendered,
at the resolution of its largest picture. PDFium is not thread-safe: one thread at a time.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.cv import Pixels, grey_of, shrink, upright
from ocr_pipeline.imaging.files import Limits, check_size
from ocr_pipeline.imaging.jpeg import decode_jpeg, is_four_colour

LONG_SIDE_PX: Final = 2500
"""Long side of a rendered page with nothing finer on it; of a C.Hasil plano a digit box is then about 35 px."""

LONG_SIDE_MAX_PX: Final = 7000
"""Long side of a rendered page with the finest picture."""

MM_PER_PT: Final = 25.4 / 72

_OUTSIDE: Final = 0.02
"""Share of the page by which a picture may reach over its edge, or lie askew, and still be seen whole and straight."""
_THUMBNAIL_PX: Final = 160
_SAME_PICTURE_LEVELS: Final = 16.0
_ORIENTATION: Final = {
    ((1, 0), (0, 1)): 1,
    ((-1, 0), (0, 1)): 2,
    ((-1, 0), (0, -1)): 3,
    ((1, 0), (0, -1)): 4,
    ((0, 1), (1, 0)): 5,
    ((0, 1), (-1, 0)): 6,
    ((0, -1), (-1, 0)): 7,
    ((0, -1), (1, 0)): 8,
}
"""Where a picture's own right and down point on the page as shown (x right, y down), to the EXIF orientation."""

logging.getLogger("pypdfium2").addHandler(logging.NullHandler())


def pdf_pages(data: bytes, limits: Limits) -> int:
    """How many pages a PDF has.

    Raises:
        PhotoRejected: ``encrypted``, ``unreadable_file``, or ``too_large`` for too many pages.
    """
    with _document(data) as document:
        return _count(document, limits)


def pdf_page_size_mm(data: bytes, page: int, limits: Limits) -> tuple[float, float]:
    """Width and height of the paper of one page, as shown, in mm.

    Raises:
        PhotoRejected: as for :func:`decode_pdf_page`.
    """
    with _document(data) as document:
        count = _count(document, limits)
        if not 1 <= page <= count:
            raise PhotoRejected("missing", f"page {page} of {count}")
        width_pt, height_pt = document[page - 1].get_size()
        return width_pt * MM_PER_PT, height_pt * MM_PER_PT


def decode_pdf_page(data: bytes, page: int, limits: Limits, *, colour: bool) -> Pixels:
    """One page as a viewer shows it.

    Args:
        data: the file.
        page: from 1.
        limits: pixel limits of each picture on the page and of the result.
        colour: blue-green-red instead of grey.

    Returns:
        Pixels, shape (h, w) or (h, w, 3), uint8.

    Raises:
        PhotoRejected: ``encrypted``, ``missing`` (no such page), ``too_large``, or ``unreadable_file``.
    """
    with _document(data) as document:
        count = _count(document, limits)
        if not 1 <= page <= count:
            raise PhotoRejected("missing", f"page {page} of {count}")
        sheet = document[page - 1]
        pictures = list(sheet.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE]))
        for picture in pictures:
            width_px, height_px = picture.get_px_size()
            check_size(width_px, height_px, limits)
        if len(pictures) == 1 and not _shows_more(sheet):
            taken = _taken_out(pictures[0], sheet, limits, colour)
            if taken is not None:
                return taken
        return _rendered(sheet, _render_scale(sheet, pictures, limits), colour)


@contextmanager
def _document(data: bytes) -> Iterator[Any]:
    try:
        with pdfium.PdfDocument(data) as document:
            yield document
    except PhotoRejected:
        raise
    except pdfium.PdfiumError as error:
        locked = getattr(error, "err_code", None) in (pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY)
        raise PhotoRejected("encrypted" if locked else "unreadable_file", str(error)) from error
    except MemoryError as error:
        raise PhotoRejected("too_large", "not enough memory") from error
    except Exception as error:
        raise PhotoRejected("unreadable_file", f"PDF: {error}") from error


def _count(document: Any, limits: Limits) -> int:
    count = len(document)
    if count == 0:
        raise PhotoRejected("unreadable_file", "a PDF without pages")
    if count > limits.pages:
        raise PhotoRejected("too_large", f"{count} pages")
    return count


def _shows_more(sheet: Any) -> bool:
    """Whether anything but one picture and the invisible text of a scanner's OCR is on the page."""
    if pdfium_c.FPDFPage_GetAnnotCount(sheet) > 0:
        return True
    for item in sheet.get_objects():
        hidden_text = (
            item.type == pdfium_c.FPDF_PAGEOBJ_TEXT
            and pdfium_c.FPDFTextObj_GetTextRenderMode(item) == pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE
        )
        if item.type != pdfium_c.FPDF_PAGEOBJ_IMAGE and not hidden_text:
            return True
    return False


def _taken_out(picture: Any, sheet: Any, limits: Limits, colour: bool) -> Pixels | None:
    """A picture's own pixels, if it lies whole and straight on the page, and the page rendered small looks like it.

    Masks, inverted colours and clipping paths make the page look otherwise; then it is rendered.
    """
    orientation = _orientation(picture, sheet)
    if orientation is None or not _lies_inside(picture, sheet):
        return None
    pixels = upright(_stored_pixels(picture, limits, colour), orientation)
    small = _rendered(sheet, _THUMBNAIL_PX / max(sheet.get_size()), colour=False)
    x0, y0, x1, y1 = _place_shown(picture, sheet, (small.shape[1], small.shape[0]))
    own = shrink(grey_of(pixels) if colour else pixels, x1 - x0, y1 - y0)
    difference = float(np.abs(own.astype(np.int16) - small[y0:y1, x0:x1]).mean())
    return pixels if difference <= _SAME_PICTURE_LEVELS else None


def _stored_pixels(picture: Any, limits: Limits, colour: bool) -> Pixels:
    filters = picture.get_filters()
    if filters == ["DCTDecode"]:
        jpeg = bytes(picture.get_data())
        if not is_four_colour(jpeg):
            return decode_jpeg(jpeg, limits, colour=colour, turn=False)[0]  # viewers ignore EXIF inside a PDF
    bitmap = picture.get_bitmap()
    pixels = np.array(bitmap.to_numpy(), np.uint8)
    bitmap.close()
    pixels = pixels.reshape(pixels.shape[0], pixels.shape[1], -1)
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2) if colour else np.ascontiguousarray(pixels[..., 0])
    blue_green_red = np.ascontiguousarray(pixels[..., :3])
    return blue_green_red if colour else grey_of(blue_green_red)


def _orientation(picture: Any, sheet: Any) -> int | None:
    """EXIF orientation that turns the stored picture as the page shows it; ``None`` if it lies askew."""
    matrix = picture.get_matrix()
    sides = []
    for x, y in ((matrix.a, -matrix.b), (-matrix.c, matrix.d)):
        if min(abs(x), abs(y)) > _OUTSIDE / 4 * max(abs(x), abs(y)):
            return None
        for _ in range(sheet.get_rotation() // 90):
            x, y = -y, x
        sides.append((0, 1 if y > 0 else -1) if abs(y) > abs(x) else (1 if x > 0 else -1, 0))
    return _ORIENTATION.get((sides[0], sides[1]))


def _lies_inside(picture: Any, sheet: Any) -> bool:
    left, bottom, right, top = sheet.get_cropbox()
    x0, y0, x1, y1 = picture.get_bounds()
    slack = _OUTSIDE * max(right - left, top - bottom)
    return bool(x0 >= left - slack and y0 >= bottom - slack and x1 <= right + slack and y1 <= top + slack)


def _place_shown(picture: Any, sheet: Any, size_px: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom px of a picture on the rendered page of that size; at least one px each way."""
    left, bottom, right, top = sheet.get_cropbox()
    x0, y0, x1, y1 = picture.get_bounds()
    corners = np.array([[x0 - left, top - y1], [x1 - left, top - y0]]) / (right - left, top - bottom)
    for _ in range(sheet.get_rotation() // 90):
        corners = np.column_stack([1 - corners[:, 1], corners[:, 0]])
    low, high = corners.min(axis=0) * size_px, corners.max(axis=0) * size_px
    low = np.clip(np.rint(low), 0, np.array(size_px) - 1).astype(int)
    high = np.clip(np.rint(high), low + 1, size_px).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _render_scale(sheet: Any, pictures: list[Any], limits: Limits) -> float:
    """Pixels per point."""
    width_pt, height_pt = sheet.get_size()
    if min(width_pt, height_pt) <= 0:
        raise PhotoRejected("unreadable_file", "a page without size")
    finest = 0.0
    for picture in pictures:
        left, bottom, right, top = picture.get_bounds()
        longest_pt = max(right - left, top - bottom)
        if longest_pt > 0.5 * max(width_pt, height_pt):
            finest = max(finest, max(picture.get_px_size()) / longest_pt)
    long_side_px = min(max(finest * max(width_pt, height_pt), LONG_SIDE_PX), LONG_SIDE_MAX_PX)
    scale = float(long_side_px / max(width_pt, height_pt))
    check_size(round(width_pt * scale), round(height_pt * scale), limits)
    return scale


def _rendered(sheet: Any, scale: float, colour: bool) -> Pixels:
    bitmap = sheet.render(scale=scale, grayscale=not colour)
    pixels = np.array(bitmap.to_numpy(), np.uint8)
    bitmap.close()
    if colour:
        return np.ascontiguousarray(pixels[..., :3])
    return np.ascontiguousarray(pixels.reshape(pixels.shape[:2]))
