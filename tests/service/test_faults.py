import subprocess
import sys
from pathlib import Path

import pytest

from service import faults

REPO = Path(__file__).resolve().parents[2]


def passing(point: str, times: int, fault: str) -> int:
    code = f"from service import faults\nfor _ in range({times}): faults.at({point!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, env={"TURUS_FAULT": fault}, check=False)
    return done.returncode


def test_a_point_kills_at_the_passing_that_was_named() -> None:
    assert passing("read.before", 1, "read.before:2") == 0
    assert passing("read.before", 2, "read.before:2") == -9
    assert passing("read.after", 5, "read.before:2") == 0
    assert passing("read.before", 1, "") == 0


@pytest.mark.parametrize("text", ["nowhere:1", "read.before:0", "read.before:x", "read.before:-1"])
def test_a_point_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="TURUS_FAULT"):
        faults.parse(text)


def test_every_point_is_in_the_code() -> None:
    sources = "".join(path.read_text() for path in (REPO / "service").rglob("*.py") if path.name != "faults.py")
    missing = [point for point in faults.POINTS if f'faults.at("{point}")' not in sources]
    assert missing == []
    assert faults.parse("read.before") == ("read.before", 1)
