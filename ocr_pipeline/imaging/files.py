"""From a path to bytes, safely, and what kind of file the bytes are. Names and extensions are never believed."""

import errno
import os
import stat
from dataclasses import dataclass
from typing import Final, Literal

from ocr_pipeline.errors import PhotoRejected

Format = Literal["avif", "bmp", "gif", "heic", "jpeg", "jpeg2000", "pdf", "png", "tiff", "webp"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a photo may cost. A 48-megapixel phone original passes.

    Attributes:
        file_bytes: size of the file.
        pixels: width times height, checked in the header before anything is decoded.
        side_px: longest side; OpenCV's warps count in 16-bit integers.
        pages: pages of one PDF or TIFF.
    """

    file_bytes: int = 64 * 1024 * 1024
    pixels: int = 64_000_000
    side_px: int = 32_000
    pages: int = 300


LIMITS: Final = Limits()
"""The limits of the reading contract."""

_SIGNATURES: Final[tuple[tuple[int, bytes, Format], ...]] = (
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (8, b"WEBP", "webp"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (0, b"II+\0", "tiff"),
    (0, b"MM\0+", "tiff"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg2000"),
    (0, b"\xff\x4f\xff\x51", "jpeg2000"),
    (0, b"BM", "bmp"),
    (4, b"ftypavif", "avif"),
    *(
        (4, b"ftyp" + brand, "heic")
        for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
    ),
)
_ANY_HEIF: Final = (b"ftypmif1", b"ftypmsf1")

_PDF_HEADER_WITHIN_BYTES: Final = 1024


def sniff(data: bytes) -> Format | None:
    """The format that the first bytes announce, ``None`` for anything Turus does not read.

    A PDF may begin with up to 1,024 other bytes, as readers have always allowed (ISO 32000-1, Annex H, note 13).
    """
    if data[4:12] in _ANY_HEIF and b"avif" in data[16 : int.from_bytes(data[:4], "big")]:
        return "avif"  # the file names itself after the container; which codec is in it stands further on
    for offset, signature, name in _SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return name
    return "pdf" if b"%PDF-" in data[:_PDF_HEADER_WITHIN_BYTES] else None


def read_file(path: str | os.PathLike[str], limits: Limits = LIMITS, first_bytes: int | None = None) -> bytes:
    """The bytes of a regular file; never waits on a pipe or device and never reads more than the limit.

    Args:
        path: a file, or a symbolic link to one.
        limits: only ``file_bytes`` counts here.
        first_bytes: read no more than this many.

    Raises:
        PhotoRejected: ``missing``, ``not_a_file``, ``too_large``, or ``unreadable_file`` (empty, or no permission).
    """
    try:
        # Looked at before it is opened: opening a device can have effects of its own.
        _require_regular(os.stat(path).st_mode)  # noqa: PTH116 (a path may be any os.PathLike)
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            _require_regular(status.st_mode)
            if status.st_size > limits.file_bytes:
                raise PhotoRejected("too_large", f"{status.st_size} bytes")
            data = file.read(limits.file_bytes + 1 if first_bytes is None else first_bytes)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise PhotoRejected("missing", str(error)) from error
    except PermissionError as error:
        raise PhotoRejected("unreadable_file", "no permission to read the file") from error
    except OSError as error:
        raise PhotoRejected("missing" if _is_bad_name(error) else "unreadable_file", error.strerror) from error
    if len(data) > limits.file_bytes:
        raise PhotoRejected("too_large", f"more than {limits.file_bytes} bytes")
    if not data:
        raise PhotoRejected("unreadable_file", "the file is empty")
    return data


def check_size(width_px: int, height_px: int, limits: Limits) -> None:
    """Refuse a picture by the size its header announces.

    Raises:
        PhotoRejected: ``too_large``, or ``unreadable_file`` for a side of zero.
    """
    if width_px <= 0 or height_px <= 0:
        raise PhotoRejected("unreadable_file", f"{width_px} x {height_px} px")
    if width_px * height_px > limits.pixels or max(width_px, height_px) > limits.side_px:
        raise PhotoRejected("too_large", f"{width_px} x {height_px} px")


def _require_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise PhotoRejected("not_a_file", "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device")


def _is_bad_name(error: OSError) -> bool:
    return error.errno in (errno.ENAMETOOLONG, errno.ELOOP)
