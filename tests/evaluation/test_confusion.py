"""Photos of all pages in four turns: planned fairly, counted rightly, and a small share of them really read."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from ocr_pipeline.evaluation.confusion import Case, Finding, cases, measure, summary, table
from ocr_pipeline.forms.library import form_ids, load_form
from ocr_pipeline.reader import Reader
from ocr_pipeline.values import PageRead

PAGES = [(form, page.page) for form in form_ids() for page in load_form(form).pages]
WALL, SCAN = ("c1-plano-dpr-2019", 2), ("c1-ppwp-2019", 2)


def finding(
    case: Case, found: tuple[str, int] | None, turn_deg: int | None = 0, reason: str | None = None, took_ms: float = 1
) -> Finding:
    return Finding(case, found, turn_deg, reason, took_ms)


def case(key: tuple[str, int], turn_deg: int = 0) -> Case:
    return Case(*key, turn_deg, "easy", 1)


def test_every_page_is_taken_in_every_turn_at_every_level_equally_often() -> None:
    wanted = cases(16 * len(PAGES), 3)

    counts = Counter((one.key, one.turn_deg, one.level) for one in wanted)
    assert set(counts.values()) == {1}
    assert {one.key for one in wanted} == set(PAGES)
    assert len({one.seed for one in wanted}) == len(wanted)


def test_a_longer_run_begins_with_a_shorter_one_and_another_seed_has_other_photos() -> None:
    assert cases(40, 3)[:10] == cases(10, 3)
    assert not {one.seed for one in cases(500, 3)} & {one.seed for one in cases(500, 4)}


def test_confusions_wrong_turns_and_refusals_are_counted_apart() -> None:
    findings = [
        finding(case(WALL), WALL, took_ms=100),
        finding(case(WALL), SCAN, took_ms=200),
        finding(case(WALL), None, None, "blurred", took_ms=300),
        finding(case(SCAN, 90), SCAN, 270, took_ms=400),
        finding(case(SCAN, 90), SCAN, 90, took_ms=500),
    ]

    rows = [line.split() for line in table(findings).splitlines()]
    said = summary(findings)

    assert rows[1] == ["1", WALL[0], "p2", "1", "1", ".", "1"]
    assert rows[2] == ["2", SCAN[0], "p2", ".", "2", "1", "."]
    assert "5 photos, 2 confused, 1 refused" in said
    assert "refused, easy: 1 as blurred" in said
    assert said.count("confused: ") == 2
    assert "median 300 ms, 95th percentile 480 ms" in said


@pytest.fixture(scope="module")
def read() -> Callable[[Path], PageRead]:
    reader = Reader.load()
    return lambda path: reader.read_file(str(path))[0].read


def test_some_of_the_photos_are_read_as_what_they_show(read: Callable[[Path], PageRead]) -> None:
    """The command reads 500; here one of each paper, each in another turn."""
    some = [Case(*WALL, 90, "easy", 11), Case(*SCAN, 180, "scan", 12), Case("c1-ppwp-2014", 4, 270, "easy", 13)]

    findings = list(measure(read, some))

    assert [(f.reason, f.found, f.turn_deg) for f in findings] == [(None, one.key, one.turn_deg) for one in some]
    assert all(f.took_ms > 0 for f in findings)


def test_the_photo_that_is_read_is_the_one_that_was_planned() -> None:
    sizes = []

    def look(path: Path) -> PageRead:
        picture = cv2.imread(str(path))
        assert picture is not None
        sizes.append(picture.shape[:2])
        return PageRead(str(path), None, None, None, None, "rejected", "blurred", {}, (), None, {"total": 7.0}, "1", {})

    upright, turned = measure(look, [Case(*SCAN, 0, "easy", 5), Case(*SCAN, 90, "easy", 5)])

    assert sizes[0] == sizes[1][::-1]
    assert (upright.reason, upright.found, turned.took_ms) == ("blurred", None, 7.0)
