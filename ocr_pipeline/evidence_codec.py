"""Evidence of a page as bytes, so that a station can be decided again without its photos. Exact to the last bit.

Layout: ``TE``, one byte of version, then zlib over: length of a JSON header (4 bytes, big-endian), the header, and all
floats as little-endian IEEE 754 doubles, the first bytes of all of them, then the second bytes, and so on (equal
exponents side by side compress better). No pickle, so a stored blob can only be numbers.

Version 2 adds to each number whether it has a words line, and that line's corners. Version 1 is still read.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from ocr_pipeline.errors import EvidenceError
from ocr_pipeline.values import CLASSES, NO_BUBBLE, Floats, NumberEvidence, frozen

_MAGIC: Final = b"TE"
_VERSION: Final = 2
_OLDEST: Final = 1
_LONGEST_BYTES: Final = 4 * 1024 * 1024
"""Unpacked; a page of 100 numbers with ten boxes each takes a twentieth of this."""
_QUAD: Final = (4, 2)


def pack_evidence(evidence: Mapping[str, NumberEvidence]) -> bytes:
    """Evidence by field as bytes.

    Raises:
        ValueError: evidence filed under another field than its own, or arrays of the wrong shape or type.
    """
    rows, arrays = [], []
    for name, each in evidence.items():
        if each.field != name:
            raise ValueError(f"evidence of {each.field} under {name}")
        columns = 0 if each.bubbles is None else len(each.bubbles)
        rows.append(
            [name, len(each.boxes), None if each.bubbles is None else columns, each.bubble_marks]
            + [int(each.placed), int(each.crossed_out), int(each.words_quad_photo is not None)]
        )
        arrays += [_flat(each.boxes, (len(each.boxes), len(CLASSES)), name), _flat(each.quad_photo, _QUAD, name)]
        if each.bubbles is not None:
            arrays.append(_flat(each.bubbles, (columns, NO_BUBBLE + 1), name))
        if each.words_quad_photo is not None:
            arrays.append(_flat(each.words_quad_photo, _QUAD, name))
    header = json.dumps(rows, separators=(",", ":")).encode("ascii")
    floats = np.concatenate(arrays) if arrays else np.zeros(0, "<f8")
    planes = floats.view(np.uint8).reshape(-1, 8).T.tobytes()
    body = zlib.compress(len(header).to_bytes(4, "big") + header + planes, 6)
    return _MAGIC + bytes([_VERSION]) + body


def unpack_evidence(packed: bytes) -> dict[str, NumberEvidence]:
    """The evidence that :func:`pack_evidence` packed, now or in an earlier version, order kept, arrays read-only.

    Raises:
        EvidenceError: damaged, cut off, of an unknown version, or larger than any page can be.
    """
    if packed[:2] != _MAGIC or len(packed) < 3 or not _OLDEST <= packed[2] <= _VERSION:
        raise EvidenceError("versi tidak dikenal", "unknown version")
    try:
        body = _inflate(packed[3:])
        start = 4 + int.from_bytes(body[:4], "big")
        rows = json.loads(body[4:start])
        if packed[2] == 1:
            rows = [[*row, 0] for row in rows]
        planes = np.frombuffer(body[start:], np.uint8)
        floats = np.ascontiguousarray(planes.reshape(8, -1).T).reshape(-1).view("<f8").astype(np.float64)
        found = dict(_numbers(rows, floats))
    except (ValueError, TypeError, KeyError, RecursionError, zlib.error) as error:
        raise EvidenceError("isinya rusak", f"damaged ({type(error).__name__})") from error
    return found


def _inflate(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    body = stream.decompress(data, _LONGEST_BYTES)
    # zlib's own checksum stands at the end: without eof nothing of it was compared.
    if not stream.eof or stream.unused_data:
        raise ValueError("cut off, too long, or followed by something else")
    return body


def _numbers(rows: Any, floats: Floats) -> Iterator[tuple[str, NumberEvidence]]:
    at = 0

    def take(*shape: int) -> Floats:
        nonlocal at
        if min(shape) < 0 or at + shape[0] * shape[1] > len(floats):
            raise ValueError("fewer floats than the header announces")
        at += shape[0] * shape[1]
        return frozen(floats[at - shape[0] * shape[1] : at].reshape(shape).copy())

    for name, boxes, columns, marks, placed, crossed_out, worded in rows:
        if not isinstance(name, str) or not (marks is None or isinstance(marks, str)):
            raise ValueError("the header is not what it should be")
        own, quad = take(boxes, len(CLASSES)), take(*_QUAD)
        bubbles = None if columns is None else take(columns, NO_BUBBLE + 1)
        words = take(*_QUAD) if worded else None
        yield name, NumberEvidence(name, own, bubbles, marks, bool(placed), quad, bool(crossed_out), words)
    if at != len(floats):
        raise ValueError("more floats than the header announces")


def _flat(array: Floats, shape: tuple[int, int], name: str) -> Floats:
    if array.dtype != np.float64 or array.shape != shape:
        raise ValueError(f"{name}: an array of {array.dtype} {array.shape}, not float64 {shape}")
    return np.ascontiguousarray(array).astype("<f8").reshape(-1)
