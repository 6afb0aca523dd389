"""Taking a request's body in: to a file, hashed on the way, never whole in memory, and never waiting for ever."""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, Protocol

from starlette.types import Receive

from service.errors import ServiceError
from service.uploads.spool import disk_errors

BUFFER_BYTES: Final = 256 * 1024
"""Gathered before a thread is asked to write: larger costs memory for each connection, smaller costs time."""

Run = Callable[..., Awaitable[Any]]
"""Runs a blocking function with its arguments in a thread."""


class End(Enum):
    """How a body ended."""

    COMPLETE = auto()
    CUT = auto()
    STALLED = auto()
    STOPPED = auto()
    TOO_LONG = auto()


DRAIN_SILENCE_S: Final = 0.2
DRAIN_S: Final = 2.0
"""A body that is stopped may still take what is on its way: until so long nothing comes, and so long altogether.

Bytes in the machine's buffers have crossed the bad network already; without this they would have to do it again."""


class Reception:
    """A body being received, which somebody else may stop: the phone has come back over another connection."""

    def __init__(self) -> None:
        self.stopped_with: ServiceError | None = None
        self.over = asyncio.Event()
        self._stop_at = math.inf
        self._limit: asyncio.Timeout | None = None

    def stop(self, error: ServiceError) -> None:
        """Ends it soon; what has arrived is kept. Call in the event loop's thread."""
        if self.stopped_with is None:
            self.stopped_with = error
            now = asyncio.get_running_loop().time()
            self._stop_at = now + DRAIN_S
            if self._limit is not None:
                self._limit.reschedule(now + DRAIN_SILENCE_S)

    async def next_message(self, receive: Receive, timeout_s: float) -> Any | None:
        """The next message of the body; ``None`` when nothing came in time or it was stopped."""
        now = asyncio.get_running_loop().time()
        if now >= self._stop_at:
            return None
        wait_s = DRAIN_SILENCE_S if self.stopped_with else timeout_s
        try:
            async with asyncio.timeout_at(min(now + wait_s, self._stop_at)) as self._limit:
                return await receive()
        except TimeoutError:
            return None
        finally:
            self._limit = None


class Sink(Protocol):
    """Where the bytes of a body go."""

    async def write(self, data: bytes) -> None:
        """Takes bytes."""

    async def flush(self) -> None:
        """Hands on what was gathered."""


class FileSink:
    """A file that is written by threads, a buffer at a time, and hashed on the way.

    Attributes:
        path: the file; it is there only when something was written.
        size_bytes: bytes taken.
    """

    def __init__(self, path: Path, run: Run, algorithms: Sequence[str] = ("sha256",)) -> None:
        self.path = path
        self.size_bytes = 0
        self._run = run
        self._hashes = {name: hashlib.new(name) for name in dict.fromkeys(algorithms)}
        self._buffer = bytearray()

    async def write(self, data: bytes) -> None:
        """Takes bytes.

        Raises:
            ServiceError: ``disk_full`` or ``storage_away``; what was written before is in the file.
        """
        self._buffer += data
        self.size_bytes += len(data)
        if len(self._buffer) >= BUFFER_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Writes what was gathered."""
        if self._buffer:
            data, self._buffer = bytes(self._buffer), bytearray()
            await self._run(self._append, data)

    def digest(self, algorithm: str) -> bytes:
        """Hash of all bytes flushed."""
        return self._hashes[algorithm].digest()

    def discard(self) -> None:
        """Deletes the file."""
        self.path.unlink(missing_ok=True)

    def _append(self, data: bytes) -> None:
        with disk_errors(), self.path.open("ab", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
        for one in self._hashes.values():
            one.update(data)


async def receive_body(
    receive: Receive, sink: Sink, limit_bytes: int, timeout_s: float, reception: Reception, until: float | None = None
) -> End | None:
    """Takes a body in until it ends, one way or another.

    Args:
        receive: ASGI's.
        sink: where the bytes go.
        limit_bytes: more than this is ``TOO_LONG``.
        timeout_s: silence after which it is ``STALLED``.
        reception: through which it may be stopped.
        until: time of the event loop's clock at which to return ``None`` with the body unfinished.

    Returns:
        How it ended; the sink is flushed.

    Raises:
        ServiceError: from the sink.
    """
    taken_bytes = 0
    clock = asyncio.get_running_loop().time
    end: End | None = None
    while end is None:
        message = await reception.next_message(receive, timeout_s)
        if message is None:
            end = End.STOPPED if reception.stopped_with else End.STALLED
        elif message["type"] != "http.request":
            end = End.CUT
        else:
            data: bytes = message.get("body", b"")
            taken_bytes += len(data)
            if taken_bytes > limit_bytes:
                end = End.TOO_LONG
                break
            await sink.write(data)
            if not message.get("more_body", False):
                end = End.COMPLETE
            elif until is not None and clock() >= until:
                break
    await sink.flush()
    return end


def end_error(end: End, reception: Reception) -> ServiceError:
    """What to answer when a body did not end well; the connection is closed, because its rest is of no use."""
    closing = {"Connection": "close"}
    if end is End.STOPPED and reception.stopped_with is not None:
        error = reception.stopped_with
        return ServiceError(error.code, details=error.details, headers={**error.headers, **closing})
    codes = {End.CUT: "upload_interrupted", End.STALLED: "upload_stalled", End.TOO_LONG: "upload_too_long"}
    return ServiceError(codes.get(end, "upload_interrupted"), headers=closing)
