"""The whole API against its own description, with inputs nobody would think of (schemathesis).

``make schema`` runs longer; here each role gets a small, repeatable share. A 5xx is a failure unless it is one of the
two that the description allows, and every answer must have the shape it promises.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from service.access import Role
from service.services import Services, build_services
from service.settings import Settings
from tests.faults.system import System
from tests.service.people import make_account, token_for
from tests.service.places import ELECTION, open_election, small_country

TPS = "1871011001001"
SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "tps-a-hal2.jpg"
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


Stage = tuple[System, Services, dict[str, str]]


def _known(running: System, services: Services) -> dict[str, str]:
    """Ids that exist, so that the calls get past "not found": a photo is sent, a batch and an account are made."""
    officer = token_for(services, make_account(services, Role.KPPS, TPS))
    data = SAMPLE.read_bytes()
    answer = httpx2.put(
        f"{running.url}/photos/{hashlib.sha256(data).hexdigest()}",
        params={"election": ELECTION, "tps": TPS},
        content=data,
        headers={"Authorization": f"Bearer {officer}"},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    return {
        "photo_id": answer.json()["photo"],
        "receipt_id": answer.json()["id"],
        "election_id": ELECTION,
        "election": ELECTION,
        "tps": TPS,
        "kecamatan": TPS[:6],
        "region": TPS[:6],
        "code": TPS[:6],
        "chain": TPS[:6],
        "user_id": make_account(services, Role.SAKSI, TPS),
    }


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("schema")
    database = folder / "turus.sqlite3"
    shutil.copy(sqlite_template, database)
    services = build_services(Settings(data_dir=folder, database_url=f"sqlite:///{database}", min_free_bytes=0))
    small_country(services)
    open_election(services)
    with System(folder, f"sqlite:///{database}") as running:
        running.start_web()
        yield running, services, _known(running, services)
    services.store.close()


@pytest.mark.parametrize(("role", "scope"), ROLES, ids=[role.value for role, _ in ROLES])
def test_the_api_keeps_what_its_description_promises(stage: Stage, role: Role, scope: str, tmp_path: Path) -> None:
    running, services, known = stage
    token = token_for(services, make_account(services, role, scope))
    config = tmp_path / "schemathesis.toml"
    config.write_text("[parameters]\n" + "".join(f'{name} = "{value}"\n' for name, value in known.items()))
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("st")),
            "--no-color",
            *("--config-file", str(config)),
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
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("st_hooks.py"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    assert not running.web.dead
