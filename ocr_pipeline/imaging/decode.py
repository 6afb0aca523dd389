"""The one decode of a file: from bytes to the upright grey photo that every later stage works on.

Every way a file can be bad ends in one :class:`~ocr_pipeline.errors.PhotoRejected`; no other exception of a decoder
leaves this module, and nothing is printed.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.cv import Pixels
from ocr_pipeline.imaging.files import LIMITS, Format, Limits, read_file, sniff
from ocr_pipeline.imaging.heic import decode_heic
from ocr_pipeline.imaging.jpeg import decode_jpeg, is_four_colour
from ocr_pipeline.imaging.stills import decode_still, tiff_pages
from ocr_pipeline.values import Grey, frozen

_MANY_PAGES: Final = ("pdf", "tiff")
_SNIFF_BYTES: Final = 2048


@dataclass(frozen=True, slots=True)
class PhotoSource:
    """One photo of a batch, not yet opened; small enough to hand to another process.

    Attributes:
        name: as the reading contract prints it: the path as given, with ``#k`` for page k of a file with pages.
        path: the file.
        page: page of a PDF, or of a TIFF with several, from 1; ``None`` for an ordinary photo.
    """

    name: str
    path: Path
    page: int | None = None


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A photo as a person sees it.

    Attributes:
        grey: shape (height_px, width_px), uint8, 0 black to 255 white, photo frame, contiguous, read-only.
        width_px: width of the upright photo.
        height_px: height of the upright photo.
        sha256: of the whole file, lower-case hexadecimal; the same for every page of one PDF.
        orientation: the EXIF orientation that was found and applied, 1-8; 1 when there was none.
        format: what the file is, whatever its name says.
        page: page of a PDF or TIFF, from 1; ``None`` for an ordinary photo.
    """

    grey: Grey
    width_px: int
    height_px: int
    sha256: str
    orientation: int
    format: Format
    page: int | None


Source = str | os.PathLike[str] | bytes | PhotoSource
"""A path, the bytes of a file, or an item of :func:`iter_photos`."""


def iter_photos(path: str | os.PathLike[str], limits: Limits = LIMITS) -> Iterator[PhotoSource]:
    """The photos of one file: itself, or one for each page of a PDF or of a TIFF with several pages.

    Never raises for a bad file: it yields the file as one photo, and decoding that says what is wrong.

    Args:
        path: the file; ``a.pdf#2`` names one page, unless a file of that very name exists.
        limits: file size and number of pages.
    """
    given = os.fspath(path)
    whole, page = _split_page(given)
    if page is not None:
        yield PhotoSource(given, whole, page)
        return
    try:
        count = _count_pages(whole, limits)
    except PhotoRejected:
        count = None
    if count is None:
        yield PhotoSource(given, whole)
        return
    for number in range(1, count + 1):
        yield PhotoSource(f"{given}#{number}", whole, number)


def decode_photo(source: Source, limits: Limits = LIMITS) -> DecodedPhoto:
    """Decode once: full size, grey, upright.

    Args:
        source: what to decode; of a PDF or TIFF without a page, page 1.
        limits: what it may cost.

    Raises:
        PhotoRejected: ``missing``, ``not_a_file``, ``unreadable_file``, ``encrypted``, ``animated`` or ``too_large``.
    """
    data, page = _bytes_and_page(source, limits)
    pixels, orientation, file_format = _decode(data, page, limits, colour=False)
    height_px, width_px = pixels.shape
    shown_page = (page or 1) if file_format == "pdf" else page
    digest = hashlib.sha256(data).hexdigest()
    return DecodedPhoto(frozen(pixels), width_px, height_px, digest, orientation, file_format, shown_page)


def file_sha256(source: Source, limits: Limits = LIMITS) -> str | None:
    """SHA-256 of a file that could not be decoded, so that it can still be named; ``None`` without its bytes."""
    try:
        return hashlib.sha256(_bytes_and_page(source, limits)[0]).hexdigest()
    except PhotoRejected:
        return None


def decode_colour(source: Source, limits: Limits = LIMITS) -> Pixels:
    """The same photo in colour, for drawing on.

    Args:
        source: as for :func:`decode_photo`.
        limits: what it may cost.

    Returns:
        Shape (height_px, width_px, 3), uint8, blue-green-red, in the same photo frame as :attr:`DecodedPhoto.grey`;
        writable and the caller's own.

    Raises:
        PhotoRejected: as for :func:`decode_photo`.
    """
    data, page = _bytes_and_page(source, limits)
    return _decode(data, page, limits, colour=True)[0]


def _decode(data: bytes, page: int | None, limits: Limits, *, colour: bool) -> tuple[Pixels, int, Format]:
    file_format = sniff(data)
    try:
        if file_format is None:
            raise PhotoRejected("unreadable_file", "no known kind of picture")
        if file_format == "pdf":
            from ocr_pipeline.imaging.pdf import decode_pdf_page  # loads PDFium: only for those who have PDFs

            return decode_pdf_page(data, page or 1, limits, colour=colour), 1, file_format
        if file_format == "heic":
            return decode_heic(data, limits, colour=colour), 1, file_format
        if file_format == "jpeg" and not is_four_colour(data):
            return *decode_jpeg(data, limits, colour=colour), file_format
        return *decode_still(data, file_format, limits, colour=colour, page=page), file_format
    except PhotoRejected:
        raise
    except MemoryError as error:
        raise PhotoRejected("too_large", "not enough memory") from error
    except Exception as error:
        # The promise of this module; the cause stays attached for whoever debugs it.
        raise PhotoRejected("unreadable_file", f"{type(error).__name__}: {error}") from error


def _bytes_and_page(source: Source, limits: Limits) -> tuple[bytes, int | None]:
    if isinstance(source, PhotoSource):
        return read_file(source.path, limits), source.page
    if not isinstance(source, bytes):
        return read_file(source, limits), None
    if len(source) > limits.file_bytes:
        raise PhotoRejected("too_large", f"{len(source)} bytes")
    return source, None


def _count_pages(path: Path, limits: Limits) -> int | None:
    """Pages of a file whose pages are photos of their own; ``None`` for an ordinary photo."""
    file_format = sniff(read_file(path, limits, first_bytes=_SNIFF_BYTES))
    if file_format not in _MANY_PAGES:
        return None
    data = read_file(path, limits)
    if file_format == "pdf":
        from ocr_pipeline.imaging.pdf import pdf_pages

        return pdf_pages(data, limits)
    count = tiff_pages(data, limits)
    return count if count > 1 else None


def _split_page(given: str) -> tuple[Path, int | None]:
    stem, mark, number = given.rpartition("#")
    if mark and number.isascii() and number.isdigit() and not os.path.lexists(given) and os.path.lexists(stem):
        return Path(stem), int(number)
    return Path(given), None
