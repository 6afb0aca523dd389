"""The first administrator's way in."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from service.access import Role
from service.accounts.activation import invite
from service.accounts.admin import CONSOLE, first_admin_link
from service.services import Services
from service.store.accounts import Account, Activation
from tests.service.people import make_account


def enter(client: TestClient, link: str | None) -> int:
    token = (link or "").partition("#")[2]
    return client.post("/auth/activate", json={"token": token, "password": "kopi susu tiga gelas"}).status_code


def admins(services: Services) -> list[Account]:
    with services.store.read() as session:
        return list(session.scalars(select(Account).where(Account.role == Role.ADMIN.value)))


def test_each_start_shows_a_new_link_until_one_was_used(client: TestClient, services: Services) -> None:
    first, second = first_admin_link(services), first_admin_link(services)

    assert enter(client, first) == 401
    assert enter(client, second) == 200
    assert first_admin_link(services) is None
    assert [(a.state, a.login) for a in admins(services)] == [("active", "admin")]
    again = client.post("/auth/login", json={"login": "admin", "password": "kopi susu tiga gelas"})
    assert again.json()["account"]["role"] == "admin"


def test_an_administrator_who_is_gone_is_followed_by_another(services: Services) -> None:
    make_account(services, Role.ADMIN, "", login="admin", state="disabled")

    assert first_admin_link(services) is not None
    made = next(a for a in admins(services) if a.state == "invited")
    assert made.login is not None
    assert made.login.startswith("admin-")


@pytest.mark.parametrize("crowd", [4])
def test_processes_that_start_at_once_make_one_account(services: Services, crowd: int) -> None:
    with ThreadPoolExecutor(crowd) as pool:
        links = list(pool.map(lambda _: first_admin_link(services), range(crowd)))

    assert all(links)
    assert len(admins(services)) == 1


def test_of_two_invitations_made_at_once_one_is_left(client: TestClient, services: Services) -> None:
    account = make_account(services, Role.KPPS, "1871010001001", phone="081234567890", state="invited")

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: invite(services, CONSOLE, account), range(4)))

    with services.store.read() as session:
        left = session.scalars(select(Activation).where(Activation.account_id == account)).all()
    assert sorted(activation.kind for activation in left) == ["code", "link"]
    answers = [
        client.post("/auth/activate", json={"code": invitation.code, "phone": "081234567890"}).status_code
        for invitation in made
    ]
    assert sorted(answers) == [200, 401, 401, 401]
