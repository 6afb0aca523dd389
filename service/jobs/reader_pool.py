"""Reader processes of a worker: each has at most one photo, so that it is known which photo broke it.

The worker itself loads neither OpenCV nor ONNX Runtime. A reader that dies or takes too long is replaced; one that has
read many photos is replaced too, so that memory stays flat whatever a library leaks. Readers end by themselves when
the worker is gone, however it ended: they see the end of their pipe.
"""

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from service.jobs.frames import Frame, FrameTimeout, read_frame, write_frame

PROGRAM: Final = (sys.executable, "-m", "service.jobs.reader_child")
START_TIMEOUT_S: Final = 120.0
PHOTOS_PER_PROCESS: Final = 500
_END_TIMEOUT_S: Final = 5.0
_log = structlog.get_logger()


class ReaderBroke(Exception):
    """A photo broke its reader; ``code`` is ``reader_crashed`` or ``reader_timeout``."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class ReaderUnavailable(Exception):
    """Readers cannot be started (a model is missing, no memory, stopping): no photo's fault."""


@dataclass(frozen=True, slots=True)
class PartRead:
    """One part of a file as read.

    Attributes:
        body: the line of ``turus read``.
        took_ms: time of the reading alone.
        view_ms: time of drawing the view.
        evidence: packed; ``None`` for a refused photo.
        fingerprint: of the handwriting; ``None`` for a refused photo.
        view: JPEG for people; ``None`` for a file that cannot be decoded.
    """

    body: Mapping[str, Any]
    took_ms: float
    view_ms: float
    evidence: bytes | None
    fingerprint: bytes | None
    view: bytes | None


class ReaderPool:
    """Up to ``size`` reader processes, started when they are needed; safe to use from many threads."""

    def __init__(
        self,
        size: int,
        timeout_s: float,
        program: Sequence[str] = PROGRAM,
        *,
        photos_per_process: int = PHOTOS_PER_PROCESS,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        """Starts nothing yet.

        Args:
            size: processes, and so photos read at once.
            timeout_s: longest time for one part of a file.
            program: command line of a reader; tests put another in.
            photos_per_process: after so many a process is replaced.
            start_timeout_s: longest time until a new process is ready.
        """
        self._timeout_s = timeout_s
        self._program = tuple(program)
        self._photos_per_process = photos_per_process
        self._start_timeout_s = start_timeout_s
        self._slots = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._closed = False

    def parts(self, path: Path) -> list[int]:
        """Numbers of a file's parts: ``[0]`` for a photo, ``[1, 2, ...]`` for a file with pages.

        Raises:
            ReaderBroke: the file broke its reader.
            ReaderUnavailable: no reader can be started.
        """
        found = self._ask({"op": "parts", "path": str(path)}).header["parts"]
        return [int(part) for part in found]

    def read(self, path: Path, part: int, name: str) -> PartRead:
        """Reads one part of a file; waits for a free process first.

        Args:
            path: the file.
            part: 0 for a photo, else the page from 1.
            name: the photo's name in the reading.

        Raises:
            ReaderBroke: the photo broke its reader.
            ReaderUnavailable: no reader can be started.
        """
        frame = self._ask({"op": "read", "path": str(path), "part": part, "name": name})
        evidence, fingerprint, view = frame.blobs
        head = frame.header
        return PartRead(
            head["read"], head["took_ms"], head["view_ms"], evidence or None, fingerprint or None, view or None
        )

    def processes(self) -> list[int]:
        """Process ids of the readers that live."""
        with self._lock:
            return [child.pid for child in self._all]

    def close(self) -> None:
        """Ends every process; readings under way end as ``ReaderUnavailable``."""
        with self._lock:
            self._closed = True
            children, self._all, self._idle = list(self._all), set(), []
        for child in children:
            child.hang_up()
        for child in children:
            child.end()

    def _ask(self, request: Mapping[str, Any]) -> Frame:
        with self._slots:
            child = self._take()
            try:
                frame = child.ask({**request, "timeout_s": self._timeout_s}, self._timeout_s)
            except BaseException as error:
                self._drop(child)
                if self._closed:
                    raise ReaderUnavailable("stopping") from error
                raise
            self._give_back(child)
        if "broke" in frame.header:
            _log.error("reader.fault", detail=frame.header["broke"])
            raise ReaderBroke("reader_crashed", str(frame.header["broke"]))
        return frame

    def _take(self) -> "_Child":
        with self._lock:
            if self._closed:
                raise ReaderUnavailable("stopping")
            while self._idle:
                child = self._idle.pop()
                if child.alive:
                    return child
                self._all.discard(child)
                child.end()
        child = _Child(self._program)
        with self._lock:
            self._all.add(child)
        try:
            child.wait_ready(self._start_timeout_s)
        except BaseException:
            self._drop(child)
            raise
        return child

    def _give_back(self, child: "_Child") -> None:
        with self._lock:
            keep = not self._closed and child.photos < self._photos_per_process
            if keep:
                self._idle.append(child)
        if not keep:
            self._drop(child)

    def _drop(self, child: "_Child") -> None:
        with self._lock:
            self._all.discard(child)
        child.end()


class _Child:
    """One process and the two pipes to it."""

    def __init__(self, program: Sequence[str]) -> None:
        try:
            self._process = subprocess.Popen(
                program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                # Signals of the terminal are for the worker, which lets its readers finish.
                start_new_session=True,
            )
        except OSError as error:
            raise ReaderUnavailable(str(error)) from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self.photos = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_ready(self, timeout_s: float) -> None:
        try:
            header = read_frame(self._stdout.fileno(), timeout_s).header
        except (EOFError, OSError, ValueError, FrameTimeout) as error:
            raise ReaderUnavailable(f"a reader did not start: {type(error).__name__}") from error
        if "failed" in header:
            raise ReaderUnavailable(f"{header['failed']}: {header.get('detail', '')}")

    def ask(self, request: Mapping[str, Any], timeout_s: float) -> Frame:
        self.photos += 1
        try:
            write_frame(self._stdin.fileno(), request)
            return read_frame(self._stdout.fileno(), timeout_s)
        except FrameTimeout as error:
            raise ReaderBroke("reader_timeout", f"after {timeout_s:g} s") from error
        except (EOFError, OSError, ValueError) as error:
            self._process.kill()
            raise ReaderBroke("reader_crashed", f"exit code {self._process.wait()}") from error

    def hang_up(self) -> None:
        with suppress(OSError):
            self._stdin.close()

    def end(self) -> None:
        """Ends the process for certain: by closing its line, or by force when it is busy."""
        self.hang_up()
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_TIMEOUT_S)
        self._stdout.close()
