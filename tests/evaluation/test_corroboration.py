"""The bench of sums: invented evidence is as sure as it should be, and sums make it safer."""

import numpy as np
import pytest

from ocr_pipeline.decoding import Policy
from ocr_pipeline.evaluation.corroboration import SCENARIOS, Scenario, main, page_evidence, simulate, table
from ocr_pipeline.values import CLASSES


@pytest.mark.parametrize("hand", [0.0, 0.5])
def test_invented_boxes_are_calibrated(hand: float) -> None:
    rng = np.random.default_rng(3)
    p, right = [], []
    for _ in range(60):
        text = "".join(rng.choice(list(CLASSES), size=60))
        boxes = np.exp(page_evidence({"a": text}, Scenario("", 0.25, hand=hand), rng)["a"].boxes)
        p.append(boxes.max(1))
        right.append([CLASSES[k] == symbol for k, symbol in zip(boxes.argmax(1), text, strict=True)])
    assert np.mean(p) == pytest.approx(np.mean(right), abs=0.02)
    assert np.mean(right) < 0.97


def test_sums_accept_more_and_err_less_on_unsure_boxes() -> None:
    poor, policy = Scenario("poor", 0.25, hand=0.5, slips=0.0), Policy(box_alone=0.975)
    outcome = simulate(poor, 25, 2, policy)
    assert outcome.together.numbers == outcome.alone.numbers > 200
    assert outcome.together.shown >= outcome.alone.shown
    assert outcome.together.silent <= outcome.alone.silent
    assert outcome.together.silent == 0
    assert simulate(poor, 5, 2, policy) == simulate(poor, 5, 2, policy)


def test_the_command_prints_a_line_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--pages", "5"]) == 0
    printed = capsys.readouterr().out.strip().splitlines()
    assert len(printed) == 2 + len(SCENARIOS)
    assert printed[:2] == table([]).splitlines()
