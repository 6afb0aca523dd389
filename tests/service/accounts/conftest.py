"""An app with only the routes of accounts, so that these tests stand alone."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from service.accounts import passwords
from service.api import auth, problems, users
from service.services import Services


def accounts_app(services: Services) -> FastAPI:
    app = FastAPI()
    app.state.services = services
    app.include_router(auth.router)
    app.include_router(users.router)
    problems.install(app)
    return app


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(accounts_app(services), headers={"Sec-Fetch-Site": "same-origin"}) as made:
        yield made


@pytest.fixture(autouse=True)
def quick_argon2(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same code with little memory: what passwords cost is measured elsewhere, not waited for in every test."""
    passwords._dummy.cache_clear()
    monkeypatch.setattr(passwords, "_hasher", PasswordHash((Argon2Hasher(1, 1024, 1),)))
    yield
    passwords._dummy.cache_clear()
