"""Pages of a PDF as pictures, by PDFium.

A scan is usually one JPEG that fills the page: that JPEG is taken out as it is, so that no pixel is invented or lost.
Any other page is rendered, at the resolution of its largest picture. PDFium is not thread-safe: one thread at a time.
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

_FILLS_WITHIN: Final = 0.02
_THUMBNAIL_PX: Final = 160
_SAME_PICTURE_LEVELS: Final = 16.0
_EXIF_OF_CLOCKWISE_DEG: Final = {0: 1, 90: 6, 180: 3, 270: 8}

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
        jpeg = _jpeg_that_is_the_page(sheet, pictures)
        if jpeg is not None:
            taken = _taken_out(jpeg, sheet, limits, colour)
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


def _jpeg_that_is_the_page(sheet: Any, pictures: list[Any]) -> bytes | None:
    """The JPEG that is all one sees of the page, stored upright and without a further filter; else ``None``."""
    if len(pictures) != 1 or pictures[0].get_filters() != ["DCTDecode"] or _shows_more(sheet):
        return None
    matrix = pictures[0].get_matrix()
    if matrix.b or matrix.c or matrix.a <= 0 or matrix.d <= 0:
        return None
    page_box, picture_box = sheet.get_cropbox(), pictures[0].get_bounds()
    slack = _FILLS_WITHIN * max(page_box[2] - page_box[0], page_box[3] - page_box[1])
    if any(abs(a - b) > slack for a, b in zip(page_box, picture_box, strict=True)):
        return None
    data = bytes(pictures[0].get_data())
    return None if is_four_colour(data) else data


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


def _taken_out(jpeg: bytes, sheet: Any, limits: Limits, colour: bool) -> Pixels | None:
    """The JPEG's own pixels, if the page rendered small looks like them: masks and inverted colours do not."""
    stored, _ = decode_jpeg(jpeg, limits, colour=colour, turn=False)  # viewers ignore EXIF inside a PDF
    pixels = upright(stored, _EXIF_OF_CLOCKWISE_DEG[sheet.get_rotation()])
    small = _rendered(sheet, _THUMBNAIL_PX / max(sheet.get_size()), colour=False)
    height_px, width_px = small.shape[:2]
    own = shrink(grey_of(pixels) if colour else pixels, width_px, height_px)
    difference = float(np.abs(own.astype(np.int16) - small).mean())
    return pixels if difference <= _SAME_PICTURE_LEVELS else None


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
