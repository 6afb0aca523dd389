"""Photos and readings put straight into the database, as uploads and workers would leave them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from service.access import Role
from service.api import photos as api
from service.api import problems
from service.ids import new_id
from service.services import Services
from service.store.photos import Photo
from service.store.readings import Reading
from tests.service.people import bearer, make_account, token_for
from tests.service.places import FORM, Places, open_election, small_country
from tests.service.sayings import add_photo


def number(value: int | None, decision: str = "accepted", why: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "value": value,
        "as_written": "???" if value is None else f"{value:03}",
        "p": 0.5 if decision == "review" else 0.9998,
        "decision": decision,
        "why": list(why),
    }


@dataclass
class World:
    """A small country with an open election, and whoever is asked for."""

    services: Services
    places: Places
    election: str
    client: TestClient
    decided: list[tuple[str, str]] = field(default_factory=list)  # (photo, station) in the order asked for

    def person(self, role: Role, scope: str) -> tuple[str, dict[str, str]]:
        account = make_account(self.services, role, scope)
        return account, bearer(token_for(self.services, account))

    def photo(self, sender: str, tps: str, **changes: Any) -> str:
        return put_photo(self.services, self.election, sender, tps, **changes)

    def reading(self, photo_id: str, numbers: Mapping[str, Any] | None = None, **changes: Any) -> Reading:
        return put_reading(self.services, photo_id, numbers, **changes)


def put_photo(services: Services, election: str, sender: str, tps: str, **changes: Any) -> str:
    """A photo as uploads leave it; returns its id."""
    usual = {"size_bytes": 1234, "width_px": 3000, "height_px": 4000, "channel": "tus", "state": "received"}
    return add_photo(services, election, tps, sender, **{**usual, **changes})


def put_reading(
    services: Services,
    photo_id: str,
    numbers: Mapping[str, Any] | None = None,
    *,
    part: int = 0,
    page: int = 2,
    reader_rev: str = "1+digits-1",
    fingerprint: bytes | None = None,
    reason: str | None = None,
    size_px: tuple[int, int] | None = None,
) -> Reading:
    """A reading as workers leave it."""
    outcome = "rejected" if reason else "accepted"
    if any(value["decision"] == "review" for value in (numbers or {}).values()):
        outcome = "review"
    reading = Reading(
        id=new_id(),
        photo_id=photo_id,
        part=part,
        reader_rev=reader_rev,
        pipeline_rev="1",
        form_id=None if reason else FORM,
        form_rev=None if reason else 1,
        page=None if reason else page,
        outcome=outcome,
        reason=reason,
        px_per_box=None if reason else 41.0,
        sharpness=None if reason else 0.8,
        body={
            "numbers": dict(numbers or {}),
            "size_px": size_px,
            "quality": None if reason else {"sharpness": 0.8, "px_per_box": 41, "coverage": 1.0},
        },
        fingerprint=fingerprint,
        took_ms=120,
        created_at=services.now(),
    )
    with services.store.write() as session:
        session.add(reading)
        session.get_one(Photo, photo_id).state = "read"
    return reading


def make_world(services: Services, monkeypatch: pytest.MonkeyPatch, *, with_jobs: bool = False) -> World:
    app = FastAPI()
    app.state.services = services
    app.include_router(api.router)
    problems.install(app)
    world = World(services, small_country(services), open_election(services), TestClient(app))

    def redecide(session: Session, services: Services, photo: Photo) -> None:
        world.decided.append((photo.id, photo.tps))

    if not with_jobs:
        _replace(monkeypatch, "redecide", redecide)
    return world


def _replace(monkeypatch: pytest.MonkeyPatch, name: str, function: Callable[..., None]) -> None:
    module = ModuleType("service.jobs.requests")
    setattr(module, name, function)
    monkeypatch.setitem(sys.modules, "service.jobs.requests", module)
