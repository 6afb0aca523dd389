"""What a file's header says, for the process that takes uploads: no pixel is decoded, no heavy library loaded.

A file that passes may still be refused when it is decoded; one that is refused here would be refused there as well.
"""

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import simplejpeg
from PIL.Image import Exif

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.containers import (
    APP1,
    EXIF_HEADER,
    jpeg_segments,
    png_chunks,
    tiff_size,
    webp_chunks,
    webp_size,
)
from ocr_pipeline.imaging.files import LIMITS, Format, Limits, check_size, read_file, sniff

LONGEST_TEXT: Final = 64
"""Characters of one metadata text at most."""

_MAKE, _MODEL, _EXIF_IFD, _GPS_IFD = 0x010F, 0x0110, 0x8769, 0x8825
_TAKEN, _TAKEN_OFFSET = 0x9003, 0x9011
_GPS_LAT_REF, _GPS_LAT, _GPS_LON_REF, _GPS_LON = 1, 2, 3, 4
_TIME: Final = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)
_OFFSET: Final = re.compile(r"[+-]\d\d:\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a file is.

    Attributes:
        format: by its first bytes, whatever its name says.
        width_px: as stored, before any turn; ``None`` where the header does not say (HEIC, PDF, AVIF, ...).
        height_px: likewise.
    """

    format: Format
    width_px: int | None
    height_px: int | None


def probe(path: Path, limits: Limits = LIMITS) -> Probe:
    """What can be said of a file without decoding it.

    Args:
        path: the file, of any name.
        limits: file size and pixels.

    Raises:
        PhotoRejected: ``missing``, ``not_a_file``, ``unreadable_file`` (no kind of picture that Turus reads, or a
            JPEG's header is damaged), ``too_large``, ``animated`` (PNG and WebP; other kinds show it when decoded).
    """
    data = read_file(path, limits)
    file_format = sniff(data)
    if file_format is None:
        raise PhotoRejected("unreadable_file", "no known kind of picture")
    size = _size(data, file_format)
    if size is None:
        return Probe(file_format, None, None)
    check_size(*size, limits)
    if _animated(data, file_format):
        raise PhotoRejected("animated", file_format)
    return Probe(file_format, *size)


def capture_metadata(path: Path) -> dict[str, str | float]:
    """When, where and with what a photo says it was taken, for the audit. Anybody can write such data: no proof.

    Args:
        path: a JPEG, PNG, WebP or TIFF; any other file says nothing.

    Returns:
        Those that are there and make sense: ``taken_at_camera`` (``2024-02-14T18:03:22``, by the camera's clock, with
        ``+07:00`` where the camera gives its offset), ``gps_lat_deg`` and ``gps_lon_deg`` (WGS 84, degrees, south and
        west negative, 7 digits), ``make`` and ``model`` (at most :data:`LONGEST_TEXT` characters, no control
        characters). Never raises: a damaged block is an empty answer.
    """
    found: dict[str, str | float] = {}
    # Pillow's EXIF reader raises whatever a damaged block makes it raise.
    with suppress(Exception):
        data = read_file(path)
        block = _exif_block(data)
        if block is not None:
            exif = Exif()
            exif.load(block)
            for part in (_device, _time, _place):
                with suppress(Exception):
                    found |= part(exif)
    return found


def _size(data: bytes, file_format: Format) -> tuple[int, int] | None:
    if file_format == "jpeg":
        try:
            height_px, width_px, _, _ = simplejpeg.decode_jpeg_header(data)
        except ValueError as error:
            raise PhotoRejected("unreadable_file", str(error)) from error
        return int(width_px), int(height_px)
    if file_format == "png":
        # The first chunk of every PNG is IHDR.
        known = data[12:16] == b"IHDR" and len(data) >= 24
        return (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")) if known else None
    if file_format == "gif" and len(data) >= 10:
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if file_format == "webp":
        return webp_size(data)
    return tiff_size(data) if file_format == "tiff" else None


def _animated(data: bytes, file_format: Format) -> bool:
    """Several frames, as the decoders count them."""
    if file_format == "webp":
        return sum(name == b"ANMF" for name, _ in webp_chunks(data)) > 1
    if file_format == "png":
        for name, body in png_chunks(data):
            if name == b"acTL":
                return int.from_bytes(body[:4], "big") > 1
            if name == b"IDAT":
                return False
    return False


def _exif_block(data: bytes) -> bytes | None:
    file_format = sniff(data)
    if file_format == "jpeg":
        blocks = (body for marker, body in jpeg_segments(data) if marker == APP1 and body.startswith(EXIF_HEADER))
        return next(blocks, None)
    if file_format == "png":
        return next((body for name, body in png_chunks(data) if name == b"eXIf"), None)
    if file_format == "webp":
        return next((body for name, body in webp_chunks(data) if name == b"EXIF"), None)
    return data if file_format == "tiff" else None


def _device(exif: Exif) -> dict[str, str | float]:
    texts = {"make": _text(exif.get(_MAKE)), "model": _text(exif.get(_MODEL))}
    return {name: text for name, text in texts.items() if text}


def _time(exif: Exif) -> dict[str, str | float]:
    own = exif.get_ifd(_EXIF_IFD)
    taken = _TIME.match(_text(own.get(_TAKEN)))
    if taken is None or taken[1] == "0000":
        return {}
    year, month, day, hour, minute, second = taken.groups()
    offset = _OFFSET.fullmatch(_text(own.get(_TAKEN_OFFSET)))
    return {"taken_at_camera": f"{year}-{month}-{day}T{hour}:{minute}:{second}{offset[0] if offset else ''}"}


def _place(exif: Exif) -> dict[str, str | float]:
    gps = exif.get_ifd(_GPS_IFD)
    lat = _degrees(gps.get(_GPS_LAT), _text(gps.get(_GPS_LAT_REF)) == "S")
    lon = _degrees(gps.get(_GPS_LON), _text(gps.get(_GPS_LON_REF)) == "W")
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        return {}
    return {"gps_lat_deg": round(lat, 7), "gps_lon_deg": round(lon, 7)}


def _degrees(parts: Any, negative: bool) -> float:
    """Degrees, minutes and seconds as rationals (Exif 2.32, 4.6.6); not finite where they make no sense."""
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value):
        raise ValueError("no place")
    return -value if negative else value


def _text(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""
    return "".join(c for c in text if c.isprintable()).strip()[:LONGEST_TEXT]
