import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.evaluation.labels import Label, load_labels
from ocr_pipeline.evaluation.metrics import Evaluation, Score, Share, evaluate, split
from ocr_pipeline.serialise import page_to_dict
from ocr_pipeline.values import NumberRead, PageRead
from tests.cli.fake_reader import FORM, number, page_read, rejected


def label(
    file: str = "a.jpg",
    values: dict[str, int | None] | None = None,
    as_written: dict[str, str] | None = None,
    page: int = 2,
    must_reject: bool = False,
) -> Label:
    return Label(
        file=file,
        path=file,
        form=None if must_reject else FORM,
        page=None if must_reject else page,
        values=values or {},
        as_written=as_written or {},
        must_reject=must_reject,
        capture="",
        degradation=None,
    )


def score(one: Label, *numbers: NumberRead, **changes: Any) -> Score:
    read = replace(page_read("a.jpg", numbers), **changes)
    return evaluate([one], {"a.jpg": read}).total


def test_a_right_accepted_number_counts_everywhere() -> None:
    s = score(label(values={"paslon_1": 92}, as_written={"paslon_1": "X92"}), number("paslon_1", 92, "X92"))

    assert (s.identified, s.numbers, s.accepted) == (Share(1, 1), Share(1, 1), Share(1, 1))
    assert (s.silent, s.forms, s.straight_through, s.boxes) == (Share(0, 1), Share(1, 1), Share(1, 1), Share(3, 3))


def test_an_accepted_wrong_number_is_a_silent_error() -> None:
    s = score(label(values={"paslon_1": 92}, as_written={"paslon_1": "X92"}), number("paslon_1", 93, "X93"))

    assert (s.numbers, s.silent, s.forms, s.boxes) == (Share(0, 1), Share(1, 1), Share(0, 1), Share(2, 3))


def test_a_wrong_number_that_a_person_sees_is_not_silent() -> None:
    s = score(label(values={"paslon_1": 92}), number("paslon_1", 93, "X93", why=("low_confidence",)))

    assert (s.numbers, s.accepted, s.silent) == (Share(0, 1), Share(0, 1), Share(0, 0))


def test_every_accepted_number_of_another_page_is_silent() -> None:
    s = score(label(values={"sah": 92}, page=3), number("paslon_1", 92, "X92"), number("paslon_2", 1, "XX1"))

    assert (s.identified, s.numbers, s.silent) == (Share(0, 1), Share(0, 1), Share(2, 2))


def test_a_page_is_turned_right_only_where_form_page_and_turn_are_right() -> None:
    upside_down = replace(label(values={"paslon_1": 92}), rotation_deg=180)
    right = number("paslon_1", 92, "X92")

    assert score(upside_down, right, rotation_deg=180).turned == Share(1, 1)
    assert score(upside_down, right, rotation_deg=0).turned == Share(0, 1)
    assert score(upside_down, right, rotation_deg=0).identified == Share(1, 1)
    assert score(upside_down, right, rotation_deg=180, page=3).turned == Share(0, 1)
    assert score(label(values={"paslon_1": 92}), right, rotation_deg=0).turned == Share(0, 0)


def test_a_number_out_of_a_file_that_must_be_rejected_is_silent() -> None:
    s = score(label(must_reject=True), number("paslon_1", 92, "X92"))

    assert (s.rejects, s.silent, s.numbers) == (Share(0, 1), Share(1, 1), Share(0, 0))


def test_a_refused_photo_counts_its_numbers_as_wrong() -> None:
    found = evaluate(
        [label("a.jpg", {"paslon_1": 92}), label("b.jpg", must_reject=True)],
        {"a.jpg": rejected("a.jpg", "blurred"), "b.jpg": rejected("b.jpg", "not_a_form")},
    )

    assert (found.total.numbers, found.total.rejected, found.total.rejects) == (Share(0, 1), 1, Share(1, 1))
    assert found.files[0].misses[0].silent is False


def test_a_photo_without_an_answer_is_counted() -> None:
    found = evaluate([label(values={"paslon_1": 92}), label("b.jpg", must_reject=True)], {})

    assert (found.total.no_answer, found.total.numbers, found.total.rejects) == (2, Share(0, 1), Share(0, 1))


@pytest.mark.parametrize(
    ("truth", "as_written", "false_zeros"),
    [(0, "XXX", 0), (0, "___", 1), (None, "___", 1), (334, "--_", 1), (0, "000", 0)],
)
def test_false_zeros_are_zeros_made_of_nothing(truth: int | None, as_written: str, false_zeros: int) -> None:
    s = score(label(values={"paslon_1": truth}), number("paslon_1", 0, as_written))

    assert s.false_zeros == false_zeros


def test_split_keeps_every_file() -> None:
    labels = [replace(label(f"{k}.jpg", {"paslon_1": k}), degradation="blur" if k % 2 else "dark") for k in range(5)]
    whole = evaluate(labels, {})

    parts = split(whole, lambda one: str(one.degradation))

    assert list(parts) == ["dark", "blur"]
    assert sum(part.total.photos for part in parts.values()) == 5


def test_bounds_agree_with_the_rule_of_three_and_its_exact_form() -> None:
    # One-sided 95 % for 0 of n is 1 - 0.05 ** (1 / n).
    assert Share(0, 66).upper == pytest.approx(1 - 0.05 ** (1 / 66))
    assert Share(66, 66).lower == pytest.approx(0.05 ** (1 / 66))
    assert Share(0, 3000).upper == pytest.approx(0.001, rel=0.01)
    assert (Share(0, 0).share, Share(0, 0).lower, Share(0, 0).upper) == (None, None, None)


@given(st.integers(1, 400), st.data())
def test_bounds_enclose_the_share_and_mirror(n: int, data: st.DataObject) -> None:
    share = Share(data.draw(st.integers(0, n)), n)

    assert share.lower is not None
    assert share.upper is not None
    assert share.share is not None
    assert 0 <= share.lower <= share.share <= share.upper <= 1
    assert share.lower == pytest.approx(1 - (Share(n - share.hits, n).upper or 0))


@st.composite
def _reads(draw: st.DrawFn) -> tuple[list[Label], list[PageRead]]:
    """Some labelled photos and arbitrary readings of them."""
    labels, reads = [], []
    value = st.one_of(st.none(), st.integers(0, 3))
    for k in range(draw(st.integers(1, 6))):
        file, must_reject = f"{k}.jpg", draw(st.booleans())
        values = {f"paslon_{i}": draw(value) for i in (1, 2)}
        written = {field: draw(st.sampled_from(["XX1", "___", "1"])) for field in values}
        labels.append(
            label(file, {} if must_reject else values, {} if must_reject else written, must_reject=must_reject)
        )
        kind = draw(st.sampled_from(["read", "read", "rejected", "rejected with numbers", "other page"]))
        numbers = tuple(
            number(
                f"paslon_{i}",
                draw(value),
                draw(st.sampled_from(["XX1", "___", "1"])),
                why=draw(st.sampled_from([(), ("low_confidence",)])),
            )
            for i in (1, 2)
        )
        read = rejected(file, "blurred") if kind == "rejected" else page_read(file, numbers)
        read = replace(read, outcome="rejected", reason="glare") if kind == "rejected with numbers" else read
        reads.append(replace(read, page=3) if kind == "other page" else read)
    return labels, reads


FIGURES = {
    "number_accuracy": "numbers",
    "accepted": "accepted",
    "form_accuracy": "forms",
    "straight_through": "straight_through",
    "box_accuracy": "boxes",
}


def _as_the_outside_scorer_says(s: Score) -> dict[str, Any]:
    shares = {name: getattr(s, mine) for name, mine in FIGURES.items()}
    return {
        **{name: round(share.share or 0, 4) for name, share in shares.items()},
        "photos": s.photos,
        "identified": s.identified.hits,
        "rejected": s.rejected,
        "numbers": s.numbers.n,
        "silent_errors": s.silent.hits,
        "rejects": f"{s.rejects.hits}/{s.rejects.n}",
    }


def _outside_score(shared: Path, folder: Path, labels: Sequence[Label], reads: Sequence[PageRead]) -> Any:
    entries = [
        {
            "file": one.file,
            "form": one.form,
            "page": one.page,
            "values": one.values,
            "as_written": one.as_written,
            **({"expect": "rejected"} if one.must_reject else {}),
        }
        for one in labels
    ]
    (folder / "labels.jsonl").write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    lines = [json.dumps({**page_to_dict(read), "photo": str(folder / read.photo)}) for read in reads]
    (folder / "lines").write_text("\n".join(lines), encoding="utf-8")
    (folder / "turus.py").write_text("import pathlib; print(pathlib.Path(__file__).with_name('lines').read_text())")
    fake = shlex.join([sys.executable, str(folder / "turus.py")])
    command = [sys.executable, str(shared / "tools" / "score.py"), str(folder / "labels.jsonl"), "--turus", fake]
    subprocess.run([*command, "--json", str(folder / "out.json")], check=True, capture_output=True)
    return json.loads((folder / "out.json").read_text())


def test_same_figures_as_the_outside_scorer(shared_dir: Path, tmp_path: Path) -> None:
    cases: list[tuple[list[Label], list[PageRead]]] = []

    @given(_reads())
    def collect(case: tuple[list[Label], list[PageRead]]) -> None:
        cases.append(case)

    collect()
    # The outside scorer is a process of its own: all cases in one call, told apart by their page numbers.
    labels, reads = [], []
    for k, (some_labels, some_reads) in enumerate(cases):
        labels += [replace(one, file=f"{k}-{one.file}", path=f"{k}-{one.path}") for one in some_labels]
        reads += [replace(read, photo=f"{k}-{read.photo}") for read in some_reads]
    outside = _outside_score(shared_dir, tmp_path, labels, reads)

    mine: Evaluation = evaluate(labels, {read.photo: read for read in reads})

    assert len(labels) > 50
    assert _as_the_outside_scorer_says(mine.total) == outside.pop("ALL")
    assert {key: _as_the_outside_scorer_says(s) for key, s in mine.groups.items()} == outside
    loaded = load_labels(tmp_path / "labels.jsonl")
    assert [one.values for one in loaded] == [one.values for one in labels]
