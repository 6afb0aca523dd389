"""Officers of a small country and the routes they send photos through."""

import hashlib
import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from service.access import Actor, Role
from service.accounts.sessions import open_session
from service.api import problems, receipts, uploads
from service.api.around import Around
from service.services import Services
from service.store.accounts import Account
from service.uploads.intake import Intake
from tests.service.people import make_account
from tests.service.places import Places, open_election, small_country

Response = Any
"""What the test client answers: its class depends on the HTTP library that is installed."""


@dataclass(frozen=True, slots=True)
class Officer:
    """An account with a device token."""

    actor: Actor
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def make_photo(seed: int = 0, size_bytes: int = 40_000) -> bytes:
    """A JPEG of noise, different for each seed, padded to about the size (readers ignore what follows the end)."""
    noise = random.Random(seed).randbytes(64 * 48)
    buffer = io.BytesIO()
    Image.frombytes("L", (64, 48), noise).resize((320, 240)).save(buffer, "JPEG", quality=90)
    data = buffer.getvalue()
    return data + random.Random(seed + 1).randbytes(max(0, size_bytes - len(data)))


def sha_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_officer(services: Services, role: Role, scope: str) -> Officer:
    account_id = make_account(services, role, scope)
    with services.store.write() as session:
        opened = open_session(session, services, session.get_one(Account, account_id), "device", "test")
    actor = Actor(account_id, role, scope, opened.session_id, "testclient")
    return Officer(actor, opened.token)


@pytest.fixture
def places(services: Services) -> Places:
    found = small_country(services)
    open_election(services)
    return found


@pytest.fixture
def kpps(services: Services, places: Places) -> Officer:
    """KPPS of the first station."""
    return make_officer(services, Role.KPPS, places.tps[0])


@pytest.fixture
def ppk(services: Services, places: Places) -> Officer:
    """Operator of the first kecamatan."""
    return make_officer(services, Role.PPK_MOBILE, places.kecamatan[0])


def make_app(services: Services, intake: Intake) -> FastAPI:
    """Only the routes of uploads and receipts, as the whole application mounts them."""
    app = FastAPI()
    app.state.services = services
    app.state.intake = intake
    app.include_router(uploads.router)
    app.include_router(receipts.router)
    problems.install(app)
    app.add_middleware(Around, services=services)
    return app


@pytest.fixture
def intake(services: Services) -> Iterator[Intake]:
    with Intake(services, sweep_every_s=0) as started:
        yield started


@pytest.fixture
def client(services: Services, intake: Intake) -> Iterator[TestClient]:
    with TestClient(make_app(services, intake), raise_server_exceptions=True) as test_client:
        yield test_client


@pytest.fixture
def photo_file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / f"photo-{sha_of(data)[:12]}.jpg"
        path.write_bytes(data)
        return path

    return write
