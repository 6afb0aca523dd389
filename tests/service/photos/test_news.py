"""Server-sent events over a real server: order, resuming, heartbeats, limits, and an end when it is time."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from service.access import Role
from service.photos.news import Streams, Timing
from service.store.accounts import LoginSession
from service.store.photos import Photo
from tests.service.photos.stand import World, number
from tests.service.uploads.wire import running


@dataclass
class Live:
    """The world's application behind a real uvicorn."""

    url: str
    server: uvicorn.Server
    app: FastAPI


@pytest.fixture
def live(world: World) -> Iterator[Live]:
    app = world.client.app
    assert isinstance(app, FastAPI)
    app.state.stream_timing = Timing(poll_s=0.02, heartbeat_s=0.1)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    app.state.server = server
    with running(server) as url:
        yield Live(url, server, app)


def events(response: httpx2.Response) -> Iterator[dict[str, Any]]:
    """The events of a stream, with heartbeats as events named ``heartbeat``."""
    event: dict[str, Any] = {}
    for line in response.iter_lines():
        if line.startswith(":"):
            yield {"event": "heartbeat"}
        elif line:
            name, _, value = line.partition(": ")
            event[name] = json.loads(value) if name == "data" else value
        elif "data" in event:
            yield event
            event = {}


def test_a_photo_is_followed_until_it_is_read(world: World, live: Live) -> None:
    sender, headers = world.person(Role.KPPS, world.places.tps[0])
    photo = world.photo(sender, world.places.tps[0])
    with httpx2.stream("GET", f"{live.url}/photos/{photo}/events", timeout=60, headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        stream = events(response)
        first = next(stream)
        assert (first["event"], first["data"]["state"]) == ("photo", "received")
        world.reading(photo, {"paslon_1": number(92)})
        last = next(event for event in stream if event["event"] == "photo" and event["data"]["state"] == "read")
        assert last["data"]["outcome"] == "accepted"
        assert last["data"]["advice"]["id"]
        assert list(stream) == []
    again = httpx2.get(
        f"{live.url}/photos/{photo}/events", timeout=60, headers={**headers, "Last-Event-ID": last["id"]}
    )
    assert again.status_code == 204
    behind = httpx2.get(
        f"{live.url}/photos/{photo}/events", timeout=60, headers={**headers, "Last-Event-ID": first["id"]}
    )
    assert last["id"] in behind.text


def test_a_station_is_followed_and_a_cut_client_gets_what_it_missed(world: World, live: Live) -> None:
    tps = world.places.tps[0]
    sender, headers = world.person(Role.KPPS, tps)
    first = world.photo(sender, tps)
    url = f"{live.url}/events?tps={tps}&election={world.election}"
    with httpx2.stream("GET", url, timeout=60, headers=headers) as response:
        seen = next(events(response))
    assert seen["data"]["id"] == first
    second = world.photo(sender, tps)
    with httpx2.stream("GET", url, timeout=60, headers={**headers, "Last-Event-ID": seen["id"]}) as response:
        stream = events(response)
        assert [next(stream)["data"]["id"] for _ in range(2)] == [first, second]
        with world.services.store.write() as session:
            session.get_one(Photo, first).tps = world.places.tps[1]
        gone = next(event for event in stream if event["event"] == "gone")
        assert gone["data"] == {"id": first}
    with httpx2.stream("GET", url, timeout=60, headers={**headers, "Last-Event-ID": gone["id"]}) as response:
        assert next(events(response))["event"] == "heartbeat"


def test_a_stream_ends_with_the_server(world: World, live: Live) -> None:
    _, headers = world.person(Role.KPPS, world.places.tps[0])
    with httpx2.stream("GET", f"{live.url}/events?tps={world.places.tps[0]}", timeout=60, headers=headers) as response:
        stream = events(response)
        assert next(stream)["event"] == "heartbeat"
        live.server.should_exit = True
        assert {event["event"] for event in stream} <= {"heartbeat"}


def test_a_stream_ends_when_its_session_is_revoked(world: World, live: Live) -> None:
    sender, headers = world.person(Role.KPPS, world.places.tps[0])
    with httpx2.stream("GET", f"{live.url}/events?tps={world.places.tps[0]}", timeout=60, headers=headers) as response:
        stream = events(response)
        assert next(stream)["event"] == "heartbeat"
        with world.services.store.write() as session:
            session.query(LoginSession).filter_by(account_id=sender).update({"revoked_at": world.services.now()})
        assert {event["event"] for event in stream} <= {"heartbeat"}


def test_places_are_limited_and_given_back(world: World, live: Live) -> None:
    live.app.state.streams = streams = Streams(limit=2, limit_of_account=1)
    tps = world.places.tps[0]
    people = [world.person(Role.KPPS, tps)[1] for _ in range(3)]
    url = f"{live.url}/events?tps={tps}"
    with (
        httpx2.stream("GET", url, timeout=60, headers=people[0]) as first,
        httpx2.stream("GET", url, timeout=60, headers=people[1]) as second,
    ):
        assert (first.status_code, second.status_code) == (200, 200)
        own = httpx2.get(url, timeout=60, headers=people[0])
        assert (own.status_code, own.json()["code"]) == (429, "too_many_requests")
        full = httpx2.get(url, timeout=60, headers=people[2])
        assert (full.status_code, full.json()["code"]) == (503, "busy")
        assert "retry-after" in full.headers
    deadline = time.monotonic() + 60
    while streams.open and time.monotonic() < deadline:
        time.sleep(0.02)
    assert streams.open == 0
    with httpx2.stream("GET", url, timeout=60, headers=people[2]) as third:
        assert third.status_code == 200


@pytest.mark.parametrize("path", ["/events?tps=1871021001001", "/photos/{photo}/events"])
def test_foreign_streams_are_refused(world: World, live: Live, path: str) -> None:
    sender, _ = world.person(Role.KPPS, "1871021001001")
    photo = world.photo(sender, "1871021001001")
    _, headers = world.person(Role.KPPS, world.places.tps[0])
    answer = httpx2.get(live.url + path.format(photo=photo), timeout=60, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_region")
    assert httpx2.get(live.url + path.format(photo=photo), timeout=60).status_code == 401
