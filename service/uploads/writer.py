"""One thread that writes arrivals down, as many in one commit as have queued up while the last was under way.

A commit costs a sync of the disk, which costs the same for one row as for fifty; so the more is to be done, the less
each costs.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from service import faults
from service.errors import ServiceError
from service.services import Services
from service.store.engine import is_disk_full, is_outage
from service.uploads.record import Arrival, Recorded, record

MAX_BATCH: Final = 64
TRIES: Final = 3
"""Tries of one batch when the database hiccups: a deadlock, a restart of PostgreSQL."""

_PAUSE_S: Final = 0.2
_log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Item:
    """Something to write: an arrival, or any short work of its own in the same transaction."""

    work: Arrival | Callable[[Session], Any]
    future: "Future[Any]"


class GroupWriter:
    """Takes arrivals and other short writes from any thread; its own thread commits them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="turus-writer", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Writes what has queued up, then ends the thread."""
        self._queue.put(None)
        self._thread.join()

    def submit(self, arrival: Arrival) -> "Future[Recorded]":
        """Queues an arrival; the future is done after the commit.

        The future fails with ServiceError ``database_away`` or ``disk_full``, or with what the database said.
        """
        future: Future[Recorded] = Future()
        self._queue.put(_Item(arrival, future))
        return future

    def run(self, work: Callable[[Session], T]) -> "Future[T]":
        """Queues a short write. It may run several times and must be idempotent; the future as in :meth:`submit`."""
        future: Future[T] = Future()
        self._queue.put(_Item(work, future))
        return future

    def _run(self) -> None:
        running = True
        while running:
            items, running = self._take()
            if items:
                self._write(items)

    def _take(self) -> tuple[list[_Item], bool]:
        """What has queued up, at least one; and whether to go on after that."""
        items: list[_Item] = []
        item = self._queue.get()
        while True:
            if item is None:
                return items, False
            if item.future.set_running_or_notify_cancel():
                items.append(item)
            if len(items) >= MAX_BATCH:
                return items, True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return items, True

    def _write(self, items: Sequence[_Item]) -> None:
        try:
            results = self._commit(items)
        except Exception as error:
            known = database_error(error)
            if known is None and len(items) > 1:
                # One of them cannot be written; the others must not suffer for it.
                for item in items:
                    self._write([item])
                return
            if not isinstance(error, ServiceError):
                _log.warning("upload.not_recorded", items=len(items), error=type(error).__name__)
            for item in items:
                item.future.set_exception(known or error)
        else:
            for item, result in zip(items, results, strict=True):
                item.future.set_result(result)

    def _commit(self, items: Sequence[_Item]) -> list[Any]:
        for tries_left in reversed(range(TRIES)):
            try:
                with self._services.store.write() as session:
                    results = self._in_transaction(session, items)
                if any(isinstance(item.work, Arrival) for item in items):
                    faults.at("intake.after_commit")
                return results
            except (DBAPIError, PoolTimeout) as error:
                if not tries_left or not is_outage(error):
                    raise
                time.sleep(_PAUSE_S)
        raise AssertionError("unreachable")

    def _in_transaction(self, session: Session, items: Sequence[_Item]) -> list[Any]:
        """Short writes first, arrivals last: they end with the audit's heads, which others may wait for."""
        results: dict[int, Any] = {}
        arrivals: list[tuple[int, Arrival]] = []
        for index, item in enumerate(items):
            if isinstance(item.work, Arrival):
                arrivals.append((index, item.work))
            else:
                results[index] = item.work(session)
        if arrivals:
            recorded = record(session, self._services.keys, [a for _, a in arrivals], self._services.now())
            results |= {index: one for (index, _), one in zip(arrivals, recorded, strict=True)}
            faults.at("intake.before_commit")
        return [results[index] for index in range(len(items))]


def database_error(error: BaseException) -> ServiceError | None:
    """What a client is told of an error of the database; ``None`` where it is not the database's being away."""
    if not isinstance(error, DBAPIError | PoolTimeout):
        return None
    if is_disk_full(error):
        return ServiceError("disk_full")
    return ServiceError("database_away") if is_outage(error) else None
