"""A reader without pictures: what it answers depends on the file's name. Importable in worker processes."""

import os
import time
from pathlib import Path

import numpy as np

from ocr_pipeline.errors import ModelError
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.reader import PageResult
from ocr_pipeline.revision import PIPELINE_REV
from ocr_pipeline.values import ChannelRead, Decision, NumberRead, PageRead, Quality, RuleCheck, Why

FORM = "c-hasil-ppwp-2024"


class FakeReader:
    """A file named missing is refused, bug raises, crash ends the process, slow takes its time, a PDF has two pages.

    Every photo shows page 2.
    """

    def read_file(self, path: str, form_id: str | None = None, page: int | None = None) -> list[PageResult]:
        if "crash" in path:
            os._exit(9)
        if "once" in path:
            return self._crash_once(path)
        if "bug" in path:
            raise ValueError("a bug in the reader")
        if "slow" in path:
            time.sleep(0.4)
        if "missing" in path:
            return [PageResult(rejected(path, "missing"), {}, None)]
        if path.endswith(".pdf"):
            return [PageResult(page_read(f"{path}#{k}"), {}, None) for k in (1, 2)]
        if page not in (None, 2):
            return [PageResult(rejected(path, "wrong_page"), {}, None)]
        return [PageResult(page_read(path), {}, None)]

    def _crash_once(self, path: str) -> list[PageResult]:
        mark = Path(f"{path}.tried")
        if not mark.exists():
            mark.touch()
            os._exit(9)
        return [PageResult(page_read(path), {}, None)]


def load_fake() -> FakeReader:
    return FakeReader()


def load_broken() -> FakeReader:
    raise ModelError("rusak", "damaged")


def load_knowing() -> FakeReader:
    load_form("uji")
    return FakeReader()


def load_dead() -> FakeReader:
    os._exit(3)


def number(
    field: str, value: int | None, as_written: str, p: float = 0.9999, why: tuple[Why, ...] = (), row: int = 0
) -> NumberRead:
    decision: Decision = "review" if why else "accepted"
    quad = np.array([[10, 10], [70, 10], [70, 30], [10, 30]], np.float64) + [0, 40 * row]
    evidence = {"digits": ChannelRead(value, p)}
    return NumberRead(field, value, as_written, p, decision, why, evidence, quad)  # type: ignore[arg-type]


def page_read(path: str, numbers: tuple[NumberRead, ...] | None = None, page: int = 2) -> PageRead:
    if numbers is None:
        numbers = (
            number("paslon_1", 92, "X92"),
            number("paslon_2", None, "1?3", 0.4, ("low_confidence", "channels_disagree"), 1),
            number("paslon_3", 0, "XXX", row=2),
        )
    return PageRead(
        photo=path,
        sha256="0" * 64,
        form=FORM,
        page=page,
        form_rev=1,
        outcome="accepted" if all(n.decision == "accepted" for n in numbers) else "review",
        reason=None,
        numbers={n.field: n for n in numbers},
        rules=(RuleCheck("sah_jumlah", None, "error"),),
        quality=Quality(0.8, 41.2, 1.0),
        timing_ms={"decode": 21.04, "total": 160.0},
        pipeline_rev=PIPELINE_REV,
        models={"digits": "digits-1"},
    )


def rejected(path: str, reason: str) -> PageRead:
    return PageRead(path, None, None, None, None, "rejected", reason, {}, (), None, {}, PIPELINE_REV, {})
