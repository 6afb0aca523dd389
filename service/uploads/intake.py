"""The way in: one per web process. Bounds what is received at once, stores bytes, then has them recorded.

A photo is acknowledged only after its bytes are on the disk (or in the object store) and its rows are committed.
"""

import asyncio
import random
import secrets
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy.orm import Session

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.files import Limits
from ocr_pipeline.imaging.probe import capture_metadata, probe
from service import faults
from service.access import Actor
from service.blobs.port import original_key
from service.errors import ServiceError
from service.services import Services
from service.uploads.checks import Place, warnings_of
from service.uploads.claims import Claim
from service.uploads.reception import FileSink, Reception
from service.uploads.record import Arrival, Recorded
from service.uploads.spool import open_spool
from service.uploads.writer import GroupWriter

FILE_THREADS: Final = 16
"""Threads that wait for the disk or the object store; syncs of several files cost little more than one."""

QUERY_THREADS: Final = 8
LARGE_BYTES: Final = 8 * 1024 * 1024
LARGE_AT_ONCE: Final = 2
"""Files over so many bytes are looked into so few at a time: their headers are read with the whole file in memory."""

TAKE_OVER_WAIT_S: Final = 5
SWEEP_EVERY_S: Final = 300

_log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Submission:
    """A whole photo in a file of ours, ready to be accepted.

    Attributes:
        actor: who sent it.
        place: where it belongs, as checked before the bytes were taken.
        claim: what the sender said.
        path: the file; the caller deletes it afterwards.
        sha256: of the file's bytes, as counted here.
        size_bytes: their number.
        channel: ``tus``, ``put`` or ``multipart``.
        upload_id: the resumable upload that ends with this.
    """

    actor: Actor
    place: Place
    claim: Claim
    path: Path
    sha256: str
    size_bytes: int
    channel: str
    upload_id: str | None = None


class Intake:
    """Use as a context manager: leaving it writes what is queued, then ends the threads."""

    def __init__(self, services: Services, sweep_every_s: float = SWEEP_EVERY_S) -> None:
        """Nothing runs before the block is entered.

        Args:
            services: the process's services.
            sweep_every_s: seconds between looks for what was left behind; 0: never.
        """
        self.services = services
        self.spool = open_spool(services)
        self.scratch_dir = services.settings.spool_dir / "scratch"
        self.writer = GroupWriter(services)
        self._files = ThreadPoolExecutor(FILE_THREADS, "turus-file")
        self._queries = ThreadPoolExecutor(QUERY_THREADS, "turus-query")
        self._large = threading.BoundedSemaphore(LARGE_AT_ONCE)
        self._receptions: dict[str, Reception] = {}
        self._anonymous: set[Reception] = set()
        self._of_account: Counter[str] = Counter()
        self._stopping: ServiceError | None = None
        self._sweep_every_s = sweep_every_s
        self._ended = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep_for_ever, name="turus-sweeper", daemon=True)

    def __enter__(self) -> "Intake":
        """Starts the threads."""
        self.scratch_dir.mkdir(parents=True, exist_ok=True)
        self.writer.start()
        if self._sweep_every_s:
            self._sweeper.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ends the threads; what was queued is written first."""
        self._stopping = ServiceError("stopping")
        self._ended.set()
        if self._sweep_every_s:
            self._sweeper.join()
        self._files.shutdown(wait=True)
        self._queries.shutdown(wait=True)
        self.writer.stop()

    # running things elsewhere than in the event loop

    async def query(self, work: Callable[..., T], *args: Any) -> T:
        """Runs a short blocking function (a query) in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._queries, partial(work, *args))

    async def file(self, work: Callable[..., T], *args: Any) -> T:
        """Runs a blocking function that waits for a disk or an object store in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._files, partial(work, *args))

    async def write(self, work: Callable[[Session], T]) -> T:
        """Runs a function in the next group commit; it must not raise for what it expects."""
        return await asyncio.shield(asyncio.wrap_future(self.writer.run(work)))

    def later(self, work: Callable[..., object], *args: Any) -> None:
        """Runs a function in a thread and nobody waits for it; its failure is logged."""
        try:
            self._files.submit(partial(work, *args)).add_done_callback(_log_failure)
        except RuntimeError:  # the threads have ended: a request that outlived the server's patience
            work(*args)

    # taking bodies in

    @contextmanager
    def receiving(self, account_id: str | None = None) -> Iterator[Reception]:
        """A place among the uploads being received. Use in the event loop's thread.

        Args:
            account_id: who sends a whole photo; such an account gets no more places at once than it may have resumable
                uploads, or one that sends a byte a minute would take them all.

        Raises:
            ServiceError: ``busy`` when all are taken (with a Retry-After that spreads the callers), ``stopping``,
                ``too_many_requests`` when the account has its share.
        """
        if self._stopping:
            raise self._stopping
        if len(self._receptions) + len(self._anonymous) >= self.services.settings.max_receiving:
            raise ServiceError("busy", retry_after_s=random.randint(2, 8))
        if account_id is not None:
            limit = self.services.settings.max_open_uploads
            if self._of_account[account_id] >= limit:
                raise ServiceError("too_many_requests", details={"limit": limit})
            self._of_account[account_id] += 1
        reception = Reception()
        self._anonymous.add(reception)
        try:
            yield reception
        finally:
            if account_id is not None:
                self._of_account[account_id] -= 1
                self._of_account += Counter()  # drops accounts without any
            self._anonymous.discard(reception)
            reception.over.set()

    @asynccontextmanager
    async def holding(self, upload_id: str) -> AsyncIterator[Reception]:
        """Holds a resumable upload: whoever was receiving for it in this process stops and keeps what it has.

        A phone that lost its connection comes back long before the server notices that the old one is dead.

        Raises:
            ServiceError: ``upload_locked`` when the other does not let go in time, ``busy``, ``stopping``.
        """
        deadline = asyncio.get_running_loop().time() + TAKE_OVER_WAIT_S
        while (other := self._receptions.get(upload_id)) is not None:
            other.stop(ServiceError("upload_taken_over"))
            try:
                async with asyncio.timeout_at(deadline):
                    await other.over.wait()
            except TimeoutError:
                raise ServiceError("upload_locked", retry_after_s=2) from None
        with self.receiving() as reception:
            self._anonymous.discard(reception)
            self._receptions[upload_id] = reception
            try:
                yield reception
            finally:
                del self._receptions[upload_id]

    def stop_receiving(self) -> None:
        """Ends all receptions, keeping what has arrived, and refuses new ones; for a server about to stop.

        Call in the event loop's thread.
        """
        self._stopping = ServiceError("stopping")
        for reception in [*self._receptions.values(), *self._anonymous]:
            reception.stop(self._stopping)

    @property
    def receiving_now(self) -> int:
        """Uploads being received."""
        return len(self._receptions) + len(self._anonymous)

    def new_scratch(self) -> Path:
        """A name for a file of ours on the spool's disk."""
        return self.scratch_dir / f"{secrets.token_hex(16)}.part"

    def new_sink(self, *algorithms: str) -> FileSink:
        """A file to receive into."""
        return FileSink(self.new_scratch(), self.file, algorithms)

    # accepting

    async def accept(self, submission: Submission) -> Recorded:
        """Stores the photo's bytes, then records it; returns after the commit. Once begun, it is finished.

        Raises:
            ServiceError: ``checksum_mismatch``, ``not_a_photo``, ``too_many_pixels``, ``disk_full``, ``storage_away``,
                ``database_away``. After the last three the same submission may be tried again.
        """
        arrival = await self.file(self._prepare, submission)
        return await asyncio.shield(asyncio.wrap_future(self.writer.submit(arrival)))

    def accept_now(self, submission: Submission) -> Recorded:
        """The same for callers in a thread of their own."""
        return self.writer.submit(self._prepare(submission)).result()

    def _prepare(self, submission: Submission) -> Arrival:
        with self._large if submission.size_bytes > LARGE_BYTES else nullcontext():
            return prepare(self.services, submission)

    def _sweep_for_ever(self) -> None:
        from service.uploads.sweep import sweep

        while not self._ended.wait(self._sweep_every_s * random.uniform(0.5, 1.5)):
            try:
                sweep(self)
            except Exception as error:  # it must be there tomorrow
                _log.warning("uploads.sweep_failed", error=type(error).__name__)


def prepare(services: Services, submission: Submission) -> Arrival:
    """Looks at the file's header and makes its bytes safe; what is left to do is to record it.

    Raises:
        ServiceError: ``checksum_mismatch``, ``not_a_photo``, ``too_many_pixels``, ``disk_full``, ``storage_away``.
    """
    faults.at("intake.spooled")
    claim, settings = submission.claim, services.settings
    if claim.sha256 is not None and claim.sha256 != submission.sha256:
        raise ServiceError("checksum_mismatch", details={"sha256_received": submission.sha256})
    try:
        seen = probe(submission.path, Limits(settings.max_photo_bytes, settings.max_photo_pixels))
    except PhotoRejected as error:
        code = "too_many_pixels" if error.reason == "too_large" else "not_a_photo"
        raise ServiceError(code, details={"reason": error.reason}) from error
    faults.at("intake.hashed")
    capture: dict[str, Any] = {**capture_metadata(submission.path)}
    capture |= {name: value for name in ("filename", "filetype") if (value := getattr(claim, name))}
    services.blobs.put_file(original_key(submission.sha256), submission.path)
    faults.at("intake.stored")
    now = services.now()
    return Arrival(
        actor=submission.actor,
        place=submission.place,
        claim=claim,
        sha256=submission.sha256,
        size_bytes=submission.size_bytes,
        format=seen.format,
        width_px=seen.width_px,
        height_px=seen.height_px,
        capture=capture,
        received_at=now,
        channel=submission.channel,
        warnings=warnings_of(claim, now),
        upload_id=submission.upload_id,
    )


def _log_failure(future: "Future[Any]") -> None:
    error = future.exception()
    if error is not None:
        _log.warning("uploads.clean_up_failed", error=type(error).__name__)
