"""The examples of the docs are run as they stand, with curl, in order, against a real web process.

A block of shell that begins with ``# runs`` is run; the statuses named on that line are what its calls must get, in
their order; where none is named, all must succeed. The blocks of one page share one shell, so a variable set in one may
be used in the next.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from service.access import Role
from service.accounts.activation import add_invitation
from service.audit import append
from service.blobs.port import view_key
from service.cli.serve import free_port
from service.photos.alarms import raise_alarm
from service.services import Services, build_services
from service.settings import Settings
from service.store.accounts import Account
from service.store.photos import Alarm
from service.uploads.bench import web_process
from tests.service.client.stand import jpeg, write_photo
from tests.service.people import make_account, token_for
from tests.service.photos.stand import number, put_photo, put_reading
from tests.service.places import open_election, small_country

DOCS = Path(__file__).parents[2] / "docs"
PASSWORD, PHONE = "kata sandi panjang", "081234567890"
_BLOCK = re.compile(r"^```sh\n(# runs[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHIM = """#!/bin/sh
exec {curl} --silent --show-error --write-out '%{{stderr}}turus-status %{{http_code}}\\n' "$@"
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A block: its commands, and the statuses that its calls must get (empty: any success)."""

    text: str
    statuses: Sequence[int]


def examples_of(page: str) -> list[Example]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return [
        Example(body, [int(status) for status in re.findall(r"\b[1-5][0-9]{2}\b", first)])
        for first, body in _BLOCK.findall(text)
    ]


def run_examples(examples: Sequence[Example], variables: Mapping[str, str], folder: Path) -> list[list[int]]:
    """Runs them in one shell; the statuses of each one's calls.

    Raises:
        AssertionError: a command failed, with everything that was said.
    """
    curl = shutil.which("curl")
    assert curl is not None
    shim = folder / "bin" / "curl"
    shim.parent.mkdir()
    shim.write_text(_SHIM.format(curl=curl))
    shim.chmod(0o755)
    script = "set -euo pipefail\n" + "".join(f"echo turus-block >&2\n{example.text}\n" for example in examples)
    own = Path(sys.executable).parent  # where `turus` itself is
    environment = {**os.environ, **variables, "PATH": f"{shim.parent}:{own}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return [
        [int(status) for status in re.findall(r"^turus-status (\d+)$", said, re.MULTILINE)]
        for said in done.stderr.split("turus-block\n")[1:]
    ]


def stage(services: Services, folder: Path, url: str) -> dict[str, str]:
    """What the examples speak of, and the variables that name it."""
    places = small_country(services)
    election = open_election(services)
    ppk = make_account(services, Role.PPK, places.kecamatan[0], login="ppk.kedaton", password=PASSWORD)
    invited = make_account(services, Role.KPPS, places.tps[0], phone=PHONE, state="invited")
    photo = put_photo(services, election, ppk, places.tps[0])
    boxes, words = [[40, 10], [60, 10], [60, 17], [40, 17]], [[4, 20], [40, 20], [40, 30], [4, 30]]
    put_reading(
        services, photo, {"paslon_1": {**number(92), "quad_photo": boxes, "words_quad_photo": words}}, size_px=(64, 48)
    )
    services.blobs.put_bytes(view_key(photo, 0), jpeg(1))
    with services.store.write() as session:
        invitation = add_invitation(session, services, session.get_one(Account, invited))
        details = {"photos": [photo]}
        acts = raise_alarm(
            session, "same_handwriting", "k", election, places.tps[0], details, services.now(), places.tps[1]
        )
        append(session, acts, services.now())
        alarm = session.scalars(select(Alarm.id)).one()
    return {
        "TURUS_URL": url,
        "TURUS_TOKEN": token_for(services, ppk),
        "KPPS_TOKEN": token_for(services, make_account(services, Role.KPPS, places.tps[0])),
        "WEB_TOKEN": token_for(services, make_account(services, Role.PPK_WEB, places.kecamatan[0])),
        "CITY_TOKEN": token_for(services, make_account(services, Role.KPU_KOTA, places.city)),
        "ELECTION": election,
        "TPS": places.tps[0],
        "PHOTO": str(write_photo(folder, jpeg(2, 700_000))),
        "PHOTO_ID": photo,
        "ALARM_ID": alarm,
        "LOGIN": "ppk.kedaton",
        "PASSWORD": PASSWORD,
        "CODE": invitation.code or "",
        "PHONE": PHONE,
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("page", ["api.md", "uploads.md"])
def test_the_examples_of_the_docs_work(page: str, settings: Settings, tmp_path: Path) -> None:
    examples = examples_of(page)
    assert examples, f"docs/{page} has no block that begins with `# runs`"
    services = build_services(settings)
    port = free_port("127.0.0.1")
    variables = stage(services, tmp_path, f"http://127.0.0.1:{port}")
    with web_process(settings, port):
        found = run_examples(examples, variables, tmp_path)
    services.store.close()
    for example, statuses in zip(examples, found, strict=True):
        expected = list(example.statuses) or [status for status in statuses if 200 <= status < 300]
        assert statuses == expected, f"docs/{page}:\n{example.text}"
        assert statuses or "curl" not in example.text, f"docs/{page}: no call was made by\n{example.text}"


def test_the_calls_of_the_docs_are_checked(tmp_path: Path) -> None:
    """The runner itself: a failing command is an error, and each block gets its own statuses."""
    page = "```sh\n# runs: 200 404\ncurl a\n```\ntext\n```sh\ncurl not-run\n```\n```sh\n# runs\ncurl b\n```\n"
    assert [(first, body) for first, body in _BLOCK.findall(page)] == [
        ("# runs: 200 404", "curl a\n"),
        ("# runs", "curl b\n"),
    ]
    if shutil.which("curl"):
        with pytest.raises(AssertionError):
            run_examples([Example("curl http://127.0.0.1:9/", [200])], {}, tmp_path)
