"""The parts of picture files, without decoding anything: JPEG segments, PNG and WebP chunks, a TIFF's first directory.

Small readers of our own, because a web process runs them on every upload in many threads: they load no library, print
no warning, and cost no more than the bytes they look at. They never raise for damaged input; they end early.
"""

from collections.abc import Iterator
from typing import Final, Literal

APP1: Final = 0xE1
"""JPEG marker of the segment that holds EXIF."""
EXIF_HEADER: Final = b"Exif\0\0"

_LONE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_MOST_PARTS: Final = 10_000


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of each segment before the first scan (ITU-T T.81, annex B)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _LONE_MARKERS:
            at += 2
        elif marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return
        else:
            length = int.from_bytes(data[at + 2 : at + 4], "big")
            yield marker, data[at + 4 : at + 2 + length]
            at += 2 + length


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, body) of each chunk (PNG, 3rd edition, section 5); checksums are not compared."""
    at = 8
    for _ in range(_MOST_PARTS):
        if at + 8 > len(data):
            return
        length = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, body) of each chunk of the RIFF container (RFC 9649, section 2); bodies are padded to even length."""
    at = 12
    for _ in range(_MOST_PARTS):
        if at + 8 > len(data):
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in px of a WebP's canvas (RFC 9649, sections 2.5-2.7); ``None`` without a known first chunk."""
    for name, body in webp_chunks(data):
        if name == b"VP8X" and len(body) >= 10:
            return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        if name == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
            bits = int.from_bytes(body[1:5], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        if name == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
            return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
        return None
    return None


def tiff_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in px in the first directory of a classic TIFF (TIFF 6.0, section 2); ``None`` if not there."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    if int.from_bytes(data[2:4], order) != 42:
        return None  # BigTIFF
    at = int.from_bytes(data[4:8], order)
    found = {}
    for start in range(at + 2, at + 2 + 12 * int.from_bytes(data[at : at + 2], order), 12):
        entry = data[start : start + 12]
        if len(entry) < 12:
            break
        tag, kind = int.from_bytes(entry[:2], order), int.from_bytes(entry[2:4], order)
        if tag in (256, 257) and kind in (3, 4):
            found[tag] = int.from_bytes(entry[8 : 10 if kind == 3 else 12], order)
    return (found[256], found[257]) if len(found) == 2 else None
