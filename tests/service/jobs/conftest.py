import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.jobs.reader_pool import ReaderPool
from service.services import Services
from tests.service.jobs.world import REPO, SAMPLES, World, make_world

STUB = Path(__file__).with_name("stub_reader.py")


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the real reader says about the sample pages of two stations, once for all tests."""
    folder = tmp_path_factory.mktemp("recorded")
    pool = ReaderPool(1, 120)
    try:
        for photo in sorted(SAMPLES.glob("tps-[ab]-hal?.jpg")):
            found = pool.read(photo, 0, photo.stem)
            head = {"read": dict(found.body), "took_ms": found.took_ms, "view_ms": found.view_ms}
            (folder / f"{photo.stem}.json").write_text(json.dumps(head))
            for kind in ("evidence", "fingerprint", "view"):
                (folder / f"{photo.stem}.{kind}").write_bytes(getattr(found, kind) or b"")
    finally:
        pool.close()
    return folder


@pytest.fixture
def stub(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Command line of the stub reader."""
    monkeypatch.setenv("PYTHONPATH", str(REPO))
    return (sys.executable, str(STUB), str(recorded))


@pytest.fixture
def world(services: Services, stub: tuple[str, ...]) -> Iterator[World]:
    with make_world(services, stub) as made:
        yield made
