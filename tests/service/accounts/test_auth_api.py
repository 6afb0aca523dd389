"""Getting in and out over HTTP."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.access import Role
from service.accounts.activation import Invitation, invite
from service.accounts.admin import CONSOLE
from service.accounts.lockout import FREE_TRIES
from service.services import Services
from service.store.accounts import Account, Activation, LoginSession
from tests.service.accounts.conftest import accounts_app
from tests.service.conftest import Clock
from tests.service.people import bearer, make_account, token_for

TPS = "1871010001001"
PHONE = "0812 3456 7890"
PASSWORD = "kopi susu tiga gelas"


def login(client: TestClient, name: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post("/auth/login", json={"login": name, "password": password, **more})


def invited(services: Services, role: Role = Role.KPPS, scope: str = TPS, **more: str) -> Invitation:
    more = more or {"phone": PHONE, "name": "Siti"}
    return invite(services, CONSOLE, make_account(services, role, scope, state="invited", **more))


def token_of(invitation: Invitation) -> str:
    return invitation.link.partition("#")[2]


def test_a_link_activates_once_and_gives_a_device_token_that_works(client: TestClient, services: Services) -> None:
    invitation = invited(services)

    first = client.post("/auth/activate", json={"token": token_of(invitation), "device": "HP Siti"})
    again = client.post("/auth/activate", json={"token": token_of(invitation)})

    assert first.status_code == 200
    entry = first.json()
    me = client.get("/auth/me", headers=bearer(entry["token"])).json()
    assert me["account"] == entry["account"]
    assert me["account"]["role"] == "kpps"
    assert me["account"]["scope"] == TPS
    assert me["account"]["name"] == "Siti"
    assert me["account"]["phone"] == "+62 812-****-7890"
    assert me["session"]["label"] == "HP Siti"
    assert me["session"]["offline_until"] == entry["offline_until"]
    expires, offline = (datetime.fromisoformat(entry[k]) for k in ("expires_at", "offline_until"))
    assert offline - expires == timedelta(hours=services.settings.grace_hours)
    assert again.status_code == 401
    assert again.json()["code"] == "activation_failed"


def test_a_code_works_as_people_type_it_and_only_with_its_phone_number(client: TestClient, services: Services) -> None:
    invitation = invited(services)
    assert invitation.code is not None
    typed = f" {invitation.code[:4].lower()}-{invitation.code[4:].lower()} "
    other = make_account(services, Role.KPPS, TPS, phone="0813 1111 2222", state="invited")
    invite(services, CONSOLE, other)

    foreign = client.post("/auth/activate", json={"code": typed, "phone": "0813 1111 2222"})
    right = client.post("/auth/activate", json={"code": typed, "phone": "+62 812-3456-7890"})
    link = client.post("/auth/activate", json={"token": token_of(invitation)})

    assert [foreign.status_code, right.status_code, link.status_code] == [401, 200, 401]


def test_a_code_dies_after_five_wrong_tries_and_the_link_lives_on(client: TestClient, services: Services) -> None:
    invitation = invited(services)

    wrong = [client.post("/auth/activate", json={"code": "22222222", "phone": PHONE}) for _ in range(5)]
    right = client.post("/auth/activate", json={"code": invitation.code, "phone": PHONE})
    link = client.post("/auth/activate", json={"token": token_of(invitation)})

    assert {a.json()["code"] for a in [*wrong, right]} == {"activation_failed"}
    assert link.status_code == 200


def test_a_new_invitation_ends_the_older_one_and_an_old_one_expires(
    client: TestClient, services: Services, clock: Clock
) -> None:
    old = invited(services)
    new = invite(services, CONSOLE, old.account_id)

    assert client.post("/auth/activate", json={"token": token_of(old)}).status_code == 401
    assert client.post("/auth/activate", json={"code": old.code, "phone": PHONE}).status_code == 401
    clock.advance(days=services.settings.activation_days)
    assert client.post("/auth/activate", json={"token": token_of(new)}).status_code == 401


def test_every_failed_activation_gets_the_same_answer(client: TestClient, services: Services) -> None:
    invited(services)
    make_account(services, Role.KPPS, TPS, phone="0813 1111 2222")  # active, without a code

    answers = [
        client.post("/auth/activate", json=body)
        for body in (
            {"token": "x" * 43},
            {"token": "y" * 900},
            {"code": "22222222", "phone": PHONE},
            {"code": "22222222", "phone": "0813 1111 2222"},
            {"code": "22222222", "phone": "0819 9999 9999"},
            {"code": "", "phone": "not a number"},
        )
    ]

    assert {(a.status_code, a.text) for a in answers} == {(401, answers[0].text)}
    assert answers[0].json()["code"] == "activation_failed"


def test_a_new_activation_ends_the_sessions_of_the_lost_phone(client: TestClient, services: Services) -> None:
    first = client.post("/auth/activate", json={"token": token_of(invited(services))}).json()
    second = invite(services, CONSOLE, first["account"]["id"])

    before = client.get("/auth/me", headers=bearer(first["token"])).status_code
    client.post("/auth/activate", json={"token": token_of(second)})
    after = client.get("/auth/me", headers=bearer(first["token"]))

    assert (before, after.status_code, after.json()["code"]) == (200, 401, "session_ended")


def test_a_desk_role_chooses_a_password_and_then_logs_in_with_it(client: TestClient, services: Services) -> None:
    token = token_of(invited(services, Role.PPK_WEB, "187101", login="web.kemiling"))

    without = client.post("/auth/activate", json={"token": token})
    weak = client.post("/auth/activate", json={"token": token, "password": "Web.Kemiling"})
    right = client.post("/auth/activate", json={"token": token, "password": PASSWORD})

    assert (without.status_code, without.json()["code"]) == (422, "password_needed")
    assert (weak.status_code, weak.json()["code"]) == (422, "weak_password")
    assert right.json()["kind"] == "browser"
    assert right.json()["offline_until"] is None
    assert login(client, "WEB.kemiling").status_code == 200


def test_a_password_login_takes_the_phone_number_in_any_spelling(client: TestClient, services: Services) -> None:
    make_account(services, Role.KPPS, TPS, phone=PHONE, password=PASSWORD)

    answer = login(client, "+62812-3456-7890")

    assert answer.status_code == 200
    assert answer.json()["kind"] == "device"


def test_failed_logins_are_answered_alike_whatever_was_wrong(client: TestClient, services: Services) -> None:
    make_account(services, Role.PPK_WEB, "187101", login="ada", password=PASSWORD)
    make_account(services, Role.PPK_WEB, "187101", login="disabled", password=PASSWORD, state="disabled")
    make_account(services, Role.PPK_WEB, "187101", login="invited", password=PASSWORD, state="invited")
    make_account(services, Role.KPPS, TPS, login="nopassword")
    make_account(services, Role.PPK_WEB, "187101", login="locked", password=PASSWORD)
    for _ in range(FREE_TRIES):
        login(client, "locked", "wrong")

    answers = [login(client, "ada", "wrong"), login(client, "ada", "x" * 900), login(client, "nobody")]
    answers += [login(client, name) for name in ("disabled", "invited", "nopassword", "locked")]

    assert {(a.status_code, a.text) for a in answers} == {(401, answers[0].text)}
    assert answers[0].json()["code"] == "login_failed"


def test_a_lock_grows_from_one_minute_and_success_ends_the_count(
    client: TestClient, services: Services, clock: Clock
) -> None:
    make_account(services, Role.PPK_WEB, "187101", login="ada", password=PASSWORD)

    def wrong() -> None:
        assert login(client, "ada", "wrong").status_code == 401

    for _ in range(FREE_TRIES):
        wrong()
    assert login(client, "ada").status_code == 401  # locked, though right
    clock.advance(seconds=61)
    wrong()
    clock.advance(seconds=61)
    assert login(client, "ada").status_code == 401  # the second lock is twice as long
    clock.advance(seconds=60)
    assert login(client, "ada").status_code == 200
    for _ in range(FREE_TRIES - 1):
        wrong()
    assert login(client, "ada").status_code == 200


def test_a_cookie_session_keeps_its_token_out_of_the_answer(client: TestClient, services: Services) -> None:
    make_account(services, Role.KPPS, TPS, login="ada", password=PASSWORD)

    answer = login(client, "ada", cookie=True)

    cookie = answer.headers["set-cookie"]
    assert answer.json()["token"] is None
    assert answer.json()["kind"] == "browser"
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "secure" not in cookie.lower()  # public_url is http here
    assert client.get("/auth/me").status_code == 200
    assert client.post("/auth/logout").status_code == 204
    assert client.get("/auth/me").json()["code"] == "not_logged_in"


def test_a_phone_that_activates_in_its_browser_can_deliver_late(client: TestClient, services: Services) -> None:
    answer = client.post("/auth/activate", json={"token": token_of(invited(services)), "cookie": True})

    settings = services.settings
    assert answer.json()["kind"] == "device"
    assert f"Max-Age={(settings.device_days * 24 + settings.grace_hours) * 3600}" in answer.headers["set-cookie"]
    assert client.get("/auth/me").json()["session"]["offline_until"] == answer.json()["offline_until"]


def test_behind_https_the_cookie_is_secure(services: Services) -> None:
    settings = services.settings.model_copy(update={"public_url": "https://turus.example"})
    make_account(services, Role.KPPS, TPS, login="ada", password=PASSWORD)
    with TestClient(accounts_app(replace(services, settings=settings))) as client:
        answer = login(client, "ada", cookie=True)

    assert "; Secure" in answer.headers["set-cookie"]


def test_a_cookie_is_not_enough_for_a_request_from_another_site(client: TestClient, services: Services) -> None:
    make_account(services, Role.KPPS, TPS, login="ada", password=PASSWORD)
    login(client, "ada", cookie=True)

    answer = client.post("/auth/logout", headers={"Sec-Fetch-Site": "cross-site"})

    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert client.get("/auth/me").status_code == 200


def test_sessions_are_listed_and_ended_one_by_one(client: TestClient, services: Services) -> None:
    account = make_account(services, Role.KPPS, TPS)
    stranger = make_account(services, Role.KPPS, TPS)
    mine, other, foreign = (token_for(services, who) for who in (account, account, stranger))
    listed = client.get("/auth/sessions", headers=bearer(mine)).json()
    not_current = next(s["id"] for s in listed if not s["current"])
    foreign_id = client.get("/auth/me", headers=bearer(foreign)).json()["session"]["id"]

    assert len(listed) == 2
    assert client.delete(f"/auth/sessions/{not_current}", headers=bearer(mine)).status_code == 204
    assert client.get("/auth/me", headers=bearer(other)).json()["code"] == "session_ended"
    answer = client.delete(f"/auth/sessions/{foreign_id}", headers=bearer(mine))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_session")
    assert client.get("/auth/me", headers=bearer(foreign)).status_code == 200


def test_a_new_password_ends_the_other_sessions(client: TestClient, services: Services) -> None:
    account = make_account(services, Role.KPPS, TPS, login="ada", password=PASSWORD)
    mine, other = token_for(services, account), token_for(services, account)

    def change(old: str | None, new: str) -> Any:
        return client.put("/auth/password", json={"old": old, "new": new}, headers=bearer(mine))

    assert change("wrong", "sebelas empat lima").json()["code"] == "wrong_password"
    assert change(None, "sebelas empat lima").json()["code"] == "wrong_password"
    assert change(PASSWORD, "short").json()["code"] == "weak_password"
    assert change(PASSWORD, "sebelas empat lima").status_code == 204
    assert client.get("/auth/me", headers=bearer(mine)).status_code == 200
    assert client.get("/auth/me", headers=bearer(other)).status_code == 401
    assert login(client, "ada").status_code == 401
    assert login(client, "ada", "sebelas empat lima").status_code == 200


def test_a_phone_in_its_hours_of_grace_sees_itself_and_cannot_give_itself_a_password(
    client: TestClient, services: Services, clock: Clock
) -> None:
    headers = bearer(token_for(services, make_account(services, Role.KPPS, TPS, login="ada")))
    clock.advance(days=services.settings.device_days)

    me = client.get("/auth/me", headers=headers).json()
    changed = client.put("/auth/password", json={"new": PASSWORD}, headers=headers)

    assert me["in_grace"] is True
    assert (changed.status_code, changed.json()["code"]) == (401, "session_ended")
    assert login(client, "ada").status_code == 401


def test_tokens_codes_passwords_and_phone_numbers_are_not_in_the_database(
    client: TestClient, services: Services
) -> None:
    invitation = invited(services)
    entry = client.post("/auth/activate", json={"token": token_of(invitation), "password": PASSWORD}).json()
    another = invite(services, CONSOLE, invitation.account_id)

    with services.store.read() as session:
        rows = [repr(vars(row)) for table in (Account, Activation, LoginSession) for row in session.query(table).all()]

    everything = "\n".join(rows)
    assert len(rows) >= 4
    for secret in (entry["token"], token_of(another), another.code, PASSWORD, "81234567890", "Siti"):
        assert secret is not None
        assert secret not in everything


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": "a", "code": "b", "phone": "c"},
        {"code": "22222222"},
        {"token": "a", "phone": PHONE},
        {"token": "a", "extra": 1},
        {"token": 1},
    ],
)
def test_an_activation_that_makes_no_sense_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    answer = client.post("/auth/activate", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_fields")
