"""What keeps the service running: readiness, figures, the reference page, chores, and `turus serve` itself."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from service.access import Role
from service.app import create_app
from service.errors import ServiceError
from service.housekeeping import Housekeeping
from service.services import Services, build_services
from service.settings import Settings
from service.store.audit import AuditSeal
from tests.service.people import person
from tests.service.places import small_country


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services), raise_server_exceptions=False) as running:
        yield running


def test_a_working_service_is_alive_and_ready(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/ready").json() == {"status": "ok", "parts": {"database": "ok", "storage": "ok"}}


def test_a_database_that_is_away_makes_it_unready_but_alive(tmp_path: Path) -> None:
    services = build_services(Settings(data_dir=tmp_path, database_url="postgresql://nobody@127.0.0.1:9/none"))
    with TestClient(create_app(services), raise_server_exceptions=False) as client:
        assert client.get("/health").status_code == 200
        answer = client.get("/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
        assert "retry-after" in answer.headers
        logged_in = client.get("/auth/me", headers={"Authorization": "Bearer x"})
        assert (logged_in.status_code, logged_in.json()["code"]) == (503, "database_away")
    services.store.close()


def test_a_database_of_another_version_is_not_ready(tmp_path: Path) -> None:
    services = build_services(Settings(data_dir=tmp_path))
    with TestClient(create_app(services)) as client:
        assert "turus migrate" in client.get("/ready").json()["details"]["parts"]["database"]
    services.store.close()


def test_storage_that_is_away_is_named(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: object) -> None:
        raise ServiceError("storage_away")

    monkeypatch.setattr("service.blobs.local.LocalBlobs.check", away)
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_away")


def test_figures_are_for_the_administrator_and_name_nobody(client: TestClient, services: Services) -> None:
    admin = person(services, Role.ADMIN, "")
    client.get("/nowhere/1871011001001")
    text = client.get("/metrics", headers=admin).text
    assert 'turus_jobs{state="waiting"} 0.0' in text
    assert "turus_workers_alive 0.0" in text
    assert "1871011001001" not in text
    assert client.get("/metrics", headers=person(services, Role.PPK, "187101")).json()["code"] == "forbidden"


def test_the_reference_lists_every_route_and_loads_nothing(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    missing = [path for path in client.get("/openapi.json").json()["paths"] if f"<code>{path}</code>" not in page.text]
    assert missing == []
    assert "<script" not in page.text
    assert re.findall(r"(?:src|href)=\"(?!/|#)", page.text) == []


def test_the_activation_page_runs_only_its_own_script(client: TestClient) -> None:
    page = client.get("/activate")
    assert page.status_code == 200
    assert "unsafe" not in page.headers["content-security-policy"]
    for path in re.findall(r"(?:src|href)=\"(/[^\"]+)\"", page.text):
        assert client.get(path).status_code == 200


def test_chains_are_sealed_on_the_side(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise KeyError("a fault of ours")

    monkeypatch.setattr("service.housekeeping.mark_arrivals", broken)  # must not take the other chores along
    small_country(services)
    person(services, Role.ADMIN, "")
    with services.store.write() as session:
        from service.audit import Act, append

        append(session, [Act("a.b", "x:1", "187101", None)], services.now())
    with Housekeeping(services, hurry=250):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with services.store.read() as session:
                if session.scalar(select(func.count()).select_from(AuditSeal)):
                    break
            time.sleep(0.02)
    with services.store.read() as session:
        assert session.scalar(select(func.count()).select_from(AuditSeal)) == 1


def test_serve_with_nothing_configured(tmp_path: Path) -> None:
    """Started, activated by the link on the terminal, a killed worker replaced, ended by SIGTERM without leftovers."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TURUS_")}
    environment["PYTHONUNBUFFERED"] = "1"
    with (tmp_path / "log").open("wb") as log:
        serve = subprocess.Popen(
            [sys.executable, "-m", "service.cli.main", "serve", "--port", "0"],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
            stdout=log,
            stderr=log,
        )
    try:
        link = _wait_for(tmp_path / "log", r"(http://127\.0\.0\.1:\d+)/activate#(\S+)")
        _wait_for(tmp_path / "log", "worker.started")
        _wait_for(tmp_path / "log", "Uvicorn running")
        url, secret = link.groups()
        entry = httpx2.post(
            f"{url}/auth/activate", json={"token": secret, "password": "a long enough phrase 7"}, timeout=60
        )
        assert entry.status_code == 200, entry.text
        me = httpx2.get(
            f"{url}/auth/me", timeout=60, headers={"Authorization": f"Bearer {entry.json()['token']}"}
        ).json()
        assert me["account"]["role"] == "admin"

        processes = psutil.Process(serve.pid).children(recursive=True)
        (worker,) = [p for p in psutil.Process(serve.pid).children() if "worker" in p.cmdline()]
        worker.kill()
        _wait_for(tmp_path / "log", r"(?s)process\.ended.*worker\.started")
        processes += psutil.Process(serve.pid).children(recursive=True)
        serve.send_signal(signal.SIGTERM)
        assert serve.wait(60) == 0
        _, alive = psutil.wait_procs(processes, timeout=60)
        assert alive == []
    finally:
        serve.kill()
        serve.wait()


def _wait_for(log: Path, pattern: str) -> re.Match[str]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = re.search(pattern, log.read_text())
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{pattern} never came: {log.read_text()}")
