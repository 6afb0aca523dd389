"""Recognising a token: at every request, at once after a change, with one query."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from service.access import Role
from service.accounts import registry
from service.accounts.admin import CONSOLE
from service.accounts.sessions import actor_from_token, sessions_of
from service.errors import ServiceError
from service.services import Services
from tests.service.conftest import Clock
from tests.service.people import make_account, token_for

TPS = "1871010001001"


@contextmanager
def statements(services: Services) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(services.store.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(services.store.engine, "before_cursor_execute", note)


def refusal(services: Services, token: str) -> str:
    with pytest.raises(ServiceError) as caught:
        actor_from_token(services, token, None)
    return caught.value.code


def test_a_token_says_who_from_where(services: Services) -> None:
    account = make_account(services, Role.PPK_WEB, "187101")
    token = token_for(services, account)

    actor = actor_from_token(services, token, "10.0.0.7")

    assert (actor.account_id, actor.role, actor.scope, actor.origin) == (account, Role.PPK_WEB, "187101", "10.0.0.7")
    assert [row.id for row in sessions_of(services, account)] == [actor.session_id]
    assert not actor.in_grace


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "é\ud800", "x" * 100_000, "' OR 1=1 --"])
def test_a_token_that_never_was_is_not_logged_in(services: Services, token: str) -> None:
    assert refusal(services, token) == "not_logged_in"


@pytest.mark.parametrize(
    "end",
    [
        lambda services, account: registry.revoke_sessions(services, CONSOLE, account, "hilang"),
        lambda services, account: registry.disable_account(services, CONSOLE, account, "keluar"),
    ],
)
def test_revoking_and_disabling_take_effect_at_the_next_request(
    services: Services, end: Callable[[Services, str], object]
) -> None:
    account = make_account(services, Role.KPPS, TPS)
    token = token_for(services, account)
    actor_from_token(services, token, None)

    end(services, account)

    assert refusal(services, token) == "session_ended"


def test_a_device_may_deliver_in_the_hours_of_grace_and_then_no_more(services: Services, clock: Clock) -> None:
    token = token_for(services, make_account(services, Role.KPPS, TPS))

    clock.advance(days=services.settings.device_days, seconds=-1)
    before = actor_from_token(services, token, None).in_grace
    clock.advance(seconds=1)
    at_the_end = actor_from_token(services, token, None).in_grace
    clock.advance(hours=services.settings.grace_hours, seconds=-1)
    last = actor_from_token(services, token, None).in_grace
    clock.advance(seconds=1)

    assert (before, at_the_end, last) == (False, True, True)
    assert refusal(services, token) == "session_ended"


@pytest.mark.parametrize(("role", "kind"), [(Role.KPPS, "browser"), (Role.SAKSI, "device")])
def test_browsers_and_those_who_send_nothing_have_no_grace(
    services: Services, clock: Clock, role: Role, kind: str
) -> None:
    token = token_for(services, make_account(services, role, TPS), kind)  # type: ignore[arg-type]
    settings = services.settings

    clock.advance(days=settings.session_days if kind == "browser" else settings.device_days)

    assert refusal(services, token) == "session_ended"


def test_a_token_costs_one_query_and_is_marked_as_used_at_most_every_five_minutes(
    services: Services, clock: Clock
) -> None:
    account = make_account(services, Role.KPPS, TPS)
    token = token_for(services, account)
    clock.advance(minutes=4)
    with statements(services) as fresh:
        actor_from_token(services, token, None)
    clock.advance(minutes=1)
    with statements(services) as stale:
        actor_from_token(services, token, None)
        actor_from_token(services, token, None)

    assert [s.split()[0] for s in fresh if not s.startswith("BEGIN")] == ["SELECT"]
    assert [s.split()[0] for s in stale if not s.startswith("BEGIN")] == ["SELECT", "UPDATE", "SELECT"]
    assert sessions_of(services, account)[0].last_used_at == clock.now


def test_finding_a_token_uses_an_index(services: Services) -> None:
    query = "SELECT 1 FROM login_session s JOIN account a ON a.id = s.account_id WHERE s.token_hash = 'x'"
    with services.store.engine.connect() as connection:
        if services.store.is_sqlite:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
        else:
            connection.exec_driver_sql("SET enable_seqscan = off")  # an empty table is scanned even with an index
            plan = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {query}")]

    assert sum("uq_login_session_token_hash" in line or "autoindex_login_session" in line for line in plan) == 1
    assert not any("Seq Scan" in line or line.startswith("SCAN") for line in plan)
