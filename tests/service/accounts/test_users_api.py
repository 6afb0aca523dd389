"""Managing other people's accounts over HTTP: who may, where, and what is shown."""

import csv
import io
import json
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from sqlalchemy import func, select

from service.access import SCOPE_LENGTHS, Role
from service.accounts.ranks import MANAGES
from service.accounts.tables import MAX_TABLE_BYTES
from service.api.shapes import encode_cursor
from service.services import Services
from service.store.accounts import Account
from service.store.audit import AuditEvent
from tests.service.accounts.sheets import as_csv, xlsx
from tests.service.conftest import Clock
from tests.service.people import bearer, make_account, person, token_for
from tests.service.places import Places

HEADER = ("TPS", "Nama", "No. HP")
INSIDE = {0: "", 2: "18", 4: "1871", 6: "187101", 10: "1871011001", 13: "1871011001001"}
PASSWORD = "kopi susu tiga gelas"


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\u202e", "0812\x0034567890", "'; --", "%00"])
def test_no_text_breaks_the_database(client: TestClient, services: Services, places: Places, text: str) -> None:
    ppk = person(services, Role.PPK, "187101")
    quoted = json.dumps(text)
    bodies = {
        "/auth/login": f'{{"login": {quoted}, "password": {quoted}, "device": {quoted}}}',
        "/auth/activate": f'{{"code": {quoted}, "phone": {quoted}, "password": {quoted}}}',
        "/users": f'{{"role": "kpps", "scope": "1871011001001", "phone": "081234567890", "name": {quoted}}}',
    }
    kpps = make_account(services, Role.KPPS, "1871011001001")
    bodies[f"/users/{kpps}/disable"] = f'{{"reason": {json.dumps(text * 3)}}}'
    headers = {**ppk, "Content-Type": "application/json"}

    answers = [client.post(path, content=body, headers=headers) for path, body in bodies.items()]
    answers += [client.get(f"/users/{quote(text, errors='replace')}", headers=ppk)]
    answers += [client.delete(f"/auth/sessions/{quote(text, errors='replace')}", headers=ppk)]
    answers += [client.get("/users", params={"after": encode_cursor(text.replace("\ud800", "x"))}, headers=ppk)]

    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []


def smallest_scope(role: Role) -> str:
    return INSIDE[max(SCOPE_LENGTHS[role])]


def new(role: Role, scope: str, **more: str) -> dict[str, str]:
    return {"role": role.value, "scope": scope or "0", **(more or {"phone": "0812 3456 7890"})}


def code_of(answer: Any) -> str:
    return "" if answer.is_success else str(answer.json()["code"])


def accounts(services: Services) -> int:
    with services.store.read() as session:
        return session.scalar(select(func.count()).select_from(Account)) or 0


@pytest.mark.parametrize("manager", Role)
def test_each_role_makes_exactly_the_roles_of_the_table(
    client: TestClient, services: Services, places: Places, manager: Role
) -> None:
    headers = person(services, manager, smallest_scope(manager))

    for number, role in enumerate(Role):
        wanted = new(role, smallest_scope(role), phone=f"0812345678{number:02}")
        code = code_of(client.post("/users", json=wanted, headers=headers))

        if manager not in MANAGES:
            assert code == "forbidden"
        elif not smallest_scope(role).startswith(smallest_scope(manager)):
            assert code == "foreign_region", role
        else:
            assert code == ("" if role in MANAGES[manager] else "role_out_of_reach"), role


def test_a_new_person_gets_a_link_and_a_code_that_work(client: TestClient, services: Services, places: Places) -> None:
    ppk = person(services, Role.PPK, "187101")

    made = client.post(
        "/users", json=new(Role.KPPS, places.tps[0], phone="0812 3456 7890", name=" Siti  A. "), headers=ppk
    )

    assert made.status_code == 201
    account, invitation = made.json()["account"], made.json()["invitation"]
    assert (account["state"], account["name"], account["phone"]) == ("invited", "Siti A.", "+6281234567890")
    entered = client.post("/auth/activate", json={"code": invitation["code"], "phone": "081234567890"})
    assert entered.status_code == 200
    assert client.get(f"/users/{account['id']}", headers=ppk).json()["state"] == "active"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (new(Role.KPPS, "1871021001001"), "foreign_region"),
        (new(Role.KPPS, "1871011001009"), "unknown_tps"),
        (new(Role.PPS, "1871011009"), "unknown_region"),
        (new(Role.KPPS, "187101"), "bad_scope"),
        (new(Role.PENGAWAS, ""), "foreign_region"),
        (new(Role.KPPS, "1871011001001", phone="0721 123456"), "bad_phone"),
        (new(Role.KPPS, "1871011001001", login="0812345678"), "bad_login"),
        (new(Role.KPPS, "1871011001001", login="a b"), "bad_login"),
        (new(Role.KPPS, "1871011001001", phone="0812345678", name="x" * 81), "bad_name"),
        (new(Role.KPPS, "1871011001001", name="Siti"), "login_or_phone_needed"),
        (new(Role.KPPS, "1871011001001", phone="0813 0000 0001"), "phone_taken"),
        (new(Role.KPPS, "1871011001001", login="TAKEN"), "login_taken"),
        (new(Role.KPPS, "18710110010"), "invalid_fields"),
        ({"role": "king", "scope": "187101", "phone": "0812345678"}, "invalid_fields"),
    ],
)
def test_a_person_that_cannot_be_is_refused_and_leaves_nothing(
    client: TestClient, services: Services, places: Places, body: dict[str, str], code: str
) -> None:
    make_account(services, Role.KPPS, "1871021001001", phone="0813 0000 0001", login="taken")
    ppk = person(services, Role.PPK, "187101")
    before = accounts(services)

    answer = client.post("/users", json=body, headers=ppk)

    assert code_of(answer) == code
    assert accounts(services) == before
    assert "0001" not in answer.text


def test_lists_are_paged_masked_and_end_at_the_region(client: TestClient, services: Services) -> None:
    inside = [make_account(services, Role.KPPS, f"187101100100{n}", phone=f"081234567{n:03}") for n in range(5)]
    make_account(services, Role.PPS, "1871021001")
    make_account(services, Role.KPU_KOTA, "1871")
    ppk = make_account(services, Role.PPK, "187101")
    headers = bearer(token_for(services, ppk))

    seen: list[Any] = []
    after: str | None = None
    while True:
        page = client.get("/users", params={"limit": 2, **({"after": after} if after else {})}, headers=headers).json()
        seen += page["items"]
        after = page["next"]
        if after is None:
            break

    assert [user["id"] for user in seen] == sorted([*inside, ppk])
    assert {user["phone"] for user in seen} == {None, *(f"+62 812-****-700{n}" for n in range(5))}
    whole = client.get(f"/users/{inside[0]}", headers=headers)
    assert whole.json()["phone"] == "+6281234567000"
    assert whole.headers["ETag"] == '"1"'
    filtered = client.get("/users", params={"role": "ppk", "state": "active", "scope": "187101"}, headers=headers)
    assert [user["id"] for user in filtered.json()["items"]] == [ppk]
    assert code_of(client.get("/users", params={"scope": "187102"}, headers=headers)) == "foreign_region"
    assert code_of(client.get("/users", params={"scope": "0"}, headers=headers)) == "foreign_region"
    assert code_of(client.get("/users", params={"after": "____"}, headers=headers)) == "bad_request"


def calls(client: TestClient, headers: dict[str, str], user: str) -> dict[str, str]:
    reason = {"reason": "percobaan"}
    return {
        "get": code_of(client.get(f"/users/{user}", headers=headers)),
        "sessions": code_of(client.get(f"/users/{user}/sessions", headers=headers)),
        "invite": code_of(client.post(f"/users/{user}/invite", headers=headers)),
        **{
            act: code_of(client.post(f"/users/{user}/{act}", json=reason, headers=headers))
            for act in ("revoke", "disable", "enable", "erase")
        },
    }


def test_accounts_elsewhere_are_unknown_and_those_above_out_of_reach(client: TestClient, services: Services) -> None:
    ppk = person(services, Role.PPK, "187101")
    elsewhere = make_account(services, Role.KPPS, "1871021001001")
    above = make_account(services, Role.KPU_KOTA, "1871")
    peer = make_account(services, Role.PPK, "187101")

    assert set(calls(client, ppk, elsewhere).values()) == {"unknown_account"}
    assert set(calls(client, ppk, above).values()) == {"unknown_account"}
    assert set(calls(client, ppk, "nobody").values()) == {"unknown_account"}
    assert set(calls(client, ppk, peer).values()) == {"role_out_of_reach"}
    with services.store.read() as session:
        assert {account.state for account in session.scalars(select(Account))} == {"active"}


def test_a_disabled_account_is_out_at_once_and_comes_back_with_a_new_login(
    client: TestClient, services: Services
) -> None:
    ppk = person(services, Role.PPK, "187101")
    kpps = make_account(services, Role.KPPS, "1871011001001", login="ada", password=PASSWORD)
    token = token_for(services, kpps)
    reason = {"reason": "salah orang"}

    assert client.post(f"/users/{kpps}/disable", json=reason, headers=ppk).json()["state"] == "disabled"
    assert code_of(client.get("/auth/me", headers=bearer(token))) == "session_ended"
    assert code_of(client.post(f"/users/{kpps}/invite", headers=ppk)) == "account_disabled"
    assert client.post(f"/users/{kpps}/enable", json=reason, headers=ppk).json()["state"] == "active"
    assert code_of(client.get("/auth/me", headers=bearer(token))) == "session_ended"
    assert client.post("/auth/login", json={"login": "ada", "password": PASSWORD}).status_code == 200


def test_the_link_of_a_disabled_account_opens_nothing_until_it_is_enabled(
    client: TestClient, services: Services, places: Places
) -> None:
    ppk = person(services, Role.PPK, "187101")
    made = client.post("/users", json=new(Role.KPPS, places.tps[0]), headers=ppk).json()
    user, token = made["account"]["id"], made["invitation"]["link"].partition("#")[2]

    client.post(f"/users/{user}/disable", json={"reason": "salah orang"}, headers=ppk)
    while_disabled = client.post("/auth/activate", json={"token": token})
    enabled = client.post(f"/users/{user}/enable", json={"reason": "ternyata benar"}, headers=ppk)

    assert code_of(while_disabled) == "activation_failed"
    assert enabled.json()["state"] == "invited"
    assert client.post("/auth/activate", json={"token": token}).status_code == 200


def test_enabling_ends_a_lock(client: TestClient, services: Services) -> None:
    ppk = person(services, Role.PPK, "187101")
    kpps = make_account(services, Role.KPPS, "1871011001001", login="ada", password=PASSWORD)
    for _ in range(5):
        client.post("/auth/login", json={"login": "ada", "password": "wrong"})
    right = {"login": "ada", "password": PASSWORD}

    locked = client.post("/auth/login", json=right).status_code
    client.post(f"/users/{kpps}/enable", json={"reason": "sudah menelepon"}, headers=ppk)

    assert (locked, client.post("/auth/login", json=right).status_code) == (401, 200)


def test_sessions_of_a_lost_phone_are_seen_and_revoked(client: TestClient, services: Services) -> None:
    ppk = person(services, Role.PPK, "187101")
    kpps = make_account(services, Role.KPPS, "1871011001001")
    token = token_for(services, kpps)

    listed = client.get(f"/users/{kpps}/sessions", headers=ppk).json()
    ended = client.post(f"/users/{kpps}/revoke", json={"reason": "ponsel hilang"}, headers=ppk).json()

    assert [(s["kind"], s["label"]) for s in listed] == [("device", "test")]
    assert token not in str(listed)
    assert ended == {"ended": 1}
    assert client.get(f"/users/{kpps}/sessions", headers=ppk).json() == []


def test_nobody_locks_themselves_or_the_last_administrator_out(client: TestClient, services: Services) -> None:
    ri = person(services, Role.KPU_RI, "")
    admin = make_account(services, Role.ADMIN, "")
    own = bearer(token_for(services, admin))
    reason = {"reason": "percobaan"}

    assert code_of(client.post(f"/users/{admin}/disable", json=reason, headers=own)) == "own_account"
    assert code_of(client.post(f"/users/{admin}/erase", json=reason, headers=own)) == "own_account"
    assert code_of(client.post(f"/users/{admin}/disable", json=reason, headers=ri)) == "last_admin"
    assert code_of(client.post(f"/users/{admin}/erase", json=reason, headers=ri)) == "last_admin"
    make_account(services, Role.ADMIN, "", state="invited")  # not yet a way in
    assert code_of(client.post(f"/users/{admin}/disable", json=reason, headers=ri)) == "last_admin"
    make_account(services, Role.ADMIN, "")
    assert code_of(client.post(f"/users/{admin}/disable", json=reason, headers=ri)) == ""


def test_an_erased_account_keeps_its_id_and_loses_the_person(client: TestClient, services: Services) -> None:
    ppk = person(services, Role.PPK, "187101")
    kpps = make_account(services, Role.KPPS, "1871011001001", login="ada", phone="081234567890", name="Siti")
    token = token_for(services, kpps)
    reason = {"reason": "diminta yang bersangkutan"}

    erased = client.post(f"/users/{kpps}/erase", json=reason, headers=ppk).json()

    assert (erased["id"], erased["state"]) == (kpps, "erased")
    assert (erased["login"], erased["name"], erased["phone"]) == (None, None, None)
    assert code_of(client.get("/auth/me", headers=bearer(token))) == "not_logged_in"
    assert code_of(client.post(f"/users/{kpps}/erase", json=reason, headers=ppk)) == ""
    assert code_of(client.post(f"/users/{kpps}/enable", json=reason, headers=ppk)) == "account_erased"
    assert code_of(client.post(f"/users/{kpps}/invite", headers=ppk)) == "account_erased"
    again = client.post("/users", json=new(Role.KPPS, "1871011001001", login="ada"), headers=ppk)
    assert code_of(again) == "unknown_tps"  # the login is free: only the station is missing here


def send(client: TestClient, headers: dict[str, str], data: bytes, **params: str) -> Any:
    return client.post("/users/import", content=data, params=params, headers=headers)


def test_a_list_makes_accounts_once_and_hands_out_codes_that_work(
    client: TestClient, services: Services, places: Places
) -> None:
    ppk = person(services, Role.PPK, "187101")
    data = xlsx(HEADER, [places.tps[1], "Budi", 81200000002], [int(places.tps[0]), "Siti", "0812-0000-0001"])

    looked = send(client, ppk, data, dry_run="true")
    before = accounts(services)
    first = send(client, ppk, data)
    again = send(client, ppk, data)

    assert before == 1
    counts = ("rows", "created", "kept", "renamed", "bad_count")
    assert [looked.json()[k] for k in counts] == [2, 2, 0, 0, 0]
    assert [first.json()[k] for k in counts] == [2, 2, 0, 0, 0]
    assert [again.json()[k] for k in counts] == [2, 0, 2, 0, 0]
    assert again.json()["handouts"] == looked.json()["handouts"] == []
    handouts = first.json()["handouts"]
    assert [(h["scope"], h["name"]) for h in handouts] == [(places.tps[0], "Siti"), (places.tps[1], "Budi")]
    entered = client.post("/auth/activate", json={"code": handouts[1]["invitation"]["code"], "phone": "0812 0000 0002"})
    assert entered.json()["account"]["scope"] == places.tps[1]


def test_sending_a_list_again_can_renew_codes_of_the_inactive_and_mend_names(
    client: TestClient, services: Services, places: Places
) -> None:
    ppk = person(services, Role.PPK, "187101")
    rows = [[places.tps[0], "Siti", "081200000001"], [places.tps[1], "Budi", "081200000002"]]
    first = send(client, ppk, xlsx(HEADER, *rows)).json()["handouts"]
    active = client.post("/auth/activate", json={"token": first[0]["invitation"]["link"].partition("#")[2]}).json()

    rows[0][1] = "Siti Aminah"
    second = send(client, ppk, xlsx(HEADER, *rows), renew="true").json()

    assert (second["created"], second["kept"], second["renamed"]) == (0, 2, 1)
    assert [h["name"] for h in second["handouts"]] == ["Budi"]
    old = {"code": first[1]["invitation"]["code"], "phone": "081200000002"}
    assert code_of(client.post("/auth/activate", json=old)) == "activation_failed"
    assert client.get("/auth/me", headers=bearer(active["token"])).json()["account"]["name"] == "Siti Aminah"


def test_one_bad_row_and_nothing_is_imported(client: TestClient, services: Services, places: Places) -> None:
    make_account(services, Role.KPPS, "1871021001001", phone="081200000009")
    ppk = person(services, Role.PPK, "187101")
    data = as_csv(
        HEADER,
        (places.tps[0], "Siti", "081200000001"),
        ("1871011001999", "Budi", "081200000002"),
        (places.tps[4], "Ali", "081200000003"),
        (places.tps[1], "Rini", "081200000009"),
        (places.tps[1], "Dewi", "8.12E+10"),
        delimiter=";",
    )
    before = accounts(services)

    looked = send(client, ppk, data, dry_run="true")
    sent = send(client, ppk, data)

    expected = [
        (3, "tps", "unknown_tps"),
        (4, "tps", "foreign_region"),
        (5, "phone", "phone_taken"),
        (6, "phone", "rounded"),
    ]
    assert looked.status_code == 200
    assert [(b["line"], b["column"], b["code"]) for b in looked.json()["bad"]] == expected
    assert all(b["message"]["id"] and b["message"]["en"] for b in looked.json()["bad"])
    assert looked.json()["rows"] == 5
    assert (sent.status_code, code_of(sent)) == (422, "bad_rows")
    assert [(b["line"], b["column"], b["code"]) for b in sent.json()["details"]["bad"]] == expected
    assert not any(word in sent.text for word in ("Budi", "0812", "1871021"))
    assert accounts(services) == before


def test_the_list_to_hand_out_comes_as_a_file(client: TestClient, services: Services, places: Places) -> None:
    ppk = person(services, Role.PPK, "187101")

    sheet = send(client, ppk, as_csv(HEADER, (places.tps[0], "Siti", "081200000001")), answer="xlsx")
    table = send(client, ppk, as_csv(HEADER, (places.tps[1], "Budi", "081200000002")), answer="csv")

    assert sheet.headers["Content-Disposition"] == 'attachment; filename="aktivasi.xlsx"'
    rows = list(load_workbook(io.BytesIO(sheet.content)).active.iter_rows(values_only=True))
    assert rows[1][:3] == (places.tps[0], "Siti", "0812-0000-0001")
    assert table.headers["Content-Type"].startswith("text/csv")
    line = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig")), delimiter=";"))[1]
    entered = client.post("/auth/activate", json={"code": line[3], "phone": line[2]})
    assert entered.status_code == 200


@pytest.mark.parametrize(("role", "code"), [("kpu_kota", "role_out_of_reach"), ("king", "invalid_fields")])
def test_a_list_of_roles_one_may_not_make_is_refused(
    client: TestClient, services: Services, places: Places, role: str, code: str
) -> None:
    ppk = person(services, Role.PPK, "187101")

    assert code_of(send(client, ppk, as_csv(HEADER, ("1871", "A", "081200000001")), role=role)) == code


def test_a_list_of_another_role_takes_codes_of_its_size(client: TestClient, services: Services, places: Places) -> None:
    ppk = person(services, Role.PPK, "187101")
    data = as_csv(("Wilayah", "Name", "Phone"), ("1871011001", "Siti", "081200000001"))

    assert send(client, ppk, data, role="pps").json()["created"] == 1
    assert send(client, ppk, data, role="kpps", dry_run="true").json()["bad"][0]["code"] == "bad_tps"


def test_a_file_that_is_too_large_is_refused(client: TestClient, services: Services) -> None:
    ppk = person(services, Role.PPK, "187101")

    assert code_of(send(client, ppk, b"x" * (MAX_TABLE_BYTES + 1))) == "table_too_large"


def test_every_change_is_in_the_audit_of_its_kecamatan_and_names_nobody(
    client: TestClient, services: Services, places: Places, clock: Clock
) -> None:
    ppk = person(services, Role.PPK, "187101")
    made = client.post(
        "/users", json=new(Role.KPPS, places.tps[0], phone="081234567890", name="Siti"), headers=ppk
    ).json()
    user = made["account"]["id"]
    client.post("/auth/activate", json={"token": made["invitation"]["link"].partition("#")[2]})
    assert set(calls(client, ppk, user).values()) == {""}
    send(client, ppk, as_csv(HEADER, (places.tps[1], "Budi", "081200000002")))

    with services.store.read() as session:
        ours = AuditEvent.action.not_like("region%")
        events = session.scalars(select(AuditEvent).where(ours).order_by(AuditEvent.seq)).all()

    assert {event.chain for event in events} == {"187101"}
    assert [event.action for event in events] == [
        "account.created",
        "account.invited",
        "account.activated",
        "session.opened",
        "account.invited",
        "account.sessions_revoked",
        "account.disabled",
        "account.enabled",
        "account.erased",
        "account.created",
        "account.invited",
    ]
    bodies = "".join(event.body for event in events)
    assert not any(word in bodies for word in ("Siti", "Budi", "81234567890", "81200000002"))
