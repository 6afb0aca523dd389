"""What holds for any evidence at all."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import get_args

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_pipeline.decoding import Policy, decode
from ocr_pipeline.decoding.channels import fused_lattice, probabilities
from ocr_pipeline.decoding.lattice import meaning
from ocr_pipeline.values import CLASSES, NumberEvidence, Why
from tests.decoding.build import QUAD, form, number, rule, seen

POLICY = Policy()
FIELDS = ("a", "b", "c", "d")
FORM = form(
    [number(f, boxes=2, bubbles=f in "ab") for f in FIELDS],
    [
        rule("satu", ["a", "b"], "c"),
        rule("dua", ["c"], "d"),
        rule("batas", ["a"], "d", kind="at_most"),
        rule("banyak", ["d"], kind="limit", params={"max": 60}),
        rule("semua", ["a"], "d", kind="differs", severity="warning"),
    ],
)
ORDER = {why: k for k, why in enumerate(get_args(Why))}


@st.composite
def rows(draw: st.DrawFn, columns: int, n: int) -> list[list[float]]:
    """Natural logs: one outcome clear, or two, or anything."""
    found = []
    for _ in range(n):
        first, second = draw(st.integers(0, columns - 1)), draw(st.integers(0, columns - 1))
        p = draw(st.sampled_from([0.4, 0.6, 0.9, 0.99, 0.9999]))
        row = np.full(columns, 1e-7)
        row[second] += draw(st.sampled_from([0.0, 1.0])) * (1 - p)
        row += (1 - p) * 0.02
        row[first] += p
        found.append(list(np.log(row / row.sum())))
    return found


@st.composite
def anything(draw: st.DrawFn, field: str, boxes: int = 2, bubbles: bool | None = None) -> NumberEvidence:
    with_bubbles = field in "ab" if bubbles is None else bubbles
    columns = np.array(draw(rows(11, boxes))) if with_bubbles else None
    marks = None
    if columns is not None:
        marks = "".join(draw(st.sampled_from(["0123456789_"[k]] * 5 + ["_", "?"])) for k in columns.argmax(1))
    return NumberEvidence(
        field=field,
        boxes=np.array(draw(rows(13, boxes))),
        bubbles=columns,
        bubble_marks=marks,
        placed=draw(st.sampled_from([True, True, True, False])),
        quad_photo=QUAD,
        crossed_out=draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def agreeing(draw: st.DrawFn, field: str) -> NumberEvidence:
    """Boxes clearly written, bubbles filled as they should be: mostly accepted."""
    written = draw(st.from_regex(r"[X_-][0-9]|[0-9]{2}|XX|--|__", fullmatch=True))
    marks = "".join(s if s.isdigit() else draw(st.sampled_from("0_")) for s in written)
    p = draw(st.sampled_from([0.95, 0.99, 0.999]))
    return seen(field, written, marks if field in "ab" else None, p=p)


@st.composite
def stations(draw: st.DrawFn) -> dict[str, NumberEvidence]:
    fields = draw(st.permutations(FIELDS))[: draw(st.integers(1, 4))]
    return {f: draw(st.one_of(anything(f), agreeing(f), agreeing(f))) for f in fields}


@given(stations(), st.sets(st.sampled_from(FIELDS)))
def test_accepted_means_no_reason_not_to(evidence: dict[str, NumberEvidence], measured: set[str]) -> None:
    decoded = decode(FORM, evidence, measured)
    for name, read in decoded.numbers.items():
        assert (read.decision == "accepted") == (read.why == ())
        assert list(read.why) == sorted(set(read.why), key=lambda why: ORDER[why])
        assert ("unmeasured" in read.why) == (name not in measured)
        assert ("crossed_out" in read.why) == evidence[name].crossed_out
        assert 0 <= read.p <= 1 + 1e-9
        if read.decision == "accepted":
            assert read.value is not None
            assert evidence[name].placed
            assert read.alternative is None


@given(stations())
def test_as_written_always_means_the_value(evidence: dict[str, NumberEvidence]) -> None:
    for read in decode(FORM, evidence, FIELDS).numbers.values():
        assert len(read.as_written) == 2
        means = meaning(read.as_written)
        assert read.value == (means if isinstance(means, int) else None)
        if read.value is not None and read.p < POLICY.decided:
            # Sums chose it among unsure readings: shown to a person, never accepted.
            assert read.p >= POLICY.torn
            assert "low_confidence" in read.why


@given(stations())
def test_order_of_pages_changes_nothing(evidence: dict[str, NumberEvidence]) -> None:
    turned = dict(reversed(evidence.items()))
    assert decode(FORM, evidence, FIELDS) == decode(FORM, turned, FIELDS)


@given(stations())
def test_neighbours_change_no_sure_number_and_none_with_bubbles(evidence: dict[str, NumberEvidence]) -> None:
    together = decode(FORM, evidence, FIELDS).numbers
    for name, read in together.items():
        alone = decode(FORM, {name: evidence[name]}, FIELDS).numbers[name]
        best, p = fused_lattice(evidence[name], POLICY).best
        assert alone.value == (best if isinstance(best, int) and p >= POLICY.decided else None)
        if (read.value, read.as_written) != (alone.value, alone.as_written):
            assert name not in "ab"
            assert best != "empty"
            assert p < POLICY.clear
            assert read.value
            assert read.p >= POLICY.torn
            assert "low_confidence" in read.why
            _only_unsure_boxes_differ(evidence[name], read.as_written)
        else:
            assert read.p == alone.p


def _only_unsure_boxes_differ(evidence: NumberEvidence, written: str) -> None:
    for row, symbol in zip(probabilities(evidence.boxes), written, strict=True):
        assert CLASSES[int(row.argmax())] == symbol or row.max() < POLICY.clear


@given(stations())
def test_neighbours_accept_only_by_a_sum_that_holds(evidence: dict[str, NumberEvidence]) -> None:
    together = decode(FORM, evidence, FIELDS).numbers
    values = {name: read.value for name, read in together.items()}
    sums = [r for r in FORM.rules if r.kind == "sum"]
    for name, read in together.items():
        alone = decode(FORM, {name: evidence[name]}, FIELDS).numbers[name]
        holding = [
            r
            for r in sums
            if name in r.fields and r.check(values) and all(evidence[field].placed for field in r.fields)
        ]
        if read.decision == "accepted" and alone.decision == "review":
            assert name not in "ab"
            assert alone.why == ("low_confidence",)
            assert any(any(values[field] for field in r.fields) for r in holding)
        written = {f for f in evidence if fused_lattice(evidence[f], POLICY).best[0] != "empty"}
        here = [r for r in sums if name in r.fields and written.issuperset(r.fields)]
        if read.decision == "accepted" and here and name not in "ab":
            assert holding


@given(anything("a", boxes=2), st.lists(st.floats(0.5, 0.9999), min_size=2, max_size=2))
def test_blank_boxes_never_give_an_accepted_zero(evidence: NumberEvidence, blank: list[float]) -> None:
    boxes = np.log((1 - np.array(blank))[:, None] * np.exp(evidence.boxes) + 1e-12)
    for i, p in enumerate(blank):
        boxes[i, CLASSES.index("_")] = np.logaddexp(boxes[i, CLASSES.index("_")], np.log(p))
    read = decode(FORM, {"a": replace(evidence, boxes=boxes)}, FIELDS).numbers["a"]
    assert not (read.decision == "accepted" and read.value == 0)


def _plausible(evidence: NumberEvidence) -> tuple[dict[int, float], float]:
    """Likely values and their costs, and the posterior of the best reading, from the definition alone."""
    lattice = fused_lattice(evidence, POLICY)
    best = max(lattice.values.max(), lattice.empty, lattice.undecided)
    found = {v: float(np.log(best / p)) for v, p in enumerate(lattice.values) if p >= POLICY.likely * best}
    return dict(sorted(found.items(), key=lambda item: item[1])[: POLICY.most_candidates]), float(best)


def _verdict(evidence: Mapping[str, NumberEvidence]) -> str:
    """The verdict by trying every combination of likely readings of all four numbers."""
    price = -float(np.log(POLICY.likely))
    read = {f: decode(FORM, {f: evidence[f]}, FIELDS).numbers[f].value for f in FIELDS}
    errors = [r for r in FORM.rules if r.severity == "error"]
    broken = sum(r.check(read) is False for r in errors)
    if not broken:
        return "incomplete" if None in read.values() else "consistent"
    choices: list[list[tuple[int | None, float]]] = []
    for f in FIELDS:
        likely, _ = _plausible(evidence[f])
        choice: list[tuple[int | None, float]] = list(likely.items())
        choices.append(choice if read[f] is not None else [*choice, (None, price if likely else 0.0)])
    budget = (broken + sum(v is None for v in read.values())) * price + 1e-9
    for picked in product(*choices):
        values = {f: v for f, (v, _) in zip(FIELDS, picked, strict=True)}
        if sum(cost for _, cost in picked) <= budget and all(r.check(values) is not False for r in errors):
            return "reading_uncertain"
    return "form_inconsistent"


@settings(max_examples=150)
@given(st.tuples(*(st.one_of(anything(f), agreeing(f)) for f in FIELDS)))
def test_verdict_equals_trying_every_likely_reading(all_four: tuple[NumberEvidence, ...]) -> None:
    evidence = {e.field: e for e in all_four}
    counted = [len(_plausible(e)[0]) for e in all_four]
    if np.prod(counted) > 3_000 or max(counted) >= POLICY.most_candidates:
        return
    assert decode(FORM, evidence, FIELDS).verdict == _verdict(evidence)
