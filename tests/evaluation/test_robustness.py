import csv
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from ocr_pipeline.evaluation import robustness
from ocr_pipeline.evaluation.robustness import Point, curves, measure, write_csv
from ocr_pipeline.evaluation.robustness_plot import Curve, draw_svg
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.synthesis import SynthesisSettings, single_factor, synthesize
from ocr_pipeline.synthesis.dataset import number_quad
from ocr_pipeline.values import Decision, NumberRead, PageRead

FORM = load_form("c-hasil-ppwp-2024")
SIZES = (500.0, 300.0)


def oracle(decide: Callable[[int, str], tuple[int, Decision]]) -> Callable[[Path], PageRead]:
    """A reader that knows the truth of photos 500 px high, moves every quad by 2 px, and refuses smaller photos."""
    photo = synthesize(FORM, [2], robustness.FIRST_SEED, SynthesisSettings(photo=single_factor("resolution", 500)))[0]
    truth = photo.truth("")["values"]

    def read(path: Path) -> PageRead:
        picture = cv2.imread(str(path))
        assert picture is not None
        numbers = {}
        for number in photo.page.numbers if picture.shape[0] >= 500 else ():
            value, decision = decide(truth[number.field], number.field)
            quad = photo.shot.to_photo(number_quad(number)) + np.array([2.0, 0.0])
            numbers[number.field] = NumberRead(number.field, value, "", 1.0, decision, (), {}, quad)
        refused = not numbers
        return PageRead(
            photo=str(path),
            sha256=None,
            form=None if refused else FORM.id,
            page=None if refused else 2,
            form_rev=None,
            outcome="rejected" if refused else "accepted",
            reason="low_resolution" if refused else None,
            numbers=numbers,
            rules=(),
            quality=None,
            timing_ms={},
            pipeline_rev="",
            models={},
        )

    return read


@pytest.fixture(autouse=True)
def few_strengths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustness, "FACTOR_STRENGTHS", {"resolution": SIZES})


def test_right_accepted_silent_and_refused_are_counted_apart() -> None:
    def decide(value: int, field: str) -> tuple[int, Decision]:
        wrong = value + (field == "paslon_1")
        return wrong, "review" if field == "paslon_3" else "accepted"

    large, small = measure(oracle(decide), FORM, 2, ("resolution",), stations=1)
    assert (large.numbers, large.right, large.accepted, large.silent, large.refused) == (3, 2, 2, 1, 0)
    assert (small.numbers, small.right, small.accepted, small.silent, small.refused) == (3, 0, 0, 0, 1)
    assert small.reasons == "low_resolution:1"
    assert small.error_mm is None
    # 500 px for about 980 mm: 2 px are close to 4 mm.
    assert large.error_mm == pytest.approx(3.9, abs=0.5)


def test_the_csv_has_a_line_for_each_point(tmp_path: Path) -> None:
    points = measure(oracle(lambda value, field: (value, "accepted")), FORM, 2, ("resolution",), stations=1)
    write_csv(points, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["factor"], row["strength"], row["right"]) for row in rows] == [
        ("resolution", "500.00", "3"),
        ("resolution", "300.00", "0"),
    ]
    assert rows[1]["error_mm"] == ""


def test_curves_are_shares_and_mark_where_the_gate_begins() -> None:
    points = [
        Point("blur", 1.0, 4, 0, 12, 12, 6, 0, 0.2, ""),
        Point("blur", 2.0, 4, 1, 12, 9, 3, 1, 0.4, "blurred:1"),
    ]
    (curve,) = curves(points)
    assert curve.right == (1.0, 0.75)
    assert curve.accepted == (0.5, 0.25)
    assert curve.refused == (0.0, 0.25)
    assert curve.gate_begins == 1


def test_the_picture_shows_the_gate_and_every_silent_error() -> None:
    calm = Curve("jpeg", "quality & size", ("90", "5"), (1, 1), (1, 1), (0, 0), (0, 0))
    bad = Curve("blur", "sigma", ("1", "9"), (1, 0.5), (1, 0.5), (0, 0.5), (0, 3))
    root = ElementTree.fromstring(draw_svg([calm, bad], "measured <here>"))
    texts = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("gate begins to refuse") == 1
    assert "× 3" in texts
    assert "measured <here>" in texts
    assert "quality & size" in texts
