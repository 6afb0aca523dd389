"""Guessing passwords gains nothing, neither by speed nor by looking at how long an answer took."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, select

from service.access import Role
from service.accounts import passwords
from service.accounts.limits import PER_NAME, PER_NETWORK, EntryLimits, network_of
from service.accounts.lockout import FREE_TRIES, LONGEST_LOCK, lock_for, sweep_tries
from service.accounts.login import log_in
from service.errors import ServiceError
from service.services import Services
from service.store.accounts import LoginThrottle
from service.store.audit import AuditEvent
from tests.service.accounts.conftest import accounts_app
from tests.service.accounts.test_sessions import statements
from tests.service.conftest import Clock
from tests.service.people import make_account

PASSWORD = "kopi susu tiga gelas"


def attempt(services: Services, name: str, password: str = "wrong") -> str:
    try:
        log_in(services, name, password, "10.0.0.9", browser=True)
    except ServiceError as error:
        return error.code
    return "in"


def test_the_lock_doubles_from_a_minute_to_an_hour() -> None:
    assert [lock_for(n) for n in range(FREE_TRIES)] == [None] * FREE_TRIES
    minutes = [(lock_for(n) or timedelta()) / timedelta(minutes=1) for n in range(FREE_TRIES, FREE_TRIES + 8)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60]
    assert lock_for(10**9) == LONGEST_LOCK


@contextmanager
def hashed_against(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The stored hashes that passwords are compared with."""
    seen: list[str] = []
    real = passwords._hasher.verify

    def verify(password: str, stored: str) -> bool:
        seen.append(stored)
        return real(password, stored)

    with monkeypatch.context() as patch:
        patch.setattr(passwords._hasher, "verify", verify)
        yield seen


def test_guesses_sent_all_at_once_are_not_more_than_one_after_the_other(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_account(services, Role.PPK_WEB, "187101", login="ada", password=PASSWORD)
    passwords._dummy()
    dummy = passwords._dummy()

    with hashed_against(monkeypatch) as seen, ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(lambda _: attempt(services, "ada"), range(24)))

    assert outcomes == {"login_failed": 24}
    assert sum(stored != dummy for stored in seen) == FREE_TRIES
    assert len(seen) == 24


def shape(services: Services, monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    """What an attempt makes the machine do: statements by kind and table, commits, password checks."""
    commits: list[object] = []

    def note(connection: object) -> None:
        commits.append(connection)

    event.listen(services.store.engine, "commit", note)
    try:
        with statements(services) as sql, hashed_against(monkeypatch) as seen:
            code = attempt(services, name)
    finally:
        event.remove(services.store.engine, "commit", note)
    return code, sql, len(commits), len(seen)


@pytest.mark.parametrize("tries_before", [0, FREE_TRIES - 1, FREE_TRIES])
def test_an_unknown_login_makes_the_machine_do_the_same_work_as_a_wrong_password(
    services: Services, monkeypatch: pytest.MonkeyPatch, tries_before: int
) -> None:
    make_account(services, Role.KPU_KOTA, "1871", login="ada", password=PASSWORD)
    make_account(services, Role.KPU_KOTA, "1871", login="off", password=PASSWORD, state="disabled")
    names = ("ada", "off", "nobody")
    for name in names:
        for _ in range(tries_before):
            attempt(services, name)

    first, *others = [shape(services, monkeypatch, name) for name in names]

    assert first[0] == "login_failed"
    assert first[3] == 1
    assert others == [first, first]


def test_a_lock_is_in_the_audit_without_what_was_typed(services: Services) -> None:
    account = make_account(services, Role.PPK_WEB, "187101", login="ada", password=PASSWORD)
    for name in ("ada", "0812 9999 8888"):
        for _ in range(FREE_TRIES):
            attempt(services, name)

    with services.store.read() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "login.locked")).all()

    assert sorted((e.chain, e.subject.partition(":")[0]) for e in events) == [("0", "login"), ("187101", "account")]
    assert f"account:{account}" in {e.subject for e in events}
    assert not any("9999" in e.body or "ada" in e.body for e in events)


def test_old_tries_are_forgotten(services: Services, clock: Clock) -> None:
    make_account(services, Role.PPK_WEB, "187101", login="ada", password=PASSWORD)
    for _ in range(FREE_TRIES - 1):
        attempt(services, "ada")
    clock.advance(days=1, seconds=1)
    attempt(services, "ada")

    assert attempt(services, "ada", PASSWORD) == "in"

    attempt(services, "nobody")
    clock.advance(days=2)
    with services.store.write() as session:
        sweep_tries(session, clock.now)
        assert session.scalars(select(LoginThrottle)).all() == []


def test_the_rate_limits_answer_with_the_time_to_wait(services: Services) -> None:
    limited = replace(services, settings=services.settings.model_copy(update={"rate_limits": True}))
    with TestClient(accounts_app(limited)) as client:
        answers = [
            client.post("/auth/login", json={"login": "nobody", "password": "x"}) for _ in range(PER_NAME.amount + 1)
        ]

    assert {a.status_code for a in answers[:-1]} == {401}
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61


def test_a_network_is_limited_whatever_names_it_tries() -> None:
    limits = EntryLimits()
    for n in range(PER_NETWORK.amount):
        limits.check("2001:db8:1:2::" + format(n, "x"), f"name{n}")

    with pytest.raises(ServiceError, match="too_many_requests"):
        limits.check("2001:db8:1:2:ffff::1", "another name")
    limits.check("2001:db8:1:3::1", "another name")


@pytest.mark.parametrize(
    ("origin", "network"),
    [("10.1.2.3", "10.1.2.3"), ("2001:db8::1", "2001:db8::/64"), (None, "?"), ("testclient", "testclient")],
)
def test_the_network_of_an_address(origin: str | None, network: str) -> None:
    assert network_of(origin) == network
