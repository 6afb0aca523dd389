"""An app with only the routes of accounts, so that these tests stand alone."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.accounts import passwords
from service.api import auth, problems
from service.services import Services


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.services = services
    app.include_router(auth.router)
    problems.install(app)
    with TestClient(app, headers={"Sec-Fetch-Site": "same-origin"}) as made:
        yield made


@pytest.fixture(autouse=True)
def quick_argon2(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same code with little memory: what passwords cost is measured elsewhere, not waited for in every test."""
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    monkeypatch.setattr(passwords, "_hasher", PasswordHash((Argon2Hasher(1, 1024, 1),)))
    passwords._dummy.cache_clear()
