"""Batches over HTTP."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.access import Role
from service.api import batches, problems
from tests.service.batches.test_batches import old_photo, run
from tests.service.jobs.world import World
from tests.service.people import person


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.services = world.services
    app.include_router(batches.router)
    problems.install(app)
    with TestClient(app) as made:
        yield made


def test_a_ppk_looks_makes_follows_and_reads_the_report(world: World, client: TestClient, recorded: Path) -> None:
    ppk = person(world.services, Role.PPK, "187101")
    photo = old_photo(world, recorded, "tps-a-hal2")
    old_photo(world, recorded, "tps-b-hal2", world.places.tps[4])  # in the other kecamatan
    body = {"filter": {"not_current": True}, "per_minute": 60}
    seen = client.post("/batches/preview", json=body, headers=ppk)
    assert seen.status_code == 200
    assert (seen.json()["photos"], seen.json()["to_read"]) == (1, 1)
    assert client.get("/batches", headers=ppk).json() == {"items": [], "next": None}
    made = client.post("/batches", json=body, headers=ppk)
    assert made.status_code == 201
    assert (made.json()["region"], made.json()["total"]) == ("187101", 1)
    where = f"/batches/{made.json()['id']}"
    assert client.post(f"{where}/pause", headers=ppk).json()["state"] == "paused"
    assert client.post(f"{where}/resume", headers=ppk).json()["state"] == "running"
    run(world)
    end = client.get(where, headers=ppk)
    assert end.json()["state"] == "done"
    assert end.json()["items"] == {"waiting": 0, "queued": 0, "done": 1, "failed": 0, "skipped": 0}
    assert end.headers["etag"] == f'"{end.json()["rev"]}"'
    changes = client.get(f"{where}/changes", headers=ppk).json()
    assert changes["next"] is None
    assert changes["items"][0]["photo"] == photo
    assert {"value", "state"} == set(changes["items"][0]["changes"][0]["before"])
    report = client.get(f"{where}/report", headers=ppk)
    assert report.json()["items"]["done"] == 1
    assert len(report.json()["changes"]) == len(changes["items"][0]["changes"])
    table = client.get(f"{where}/report?format=csv", headers=ppk)
    assert table.headers["content-type"].startswith("text/csv")
    assert len(list(csv.DictReader(io.StringIO(table.text)))) == len(report.json()["changes"])
    again = client.post(f"{where}/cancel", headers=ppk)
    assert (again.status_code, again.json()["code"]) == (409, "batch_over")


def test_pages_of_the_list(world: World, client: TestClient, recorded: Path) -> None:
    admin = person(world.services, Role.ADMIN, "")
    old_photo(world, recorded, "tps-a-hal2")
    made = [client.post("/batches", json={"filter": {}}, headers=admin).json()["id"] for _ in range(3)]
    first = client.get("/batches?limit=2", headers=admin).json()
    second = client.get(f"/batches?limit=2&after={first['next']}", headers=admin).json()
    assert [item["id"] for item in [*first["items"], *second["items"]]] == made[::-1]
    assert second["next"] is None


def test_nobody_reaches_beyond_their_region_or_role(world: World, client: TestClient, recorded: Path) -> None:
    old_photo(world, recorded, "tps-a-hal2")
    ppk, other = (person(world.services, Role.PPK, code) for code in ("187101", "187102"))
    kpps = person(world.services, Role.KPPS, world.places.tps[0])
    assert client.post("/batches", json={"filter": {}}, headers=kpps).json()["code"] == "forbidden"
    foreign = {"filter": {"region": "1871"}}
    assert client.post("/batches/preview", json=foreign, headers=ppk).json()["code"] == "foreign_region"
    made = client.post("/batches", json={"filter": {}}, headers=ppk).json()["id"]
    for method, path in (("GET", ""), ("GET", "/changes"), ("GET", "/report"), ("POST", "/pause"), ("POST", "/cancel")):
        answer = client.request(method, f"/batches/{made}{path}", headers=other)
        assert answer.json()["code"] == "foreign_region"
    assert client.get("/batches", headers=other).json()["items"] == []
    assert client.get(f"/batches/{'0' * 32}", headers=ppk).json()["code"] == "not_found"


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"unheard_of": 1}},
        {"filter": {"failed": 1}},
        {"filter": {"region": "187"}},
        {"filter": {"sharpness_below": 2}},
        {"filter": {}, "per_minute": 0},
        {},
    ],
)
def test_a_wrong_body_is_refused(world: World, client: TestClient, body: dict[str, object]) -> None:
    admin = person(world.services, Role.ADMIN, "")
    answer = client.post("/batches", json=body, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_fields")


def test_a_filter_without_photos_is_no_batch(world: World, client: TestClient) -> None:
    admin = person(world.services, Role.ADMIN, "")
    answer = client.post("/batches", json={"filter": {"failed": True}}, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "empty_batch")
