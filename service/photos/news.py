"""News of photos, as server-sent events: each event is the whole present state of one photo.

So a client that missed some has missed nothing once it has the newest, and an event may come twice.
"""

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from service.access import Action, Actor, authorise
from service.errors import ServiceError
from service.photos.seen import PhotoSeen
from service.photos.view import PhotoFilter, find_photo, list_photos, see_photos
from service.services import Services
from service.store.accounts import Account, LoginSession

MAX_STREAMS = 200
"""Streams at once in one process; each asks the database once a second."""
MAX_STREAMS_OF_ACCOUNT = 10
MAX_PHOTOS_OF_STATION = 200
POLL_S = 1.0
HEARTBEAT_S = 15.0
LONGEST_S = 3600.0
"""After this a stream ends, and its client connects again."""
RETRY_MS = 3000
"""How long a client should wait before it connects again."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class News:
    """The present state of one photo.

    Attributes:
        photo_id: photo.
        mark: changes with the state.
        data: what is sent.
        is_final: nothing more will happen by itself.
    """

    photo_id: str
    mark: str
    data: Mapping[str, Any]
    is_final: bool


class Streams:
    """Counts the streams of one process. Used from the event loop's thread only."""

    def __init__(self, limit: int = MAX_STREAMS, limit_of_account: int = MAX_STREAMS_OF_ACCOUNT) -> None:
        self._limit = limit
        self._limit_of_account = limit_of_account
        self._open: Counter[str] = Counter()

    def enter(self, account_id: str) -> Callable[[], None]:
        """Takes a place; returns what gives it back, once, however often it is called.

        Raises:
            ServiceError: ``busy`` when the process has no place left, ``too_many_requests`` when the account has too
                many open already.
        """
        if self._open[account_id] >= self._limit_of_account:
            raise ServiceError("too_many_requests", details={"streams": self._limit_of_account})
        if self._open.total() >= self._limit:
            raise ServiceError("busy", details={"streams": self._limit})
        self._open[account_id] += 1
        places = [account_id]

        def leave() -> None:
            while places:
                self._open[places.pop()] -= 1
            self._open += Counter()  # drops accounts without streams

        return leave

    @property
    def open(self) -> int:
        """Streams open now."""
        return self._open.total()


def photo_news(services: Services, actor: Actor, photo_id: str) -> list[News]:
    """The state of one photo.

    Raises:
        ServiceError: ``not_found``, ``foreign_region``.
    """
    with services.store.read() as session:
        photo = find_photo(session, actor, photo_id)
        return [_news(seen) for seen in see_photos(session, [photo], with_numbers=False)]


def station_news(services: Services, actor: Actor, election_id: str | None, tps: str) -> list[News]:
    """The states of a station's newest photos.

    Raises:
        ServiceError: ``foreign_region``.
    """
    authorise(actor, Action.SEE_PHOTO, tps)
    with services.store.read() as session:
        photos = list_photos(session, PhotoFilter(tps, election_id), None, MAX_PHOTOS_OF_STATION)
        return [_news(seen) for seen in see_photos(session, photos, with_numbers=False)]


def session_lives(services: Services, actor: Actor) -> bool:
    """Whether the session that a stream was opened with is still good, so that revoking ends streams too."""
    query = (
        select(LoginSession.id)
        .join(Account, Account.id == LoginSession.account_id)
        .where(
            LoginSession.id == actor.session_id,
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > services.now(),
            Account.state == "active",
        )
    )
    with services.store.read() as session:
        return session.scalars(query).first() is not None


def mark_of(news: Mapping[str, str]) -> str:
    """What a client knows, as an event id: a hash over the marks of all photos it has been told of."""
    text = "\n".join(f"{photo_id} {mark}" for photo_id, mark in sorted(news.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Timing:
    """How often things happen in a stream, seconds. Tests make it faster."""

    poll_s: float = POLL_S
    heartbeat_s: float = HEARTBEAT_S
    longest_s: float = LONGEST_S


async def follow(
    look: Callable[[], Sequence[News]],
    lives: Callable[[], bool],
    stopping: Callable[[], bool],
    last_id: str | None,
    timing: Timing,
    *,
    until_final: bool,
) -> AsyncIterator[bytes]:
    """The text of an event stream. No database connection is held between two looks.

    Args:
        look: the present state of the photos; runs in a thread.
        lives: whether the client may go on listening; runs in a thread, at every heartbeat.
        stopping: whether the process is being stopped.
        last_id: ``Last-Event-ID`` of a client that was cut off.
        timing: how often.
        until_final: end after the event that says that nothing more will come by itself.

    Yields:
        Lines of ``text/event-stream``: events ``photo`` with their ids, and comments as heartbeats.
    """
    yield f"retry: {RETRY_MS}\n\n".encode()
    known: dict[str, str] = {}
    started = said_at = time.monotonic()
    is_first = True
    while not stopping() and time.monotonic() - started < timing.longest_s:
        try:
            news = await run_in_threadpool(look)
        except (ServiceError, SQLAlchemyError) as error:  # moved out of sight, or the database is away
            _log.info("stream.ended", error=type(error).__name__)
            return
        if is_first and last_id == mark_of({item.photo_id: item.mark for item in news}):
            known = {item.photo_id: item.mark for item in news}
        is_first = False
        for text in _changes(news, known):
            yield text
            said_at = time.monotonic()
        if until_final and all(item.is_final for item in news):
            return
        if time.monotonic() - said_at >= timing.heartbeat_s:
            if not await run_in_threadpool(lives):
                return
            yield b": ok\n\n"
            said_at = time.monotonic()
        await asyncio.sleep(timing.poll_s)


def _changes(news: Sequence[News], known: dict[str, str]) -> Iterator[bytes]:
    """An event for each photo that is not as the client knows it, the oldest first; ``known`` follows."""
    present = {item.photo_id for item in news}
    for gone in sorted(known.keys() - present):  # moved to another station
        del known[gone]
        yield _event(mark_of(known), "gone", {"id": gone})
    for item in sorted(news, key=lambda item: item.photo_id):
        if known.get(item.photo_id) != item.mark:
            known[item.photo_id] = item.mark
            yield _event(mark_of(known), "photo", item.data)


def _event(event_id: str, name: str, data: Mapping[str, Any]) -> bytes:
    return f"id: {event_id}\nevent: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _news(seen: PhotoSeen) -> News:
    data = {
        "id": seen.id,
        "election": seen.election,
        "tps": seen.tps,
        "page": seen.page,
        "page_read": seen.page_read,
        "state": seen.state,
        "failure": seen.failure.code if seen.failure else None,
        "outcome": seen.outcome,
        "reason": seen.reason.code if seen.reason else None,
        "advice": {"id": seen.advice.id, "en": seen.advice.en},
        "replaced_by": seen.replaced_by,
        "rev": seen.rev,
    }
    text = json.dumps(data, sort_keys=True)
    return News(seen.id, hashlib.sha256(text.encode()).hexdigest()[:16], data, seen.state != "received")
