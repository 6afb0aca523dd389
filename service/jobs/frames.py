"""Messages between a worker and its reader processes: a JSON header and raw bytes behind it.

Layout of one message: length of the header (4 bytes, big-endian), the header as UTF-8 JSON, then the blobs whose
lengths the header's ``blobs`` lists. No pickle: a photo that takes a reader over must not take the worker over with it.
"""

import json
import os
import select
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

_LENGTH_BYTES: Final = 4
_LARGEST_HEADER: Final = 16 * 1024 * 1024
_LARGEST_BLOB: Final = 64 * 1024 * 1024
_PIECE: Final = 1024 * 1024


class Frame(NamedTuple):
    """One message."""

    header: Mapping[str, Any]
    blobs: Sequence[bytes]


class FrameTimeout(Exception):
    """The other side did not answer in time."""


def write_frame(descriptor: int, header: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> None:
    """Sends a message.

    Raises:
        OSError: the other side has gone.
    """
    head = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}, separators=(",", ":")).encode()
    view = memoryview(b"".join([len(head).to_bytes(_LENGTH_BYTES, "big"), head, *blobs]))
    while view:
        view = view[os.write(descriptor, view) :]


def read_frame(descriptor: int, timeout_s: float | None = None) -> Frame:
    """Waits for a message.

    Args:
        descriptor: a pipe's reading end.
        timeout_s: longest time for the whole message; ``None`` waits for ever.

    Raises:
        EOFError: the other side has gone.
        FrameTimeout: the time is over.
        ValueError: not a message.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    size = int.from_bytes(_exactly(descriptor, _LENGTH_BYTES, deadline), "big")
    if size > _LARGEST_HEADER:
        raise ValueError(f"a header of {size} bytes")
    header = json.loads(_exactly(descriptor, size, deadline))
    lengths = header.pop("blobs")
    if any(not 0 <= length <= _LARGEST_BLOB for length in lengths):
        raise ValueError("a blob of impossible length")
    return Frame(header, [_exactly(descriptor, length, deadline) for length in lengths])


def _exactly(descriptor: int, size: int, deadline: float | None) -> bytes:
    pieces = []
    while size:
        if deadline is not None and not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise FrameTimeout
        piece = os.read(descriptor, min(size, _PIECE))
        if not piece:
            raise EOFError
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
