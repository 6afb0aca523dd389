"""Many photos, several processes, one order.

Results come in the order of the paths. One worker has one photo at a time, so that when a worker dies (out of memory, a
crash in a native library) it is known which photo killed it: that one is refused, the worker is replaced and the batch
goes on. Memory is flat: only a few photos per worker are read ahead of the one the caller waits for.
"""

import multiprocessing as mp
import os
import signal
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ocr_pipeline.errors import TurusError
from ocr_pipeline.forms.library import own_files, use_files
from service.cli.errors import print_error

if TYPE_CHECKING:
    from ocr_pipeline.reader import PageResult

READ_AHEAD = 4
"""Photos per worker that may wait, finished, for a slower one before them."""

PHOTOS_PER_PROCESS = 8
"""A process pays for its start (about a second) only when it has about this many photos to read."""

TRIES = 2
"""A photo whose worker dies is tried once more in a fresh one (memory may have been short), then refused."""

_READY, _PAGES, _FAILED = "ready", "pages", "failed"


class PhotoReader(Protocol):
    """What reads one file; see :class:`ocr_pipeline.reader.Reader`."""

    def read_file(self, path: str, form_id: str | None = None, page: int | None = None) -> "list[PageResult]":
        """Every page of a file; a bad file is a rejected page, never an exception."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """What is done with each photo, in whichever process.

    Attributes:
        load: makes the reader, once in each process; a module-level function, so that it can be sent there.
        form_id: the form asked for, or ``None``.
        page: the printed page asked for, or ``None``.
    """

    load: Callable[[], PhotoReader]
    form_id: str | None = None
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One file of a batch; ``overlay`` names its overlay picture without page number and suffix."""

    path: str
    overlay: Path | None = None


def load_reader() -> PhotoReader:
    """The real reader."""
    from ocr_pipeline.reader import Reader

    return Reader.load()


def process_count(jobs: int | None, photos: int) -> int:
    """How many processes to use: what was asked for, else as many cores as the batch is worth."""
    if jobs is not None:
        return max(1, min(jobs, photos))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, photos // PHOTOS_PER_PROCESS))


def read_batch(tasks: Sequence[Task], job: Job, processes: int) -> "Iterator[list[PageResult]]":
    """Reads files and yields the pages of each, in input order.

    Args:
        tasks: the files.
        job: what to do with each.
        processes: 1 reads in this process and thread; more start that many others.

    Raises:
        TurusError: the reader cannot be loaded, or processes cannot be started.
    """
    if processes == 1:
        reader = job.load()
        for task in tasks:
            yield read_one(reader, task, job)
        return
    with closing(_Crew(job, processes)) as crew:
        yield from crew.run(tasks)


def read_one(reader: PhotoReader, task: Task, job: Job) -> "list[PageResult]":
    """Reads one file and draws its overlay pictures; an unexpected failure is reported and refuses this file only."""
    try:
        results = reader.read_file(task.path, job.form_id, job.page)
    except Exception:
        print_error(
            "internal",
            f"Kesalahan program pada {task.path}; berkas ini ditolak. Laporkan teks ini.",
            f"A fault in the program at {task.path}; this file is refused. Please report this text.",
            traceback.format_exc(limit=-3),
        )
        return [refused(task.path)]
    if task.overlay is not None:
        _save_overlays(results, task.overlay)
    return results


def _save_overlays(results: "list[PageResult]", stem: Path) -> None:
    """Draws the pictures; one that cannot be written costs no reading."""
    from service.report.overlay import save_overlays

    try:
        save_overlays(results, stem)
    except Exception as error:
        print_error(
            "overlay_not_written",
            f"Gambar {stem} tidak dapat ditulis ({error}); hasil bacaannya tetap ada. Periksa folder dan ruang disk.",
            f"Picture {stem} cannot be written ({error}); the reading is kept. Check the folder and the disk space.",
        )


def refused(path: str) -> "PageResult":
    """The result of a file that no process survived."""
    from ocr_pipeline.reader import PageResult
    from ocr_pipeline.revision import PIPELINE_REV
    from ocr_pipeline.values import PageRead

    read = PageRead(
        photo=path,
        sha256=None,
        form=None,
        page=None,
        form_rev=None,
        outcome="rejected",
        reason="unreadable_file",
        numbers={},
        rules=(),
        quality=None,
        timing_ms={},
        pipeline_rev=PIPELINE_REV,
        models={},
    )
    return PageResult(read=read, evidence={}, fit=None)


class _Crew:
    """Worker processes, each with at most one photo."""

    def __init__(self, job: Job, processes: int) -> None:
        self._job = job
        self._context = mp.get_context("spawn")
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, _Worker] = {}
        self._size = processes
        self._deaths: Counter[int] = Counter()
        self._dead_starts = 0

    def run(self, tasks: Sequence[Task]) -> "Iterator[list[PageResult]]":
        done: dict[int, list[PageResult]] = {}
        waiting = deque(range(len(tasks)))
        for emitted in range(len(tasks)):
            while emitted not in done:
                limit = emitted + READ_AHEAD * self._size
                while waiting and waiting[0] < limit and len(self._busy) < self._size:
                    self._give(tasks, waiting.popleft())
                for index, results in self._collect():
                    if results is None:
                        waiting.appendleft(index)
                    else:
                        done[index] = results
            yield done.pop(emitted)

    def _give(self, tasks: Sequence[Task], index: int) -> None:
        worker = self._next_worker()
        worker.index, worker.task = index, tasks[index]
        # A worker that has just died is noticed when its answer is waited for.
        with suppress(OSError):
            worker.connection.send(worker.task)
        self._busy[worker.connection] = worker

    def _next_worker(self) -> "_Worker":
        while self._idle:
            worker = self._idle.pop()
            if worker.process.is_alive():
                return worker
            worker.stop()
        return _Worker(self._context, self._job)

    def _collect(self) -> "Iterator[tuple[int, list[PageResult] | None]]":
        """(index, pages) of each photo that is finished, with ``None`` for one that is to be tried again."""
        for ready in wait(list(self._busy)):
            assert isinstance(ready, Connection)
            worker = self._busy[ready]
            try:
                kind, content = ready.recv()
            except (EOFError, OSError):
                del self._busy[ready]
                yield worker.index, self._mourn(worker)
                continue
            if kind == _FAILED:
                raise TurusError(*content)
            if kind == _READY:
                worker.is_ready, self._dead_starts = True, 0
                continue
            del self._busy[ready]
            self._idle.append(worker)
            yield worker.index, content

    def _mourn(self, worker: "_Worker") -> "list[PageResult] | None":
        worker.stop()
        code, path = worker.process.exitcode, worker.task.path
        if not worker.is_ready:
            self._dead_starts += 1
            if self._dead_starts < TRIES:
                return None
            raise TurusError(
                "worker_lost",
                f"Proses pembaca tidak dapat dimulai (kode {code}). Coba lagi dengan --jobs 1.",
                f"Reading processes cannot be started (code {code}). Try again with --jobs 1.",
            )
        self._deaths[worker.index] += 1
        if self._deaths[worker.index] < TRIES:
            return None
        print_error(
            "worker_lost",
            f"Proses pembaca berhenti (kode {code}) saat membaca {path}; berkas itu ditolak, yang lain dilanjutkan.",
            f"A reading process ended (code {code}) while reading {path}; that file is refused, the rest goes on.",
        )
        return [refused(path)]

    def close(self) -> None:
        for worker in [*self._idle, *self._busy.values()]:
            worker.stop()


class _Worker:
    """One process and the line to it."""

    def __init__(self, context: mp.context.SpawnContext, job: Job) -> None:
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_serve, args=(theirs, job, own_files()), daemon=True)
        self.is_ready = False
        self.index = -1
        self.task = Task("")
        # A process inherits the signals that are blocked where it is started: without this, Ctrl-C during its first
        # moments ends it in a traceback. Here the signal waits until the start is done.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        # Only the child may hold its end, or its death would not be seen here.
        theirs.close()

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join()


def _serve(connection: Connection, job: Job, own: tuple[Path, ...]) -> None:
    """A worker's life: load the reader once, then one photo after the other until the line is closed.

    It knows the forms that its parent knows; ``own`` are the files of those that do not ship with Turus.
    """
    # Ctrl-C goes to the whole group; the parent decides, and stops its workers. Blocked so far, from now on ignored.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, OSError):
        try:
            use_files(own)
            reader = job.load()
        except TurusError as error:
            # Not the error itself: exceptions with arguments of their own do not survive pickling.
            connection.send((_FAILED, (error.code, error.message_id, error.message_en)))
            return
        connection.send((_READY, None))
        while True:
            task = connection.recv()
            connection.send((_PAGES, read_one(reader, task, job)))
