"""Reader processes: what they answer, and how they end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.jobs.reader_pool import ReaderBroke, ReaderPool, ReaderUnavailable
from tests.service.jobs.world import REPO, SAMPLES

Wish = Callable[..., Path]


@pytest.fixture
def wish(tmp_path: Path) -> Wish:
    """A file that tells the stub reader what to do."""

    def write(**what: Any) -> Path:
        path = tmp_path / f"wish-{len(list(tmp_path.iterdir()))}"
        path.write_text(json.dumps(what))
        return path

    return write


@pytest.fixture
def pool(stub: tuple[str, ...]) -> Iterator[ReaderPool]:
    made = ReaderPool(1, 20, stub)
    yield made
    made.close()


def test_a_photo_that_kills_its_reader_costs_nobody_else(pool: ReaderPool, wish: Wish) -> None:
    for _ in range(3):
        with pytest.raises(ReaderBroke) as broke:
            pool.read(wish(do="crash"), 0, "x")
        assert broke.value.code == "reader_crashed"
        assert pool.read(wish(sample="tps-a-hal2"), 0, "x").body["page"] == 2
    assert len(pool.processes()) == 1


def test_a_photo_that_hangs_is_ended(stub: tuple[str, ...], wish: Wish) -> None:
    pool = ReaderPool(1, 0.3, stub)
    pool.read(wish(sample="tps-a-hal2"), 0, "x")
    (process,) = pool.processes()
    with pytest.raises(ReaderBroke) as broke:
        pool.read(wish(do="hang"), 0, "x")
    assert broke.value.code == "reader_timeout"
    assert not Path(f"/proc/{process}").exists()
    pool.close()


def test_a_fault_is_told_and_the_process_stays(pool: ReaderPool, wish: Wish) -> None:
    with pytest.raises(ReaderBroke):
        pool.read(wish(do="fault"), 0, "x")
    before = pool.processes()
    pool.read(wish(sample="tps-a-hal2"), 0, "x")
    assert pool.processes() == before


def test_a_killed_reader_is_replaced(pool: ReaderPool, wish: Wish) -> None:
    pool.read(wish(sample="tps-a-hal2"), 0, "x")
    (process,) = pool.processes()
    os.kill(process, signal.SIGKILL)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    pool.read(wish(sample="tps-a-hal2"), 0, "x")
    assert pool.processes() != [process]


def test_a_process_is_replaced_after_its_share(stub: tuple[str, ...], wish: Wish) -> None:
    pool = ReaderPool(1, 20, stub, photos_per_process=2)
    seen = set()
    for _ in range(4):
        pool.read(wish(sample="tps-a-hal2", sleep_s=0.01), 0, "x")
        seen |= set(pool.processes())
    assert len(seen) == 2
    pool.close()


def test_two_photos_at_once_and_no_more(stub: tuple[str, ...], wish: Wish) -> None:
    pool = ReaderPool(2, 20, stub)
    paths = [wish(sample="tps-a-hal2", sleep_s=0.1) for _ in range(5)]
    most = 0
    threads = [threading.Thread(target=pool.read, args=(path, 0, "x")) for path in paths]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, len(pool.processes()))
        time.sleep(0.01)
    assert most == 2
    pool.close()


@pytest.mark.parametrize("program", [("/no/such/program",), (sys.executable, "-c", "raise SystemExit(3)")])
def test_readers_that_cannot_start_are_no_photos_fault(program: tuple[str, ...], tmp_path: Path) -> None:
    pool = ReaderPool(1, 20, program)
    with pytest.raises(ReaderUnavailable):
        pool.read(tmp_path / "x", 0, "x")
    pool.close()


def test_closing_ends_a_reading_under_way_as_nobodys_fault(pool: ReaderPool, wish: Wish) -> None:
    ends: list[BaseException] = []

    def read() -> None:
        try:
            pool.read(wish(do="hang"), 0, "x")
        except BaseException as error:
            ends.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    while not pool.processes():
        time.sleep(0.01)
    time.sleep(0.2)
    processes = pool.processes()
    pool.close()
    thread.join(20)
    assert [type(end) for end in ends] == [ReaderUnavailable]
    assert not any(Path(f"/proc/{process}").exists() for process in processes)
    with pytest.raises(ReaderUnavailable):
        pool.read(wish(sample="tps-a-hal2"), 0, "x")


def test_the_real_reader_reads_and_shows_and_its_parent_loads_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from service.jobs.reader_pool import ReaderPool;"
        "import service.jobs.worker, service.jobs.dbos_engine;"
        f"pool = ReaderPool(1, 120); found = pool.read(Path({str(SAMPLES / 'tps-a-hal2.jpg')!r}), 0, 'n');"
        "assert found.body['outcome'] == 'accepted', found.body; assert found.view[:2] == b'\\xff\\xd8';"
        "assert found.evidence and found.fingerprint; assert pool.parts(Path('README.md')) == [0];"
        "bad = pool.read(Path('README.md'), 0, 'n'); assert bad.body['reason'] == 'unreadable_file';"
        "assert (bad.view, bad.evidence, bad.fingerprint) == (None, None, None); pool.close();"
        "print(sorted({'cv2', 'onnxruntime', 'fastapi'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=REPO, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_readers_end_when_their_parent_is_killed(stub: tuple[str, ...], wish: Wish) -> None:
    real = (sys.executable, "-m", "service.jobs.reader_child")
    code = (
        "import sys, threading; from pathlib import Path; from service.jobs.reader_pool import ReaderPool;"
        f"pool = ReaderPool(1, 120, {real!r}); pool.parts(Path('README.md'));"
        f"threading.Thread(target=lambda: pool.read(Path({str(SAMPLES / 'tps-a-hal1.jpg')!r}), 0, 'n')).start();"
        "print(pool.processes()[0], flush=True); threading.Event().wait()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=REPO, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 30
    while _lives(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lives(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False
