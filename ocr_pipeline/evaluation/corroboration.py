"""What sums confirm, and at what risk, on invented pages whose truth is known.

``python -m ocr_pipeline.evaluation.corroboration [--pages N] [--seed S]`` prints one line a scenario. No picture is
drawn: each box is a noisy point near its symbol's own, and the reader's probabilities are Bayes' for that noise, so
that they are calibrated unless a scenario says otherwise. Part of the noise can belong to the hand: then a page's
misread 2 is misread everywhere on it. Officers add wrongly, fill unused boxes by habit and leave zeros empty. The
figures say what the rules of decoding do with such evidence; they say nothing about how well real boxes are read.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ocr_pipeline.decoding import Policy, decode
from ocr_pipeline.forms.definition import FormDefinition, Number, Page
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.forms.rules import ArithmeticRule
from ocr_pipeline.synthesis.results import random_results
from ocr_pipeline.values import CLASSES, Floats, NumberEvidence, NumberRead

PAGES = (
    ("c1-ppwp-2019", 1),
    ("c1-ppwp-2019", 2),
    ("c1-plano-dpr-2019", 2),
    ("c1-kwk-plano-2017", 1),
    ("c1-ppwp-2014", 4),
)
"""Pages without bubbles, in turn."""
ALIKE = ("17", "49", "35", "06", "38", "29", "08", "56", "X-", "-_", "14", "79", "X8")
"""Symbols that are mistaken for each other."""
LIKENESS = 0.45
FILLERS = ("X", "0", "-", "_")
SLIPS = (1, 2, 9, 10, 100, 20, 30, 90)
"""By how much a wrong sum is wrong, up or down; half of them take any value instead."""
EMPTY_ZEROS = 0.1
QUAD = np.zeros((4, 2))


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of evidence.

    Attributes:
        name: for the table.
        noise: deviation of a box from its symbol, in units of an unlike pair's distance over 1.41.
        hand: share of the noise's variance that the writer repeats on the whole page.
        trust: factor on the logits; above 1 the reader is surer than it should be.
        slips: share of sums that are wrong on paper.
    """

    name: str
    noise: float
    hand: float = 0.0
    trust: float = 1.0
    slips: float = 0.03


SCENARIOS = (
    Scenario("sharp", 0.15),
    Scenario("middling", 0.2),
    Scenario("poor", 0.25),
    Scenario("middling, half of the noise by hand", 0.2, hand=0.5),
    Scenario("poor, half of the noise by hand", 0.25, hand=0.5),
    Scenario("middling, by hand, too sure", 0.2, hand=0.5, trust=1.5),
    Scenario("middling, by hand, one sum in ten wrong", 0.2, hand=0.5, slips=0.1),
)


@dataclass(slots=True)
class Tally:
    """Numbers of one scenario, counted.

    Attributes:
        numbers: all of them.
        shown: with the right value shown (or none, where none is written).
        accepted: without a person.
        silent: accepted and wrong.
        changed: shown with another value than the boxes alone give.
        changed_right: of these, right.
    """

    numbers: int = 0
    shown: int = 0
    accepted: int = 0
    silent: int = 0
    changed: int = 0
    changed_right: int = 0

    def count(self, read: NumberRead, alone: NumberRead, truth: int | None) -> None:
        """Add one number."""
        self.numbers += 1
        self.shown += read.value == truth
        if read.decision == "accepted":
            self.accepted += 1
            self.silent += read.value != truth
        if read.value != alone.value:
            self.changed += 1
            self.changed_right += read.value == truth


@dataclass(slots=True)
class Outcome:
    """A scenario with each number decided from its boxes alone, and with its page."""

    scenario: Scenario
    alone: Tally = field(default_factory=Tally)
    together: Tally = field(default_factory=Tally)


def symbol_points() -> Floats:
    """Where each symbol lies, shape (13, 13), float64, unit length: like ones nearer to each other."""
    alike = np.eye(len(CLASSES))
    for pair in ALIKE:
        places = [CLASSES.index(symbol) for symbol in pair]
        alike[places, places[::-1]] = LIKENESS
    size, directions = np.linalg.eigh(alike)
    points = directions * np.sqrt(np.maximum(size, 0))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), dtype=np.float64)


def wrong_sums(
    values: Mapping[str, int], rules: Sequence[ArithmeticRule], share: float, rng: np.random.Generator
) -> dict[str, int]:
    """The same results with some totals written wrong; what depends on them is left as it was."""
    found = dict(values)
    for rule in rules:
        if rule.kind == "sum" and rule.total in found and rng.random() < share:
            slip = int(rng.choice(SLIPS)) * (1 if rng.random() < 0.5 else -1)
            wrong = found[rule.total] + slip if rng.random() < 0.5 else int(rng.integers(0, 400))
            found[rule.total] = max(0, wrong)
    return found


def written(number: Number, value: int, filler: str, rng: np.random.Generator) -> str:
    """One symbol a box, in the habit of the page; some zeros are left empty."""
    boxes = len(number.boxes)
    if value == 0 and rng.random() < EMPTY_ZEROS:
        return "_" * boxes
    if value == 0:
        return str(rng.choice([filler if filler != "_" else "-", "0"])) * boxes
    return str(value).rjust(boxes, filler)


def page_evidence(texts: Mapping[str, str], scenario: Scenario, rng: np.random.Generator) -> dict[str, NumberEvidence]:
    """What a reader would say of boxes that hold ``texts``."""
    points = symbol_points()
    own, hand = np.sqrt(1 - scenario.hand), np.sqrt(scenario.hand)
    habit = rng.normal(size=points.shape)
    found = {}
    for name, text in texts.items():
        places = [CLASSES.index(symbol) for symbol in text]
        noise = own * rng.normal(size=(len(text), points.shape[1])) + hand * habit[places]
        seen = points[places] + scenario.noise * noise
        far = ((seen[:, None] - points) ** 2).sum(2)
        logits = -scenario.trust * far / (2 * scenario.noise**2)
        top = logits.max(1, keepdims=True)
        logs = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
        found[name] = NumberEvidence(name, logs, None, None, True, QUAD)
    return found


def simulate(scenario: Scenario, pages: int, seed: int, policy: Policy) -> Outcome:
    """Decides invented pages.

    Args:
        scenario: what their boxes are like.
        pages: how many, of the kinds in :data:`PAGES` in turn.
        seed: of chance.
        policy: thresholds.
    """
    rng = np.random.default_rng(seed)
    outcome = Outcome(scenario)
    kinds = [_page(form_id, page) for form_id, page in PAGES]
    for i in range(pages):
        form, page = kinds[i % len(kinds)]
        values = wrong_sums(random_results(form, rng), form.rules, scenario.slips, rng)
        filler = str(rng.choice(FILLERS, p=[0.5, 0.2, 0.15, 0.15]))
        texts = {n.field: written(n, min(values[n.field], n.largest), filler, rng) for n in page.numbers}
        evidence = page_evidence(texts, scenario, rng)
        together = decode(form, evidence, set(evidence), policy).numbers
        for name, text in texts.items():
            truth = None if set(text) == {"_"} else int(text.lstrip("X-_") or 0)
            alone = decode(form, {name: evidence[name]}, {name}, policy).numbers[name]
            outcome.alone.count(alone, alone, truth)
            outcome.together.count(together[name], alone, truth)
    return outcome


def _page(form_id: str, page: int) -> tuple[FormDefinition, Page]:
    form = load_form(form_id)
    return form, form.page(page)


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a Markdown table."""
    lines = [
        "| boxes | numbers | right: boxes alone / with sums | accepted | silent | changed, of these right |",
        "|---|---|---|---|---|---|",
    ]
    for each in outcomes:
        a, t = each.alone, each.together
        lines.append(
            f"| {each.scenario.name} | {t.numbers} | {a.shown / a.numbers:.1%} / {t.shown / t.numbers:.1%} "
            f"| {a.accepted / a.numbers:.1%} / {t.accepted / t.numbers:.1%} | {a.silent} / {t.silent} "
            f"| {t.changed}, {t.changed_right} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m ocr_pipeline.evaluation.corroboration")
    parser.add_argument("--pages", type=int, default=200, help="pages a scenario")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    # The card of a digit model sets this one; here it is the share that a card measured.
    policy = replace(Policy(), box_alone=0.975)
    print(table([simulate(scenario, given.pages, given.seed, policy) for scenario in SCENARIOS]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
