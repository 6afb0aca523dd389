"""Regions, elections, totals, stations and the pleno over HTTP."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.access import Role
from service.photos.alarms import raise_alarm
from service.services import Services
from tests.service.desk import desk
from tests.service.people import person
from tests.service.places import Places, open_election, small_country
from tests.service.sayings import FULL, add_photo, machine_says, number

NEW = {
    "id": "ppwp-2024",
    "name": "Presiden 2024",
    "forms": ["c-hasil-ppwp-2024"],
    "scope": "1871",
    "candidates": [{"number": n, "name": f"Pasangan {n}"} for n in (1, 2, 3)],
    "limits": {"tps_max_voters": 300},
    "opens_at": "2026-02-14T07:00:00+07:00",
}


@pytest.fixture
def client(services: Services) -> TestClient:
    return desk(services)


@pytest.fixture
def ri(services: Services) -> dict[str, str]:
    return person(services, Role.KPU_RI, "")


def ok(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def refused(response: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["code"]) == (status, code)
    return body


def test_regions_from_the_nation_down_to_the_stations(
    services: Services, places: Places, client: TestClient, ri: dict[str, str]
) -> None:
    nation = ok(client.get("/regions/0", headers=ri))
    assert (nation["code"], nation["tps_count"], nation["path"]) == ("0", 6, [])
    assert [child["code"] for child in nation["children"]] == ["18"]
    desa = ok(client.get("/regions/1871011001", headers=ri))
    assert [step["code"] for step in desa["path"]] == ["0", "18", "1871", "187101"]
    assert [station["number"] for station in desa["stations"]] == [1, 2, 3]
    refused(client.get("/regions/99", headers=ri), 404, "unknown_region")
    refused(client.get("/regions/abc", headers=ri), 422, "invalid_fields")
    refused(client.get("/regions/18"), 401, "not_logged_in")
    refused(client.get("/regions/18", headers=person(services, Role.PPK, "187101")), 403, "foreign_region")


def test_search_stays_within_the_callers_area(services: Services, places: Places, client: TestClient) -> None:
    ppk = person(services, Role.PPK, "187102")
    assert [r["code"] for r in ok(client.get("/regions/search", params={"q": "sukarame"}, headers=ppk))] == [
        "187102", "1871021001",
    ]  # fmt: skip
    assert ok(client.get("/regions/search", params={"q": "kedaton"}, headers=ppk)) == []
    refused(client.get("/regions/search", params={"q": "a\x00b"}, headers=ppk), 422, "invalid_fields")


def test_an_election_from_draft_to_closed(services: Services, client: TestClient, ri: dict[str, str]) -> None:
    small_country(services)
    made = client.post("/elections", json=NEW, headers=ri)
    body = ok(made, 201)
    assert (body["state"], body["scope"], body["opens_at"]) == ("draft", "1871", "2026-02-14T00:00:00Z")
    assert [f["slot"] for f in body["fields"] if f["candidate"]] == [0, 1, 2]
    refused(client.post("/elections", json=NEW, headers=ri), 409, "election_exists")
    edited = client.patch(
        "/elections/ppwp-2024", json={"name": "Baru"}, headers={**ri, "If-Match": made.headers["ETag"]}
    )
    assert ok(edited)["name"] == "Baru"
    stale = client.patch("/elections/ppwp-2024", json={"name": "Lama"}, headers={**ri, "If-Match": '"1"'})
    refused(stale, 412, "changed_meanwhile")
    refused(client.patch("/elections/ppwp-2024", json={"name": "x"}, headers=ri), 428, "precondition_required")
    assert ok(client.post("/elections/ppwp-2024/open", headers=ri))["state"] == "open"
    change = client.patch("/elections/ppwp-2024", json={"scope": "0"}, headers={**ri, "If-Match": '"3"'})
    refused(change, 409, "election_in_use")
    assert ok(client.post("/elections/ppwp-2024/close", headers=ri))["state"] == "closed"
    listed = ok(client.get("/elections", params={"limit": 1}, headers=person(services, Role.KPPS, "1871011001001")))
    assert ([e["id"] for e in listed["items"]], listed["next"]) == (["ppwp-2024"], None)
    refused(client.get("/elections/none", headers=ri), 404, "unknown_election")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"candidates": [{"number": 9, "name": "X"}]}, "bad_election"),
        ({"forms": ["nothing"]}, "bad_election"),
        ({"scope": "99"}, "bad_election"),
        ({"scope": "1871011001"}, "invalid_fields"),
        ({"opens_at": 5}, "invalid_fields"),
        ({"opens_at": "2026-02-14T07:00:00"}, "invalid_fields"),
        ({"opens_at": "0001-01-01T00:00:00+14:00"}, "invalid_fields"),
        ({"name": "a\x00"}, "invalid_fields"),
        ({"limits": {"tps_max_voters": True}}, "invalid_fields"),
        ({"surprise": 1}, "invalid_fields"),
    ],
)
def test_an_election_that_means_nothing_is_refused(
    services: Services, client: TestClient, ri: dict[str, str], change: dict[str, Any], code: str
) -> None:
    small_country(services)
    refused(client.post("/elections", json={**NEW, **change}, headers=ri), 422, code)


def test_only_the_managers_make_elections(services: Services, places: Places, client: TestClient) -> None:
    for role, scope in ((Role.KPU_KOTA, "1871"), (Role.PPK, "187101")):
        refused(client.post("/elections", json=NEW, headers=person(services, role, scope)), 403, "forbidden")
    assert ok(client.post("/elections", json=NEW, headers=person(services, Role.ADMIN, "")), 201)["rev"] == 1


def test_totals_of_a_region_and_the_answer_that_nothing_changed(
    services: Services, places: Places, client: TestClient, ri: dict[str, str]
) -> None:
    election = open_election(services)
    machine_says(services, election, places.tps[0], FULL)
    first = client.get(f"/recap/{election}/1871", headers=ri)
    body = ok(first)
    assert body["region"] == {"code": "1871", "name": "KOTA BANDAR LAMPUNG", "level": 2}
    assert [part["code"] for part in body["parts"]] == ["187101", "187102"]
    assert body["sum"]["read"]["paslon_1"] == 100
    assert body["sum"]["verified"]["paslon_1"] == 0
    assert [field["candidate"] for field in body["fields"][:4]] == [1, 2, 3, None]
    again = client.get(f"/recap/{election}/1871", headers={**ri, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    machine_says(services, election, places.tps[1], FULL)
    newer = client.get(f"/recap/{election}/1871", headers={**ri, "If-None-Match": first.headers["ETag"]})
    assert ok(newer)["sum"]["read"]["paslon_1"] == 200
    assert newer.headers["Cache-Control"] == "private, max-age=5"
    assert ok(client.get(f"/recap/{election}/0", headers=ri))["parts"][0]["code"] == "18"
    refused(client.get(f"/recap/{election}/18", headers=person(services, Role.PPK, "187101")), 403, "foreign_region")
    refused(client.get("/recap/none/18", headers=ri), 404, "unknown_election")


def test_stations_page_by_page_and_filtered(
    services: Services, places: Places, client: TestClient, ri: dict[str, str]
) -> None:
    election = open_election(services)
    read = {**FULL, "paslon_1": number("paslon_1", 9, "low_confidence"), "tidak_sah": 11, "disabilitas_l": None}
    machine_says(services, election, places.tps[1], read)
    url = f"/recap/{election}/1871/stations"
    found: list[str] = []
    after: str | None = None
    while True:
        page = ok(client.get(url, params={"limit": 4, **({"after": after} if after else {})}, headers=ri))
        found += [line["tps"] for line in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert found == list(places.tps)
    [line] = ok(client.get(url, params={"state": "review"}, headers=ri))["items"]
    assert (line["tps"], line["review"], line["blank"]) == (places.tps[1], ["paslon_1"], ["disabilitas_l"])
    assert "paslon_1" not in line["values"]
    assert {a["code"] for a in line["anomalies"]} >= {"rule:sah_total"}
    assert ok(client.get(url, params={"anomaly": "rule:sah_total"}, headers=ri))["items"] == [line]
    assert ok(client.get(url, params={"state": "verified"}, headers=ri))["items"] == []
    refused(client.get(url, params={"after": "x"}, headers=ri), 400, "bad_request")
    refused(client.get(url, params={"state": "x"}, headers=ri), 422, "invalid_fields")


def test_a_station_is_looked_at_confirmed_and_changed(services: Services, places: Places, client: TestClient) -> None:
    election, tps = open_election(services), places.tps[0]
    photo = add_photo(services, election, tps)
    machine_says(services, election, tps, {**FULL, "paslon_1": number("paslon_1", 700, "low_confidence")})
    web, kpps = person(services, Role.PPK_WEB, "187101"), person(services, Role.KPPS, tps)
    ppk = person(services, Role.PPK, "187101")
    query = {"election": election}
    seen = client.get(f"/stations/{tps}", params=query, headers=web)
    body = ok(seen)
    assert (body["seq"], body["state"], body["number"], body["pleno"]) == (28, "review", 1, "not_begun")
    assert [step["code"] for step in body["path"]] == ["0", "18", "1871", "187101", "1871011001"]
    first = next(n for n in body["numbers"] if n["field"] == "paslon_1")
    assert {n["field"]: n["has_words"] for n in body["numbers"] if n["field"] in ("paslon_1", "dpt_l")} == {
        "paslon_1": True,
        "dpt_l": False,
    }
    assert (first["state"], first["value"], first["said"]["value"], first["why"]) == (
        "review", None, 700, ["low_confidence"],
    )  # fmt: skip
    assert [p["id"] for p in body["photos"]] == [photo]
    claim = {"field": "paslon_1", "outcome": "value", "value": 100, "as_written": "100", "photo_id": photo}
    missing = client.post(f"/stations/{tps}/confirm", params=query, json=claim, headers=web)
    refused(missing, 428, "precondition_required")
    etag = seen.headers["ETag"]
    done = client.post(f"/stations/{tps}/confirm", params=query, json=claim, headers={**web, "If-Match": etag})
    assert ok(done)["state"] == "read"
    assert done.headers["ETag"] == '"29"'
    late = client.post(f"/stations/{tps}/confirm", params=query, json=claim, headers={**web, "If-Match": etag})
    refused(late, 412, "changed_meanwhile")
    stated = {"field": "paslon_2", "outcome": "value", "value": 61}
    said = client.post(f"/stations/{tps}/state", params=query, json=stated, headers={**kpps, "If-Match": '"29"'})
    number_2 = next(n for n in ok(said)["numbers"] if n["field"] == "paslon_2")
    assert (number_2["why"], number_2["statement"]["value"]) == (["statement_differs"], 61)
    changing = {"field": "paslon_2", "outcome": "value", "value": 60, "reason": "C.Hasil dibuka", "remark": "keberatan"}
    too_early = client.post(f"/stations/{tps}/change", params=query, json=changing, headers={**web, "If-Match": '"30"'})
    refused(too_early, 409, "pleno_not_open")
    ok(client.post(f"/pleno/{election}/187101/open", headers=ppk))
    changed = client.post(f"/stations/{tps}/change", params=query, json=changing, headers={**web, "If-Match": '"30"'})
    assert ok(changed)["source"] == "pleno"
    history = ok(client.get(f"/stations/{tps}/numbers/paslon_2", params=query, headers=web))
    assert [(h["kind"], h["value"], h["role"]) for h in history] == [
        ("machine", 60, None), ("statement", 61, "kpps"), ("change", 60, "ppk_web"),
    ]  # fmt: skip
    assert (history[2]["reason"], history[2]["remark"]) == ("C.Hasil dibuka", "keberatan")
    refused(client.get(f"/stations/{tps}/numbers/nothing", params=query, headers=web), 422, "unknown_field")


def test_a_station_tells_its_alarms_only_to_those_who_may_read_the_audit(
    services: Services, places: Places, client: TestClient
) -> None:
    election, (tps, other) = open_election(services), places.tps[:2]
    add_photo(services, election, tps)
    with services.store.write() as session:
        raise_alarm(session, "same_photo", "same_photo:a:b", election, tps, {}, services.now(), other)
    query, stated = {"election": election}, {"field": "paslon_2", "outcome": "value", "value": 61}
    kpps, ppk = person(services, Role.KPPS, tps), person(services, Role.PPK, "187101")
    assert ok(client.get(f"/stations/{tps}", params=query, headers=kpps))["alarms"] == []
    said = client.post(f"/stations/{tps}/state", params=query, json=stated, headers={**kpps, "If-Match": '"0"'})
    assert ok(said)["alarms"] == []
    seen = ok(client.get(f"/stations/{tps}", params=query, headers=ppk))
    assert [alarm["kind"] for alarm in seen["alarms"]] == ["same_photo"]


def test_many_numbers_are_confirmed_at_once_or_not_at_all(
    services: Services, places: Places, client: TestClient
) -> None:
    election, tps = open_election(services), places.tps[0]
    add_photo(services, election, tps)
    ppk = person(services, Role.PPK, "187101")
    numbers = [{"field": name, "outcome": "value", "value": value} for name, value in FULL.items()]
    url, query, headers = f"/stations/{tps}/confirm-many", {"election": election}, {**ppk, "If-Match": '"0"'}
    wrong = [*numbers[:-1], {"field": "sah", "outcome": "value", "value": 1}]
    refused(client.post(url, params=query, json={"numbers": wrong}, headers=headers), 422, "said_twice")
    assert ok(client.get(f"/stations/{tps}", params=query, headers=ppk))["seq"] == 0
    body = ok(client.post(url, params=query, json={"numbers": numbers}, headers=headers))
    assert (body["state"], body["verdict"], body["anomalies"]) == ("verified", "consistent", [])


def test_a_claim_that_means_nothing_is_refused(services: Services, places: Places, client: TestClient) -> None:
    election, tps = open_election(services), places.tps[0]
    add_photo(services, election, tps)
    ppk = {**person(services, Role.PPK, "187101"), "If-Match": '"0"'}
    url, query = f"/stations/{tps}/confirm", {"election": election}
    for body in (
        {"field": "sah", "outcome": "value", "value": True},
        {"field": "sah", "outcome": "value", "value": -1},
        {"field": "sah", "outcome": "value", "value": "1"},
        {"field": "sah", "outcome": "blank", "value": 1},
        {"field": "sah", "outcome": "value", "value": 1, "reason": "a\x00"},
        {"field": "sah", "outcome": "gone"},
    ):
        refused(client.post(url, params=query, content=json.dumps(body), headers=ppk), 422, "invalid_fields")
    refused(client.post(url, params=query, json={"field": "x", "outcome": "blank"}, headers=ppk), 422, "unknown_field")
    too_large = {"field": "sah", "outcome": "value", "value": 1000}
    refused(client.post(url, params=query, json=too_large, headers=ppk), 422, "value_out_of_range")
    refused(client.get("/stations/1871011001999", params=query, headers=ppk), 404, "unknown_tps")
    foreign = client.get(f"/stations/{places.tps[4]}", params=query, headers=ppk)
    refused(foreign, 403, "foreign_region")


def test_the_pleno_over_http(services: Services, places: Places, client: TestClient) -> None:
    election = open_election(services)
    ppk, kota = person(services, Role.PPK, "187101"), person(services, Role.KPU_KOTA, "1871")
    url = f"/pleno/{election}/187101"
    before = client.get(url, headers=ppk)
    assert (ok(before)["state"], before.headers["ETag"]) == ("not_begun", '"0"')
    opened = client.post(f"{url}/open", headers=ppk)
    assert ok(opened)["state"] == "open"
    match = {"If-Match": opened.headers["ETag"]}
    body = refused(client.post(f"{url}/finalise", json={}, headers={**ppk, **match}), 409, "pleno_incomplete")
    assert body["details"]["tps_total"] == 4
    reason = {"incomplete_reason": "menyusul"}
    refused(client.post(f"{url}/finalise", json=reason, headers=ppk), 428, "precondition_required")
    final = client.post(f"{url}/finalise", json=reason, headers={**ppk, **match})
    assert ok(final)["state"] == "finalised"
    again = {"If-Match": final.headers["ETag"]}
    refused(client.post(f"{url}/reopen", json={"reason": "x"}, headers={**ppk, **again}), 403, "forbidden")
    assert ok(client.post(f"{url}/reopen", json={"reason": "x"}, headers={**kota, **again}))["state"] == "open"
    refused(client.get(f"/pleno/{election}/999999", headers=person(services, Role.KPU_RI, "")), 404, "unknown_region")
