"""What every test shares: one thread, the material beside the project, and an honest list of what was not run."""

import os

# Before numpy, cv2 or onnxruntime load: the tests run one thread each, as the workers of the service do.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest
from hypothesis import settings

from ocr_pipeline.forms import library

cv2.setNumThreads(1)
settings.register_profile("turus", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
settings.load_profile("turus")

SHARED = Path(__file__).resolve().parents[2] / "shared"
NEEDS_SHARED = "needs the real photos and digits: put the folder shared/ beside the project's folder"
NEEDS_TORCH = "needs torch: .venv/bin/pip install -e '.[train]'"

REQUIRE_ALL = os.environ.get("TURUS_REQUIRE_ALL") == "1"
"""Set by .ci/run, where everything is installed (but for Node.js): there a skipped test is a failed one."""


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with real photos, which is never part of the project; skips the test where it is missing."""
    if not SHARED.is_dir():
        pytest.skip(NEEDS_SHARED)
    return SHARED


@pytest.fixture
def fresh_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forms that a test adds are forgotten after it."""
    monkeypatch.setattr(library, "_own", {})
    monkeypatch.setattr(library, "_own_files", {})


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("needs_torch") and find_spec("torch") is None:
        pytest.skip(NEEDS_TORCH)


def _skip_becomes_failure(report: pytest.TestReport | pytest.CollectReport) -> None:
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail") and "needs_node" not in report.keywords:
        reason = _reason(report)
        report.outcome = "failed"
        report.longrepr = f"TURUS_REQUIRE_ALL=1 and yet skipped: {reason}"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    where = report.longrepr
    return str(where[2]).removeprefix("Skipped: ") if isinstance(where, tuple) else str(where)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    _skip_becomes_failure(report)
    return report  # type: ignore[return-value]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report: pytest.CollectReport = yield  # type: ignore[assignment]
    _skip_becomes_failure(report)
    return report  # type: ignore[return-value]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped: list[pytest.TestReport | pytest.CollectReport] = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section("not run here")
    for reason, count in Counter(_reason(report) for report in skipped).most_common():
        terminalreporter.write_line(f"{count} {'test' if count == 1 else 'tests'}: {reason}")
