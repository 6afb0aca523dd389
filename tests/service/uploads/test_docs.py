"""The examples of docs/uploads.md, run as they stand against a real server."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from service.services import Services
from service.store.photos import Photo
from service.uploads.intake import Intake
from service.uploads.receipts import verify_kept
from tests.service.places import ELECTION, Places
from tests.service.uploads.conftest import Officer, make_app, make_photo, sha_of
from tests.service.uploads.wire import serving

DOCS = Path(__file__).parents[3] / "docs" / "uploads.md"


def test_the_examples_run(
    services: Services,
    intake: Intake,
    places: Places,
    kpps: Officer,
    photo_file: Callable[[bytes], Path],
    tmp_path: Path,
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl, to run the examples of the documentation")
    blocks = re.findall(r"```sh\n# runs\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 5
    data = make_photo(1, 300_000)
    (tmp_path / "turus").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m service.cli.main "$@"\n')
    (tmp_path / "turus").chmod(0o755)
    with serving(make_app(services, intake)) as server:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "PYTHONPATH": str(DOCS.parents[1]),
                "TURUS_URL": server,
                "TURUS_TOKEN": kpps.token,
                "PHOTO": str(photo_file(data)),
                "TPS": places.tps[0],
                "ELECTION": ELECTION,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "GENUINE" in done.stdout
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    assert (receipt["sha256"], receipt["page"]) == (sha_of(data), 2)
    assert verify_kept(receipt)
    with services.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Photo)) == 1
