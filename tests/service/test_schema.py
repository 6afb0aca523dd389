"""The whole API against its own description, with inputs nobody would think of (schemathesis).

``make schema`` runs longer; here each role gets a small, repeatable share. A 5xx is a failure unless it is one of the
two that the description allows, and every answer must have the shape it promises.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.access import Role
from service.services import Services, build_services
from service.settings import Settings
from tests.faults.system import System
from tests.service.people import make_account, token_for
from tests.service.places import open_election, small_country

EXAMPLES = os.environ.get("TURUS_SCHEMA_EXAMPLES", "8")
ROLES = [(Role.ADMIN, ""), (Role.KPU_RI, ""), (Role.PPK_WEB, "187101"), (Role.KPPS, "1871011001001")]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)

# Left out: what ends the session that the run is made with, and streams that stay open on purpose.
EXCLUDED = ("/auth/logout", "/auth/password", "/auth/sessions/{session_id}", "/events", "/photos/{photo_id}/events")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[tuple[System, Services]]:
    folder = tmp_path_factory.mktemp("schema")
    database = folder / "turus.sqlite3"
    shutil.copy(sqlite_template, database)
    services = build_services(Settings(data_dir=folder, database_url=f"sqlite:///{database}", min_free_bytes=0))
    small_country(services)
    open_election(services)
    with System(folder, f"sqlite:///{database}") as running:
        running.start_web()
        yield running, services
    services.store.close()


@pytest.mark.parametrize(("role", "scope"), ROLES, ids=[role.value for role, _ in ROLES])
def test_the_api_keeps_what_its_description_promises(
    system: tuple[System, Services], role: Role, scope: str, tmp_path: Path
) -> None:
    running, services = system
    token = token_for(services, make_account(services, role, scope))
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("st")),
            "--no-color",
            "run",
            f"{running.url}/openapi.json",
            *("--header", f"Authorization:Bearer {token}"),
            *("--checks", ",".join(CHECKS)),
            *(part for path in EXCLUDED for part in ("--exclude-path", path)),
            "--generation-deterministic",
            *("--max-examples", EXAMPLES),
            *("--workers", "1"),
            *("--phases", "examples,fuzzing"),
            *("--request-timeout", "20"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    assert not running.web.dead
