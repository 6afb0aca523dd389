"""What an evaluation found wrong, as a page with pictures."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from markupsafe import escape
from PIL import Image

from ocr_pipeline.errors import REASONS
from ocr_pipeline.evaluation.labels import Label
from ocr_pipeline.evaluation.metrics import evaluate
from ocr_pipeline.reader import PageResult
from ocr_pipeline.values import PageRead
from service.report.failures import KINDS, write_failures
from tests.cli.fake_reader import FORM, page_read, rejected
from tests.report.test_html import parse


def label(path: str, values: Mapping[str, int | None], **changes: object) -> Label:
    usual = {"form": FORM, "page": 2, "as_written": {}, "must_reject": False, "capture": "", "degradation": None}
    return Label(file=path, path=path, values=values, **{**usual, **changes})  # type: ignore[arg-type]


def written(folder: Path, labels: list[Label], results: list[PageResult]) -> str:
    by_photo = {result.read.photo: result for result in results}
    found = evaluate(labels, {name: result.read for name, result in by_photo.items()})
    html = write_failures(found, by_photo, folder).read_text(encoding="utf-8")
    parse(html)
    return html


def of_nothing(read: PageRead) -> PageResult:
    return PageResult(read, {}, None)


def test_a_wrong_number_is_shown_large_beside_its_truth_and_its_photo(
    accepted_page: PageResult, tmp_path: Path
) -> None:
    read = accepted_page.read
    values = {field: number.value for field, number in read.numbers.items()}
    wrong = dict(values) | {"paslon_2": 999}

    html = written(tmp_path, [label(read.photo, wrong, capture="folded")], [accepted_page])

    assert "salah diam-diam" in html
    assert "999" in html
    assert read.numbers["paslon_2"].as_written in html
    assert "folded" in html
    assert 'src="001-paslon_2.jpg"' in html
    assert "001-paslon_1.jpg" not in html
    with Image.open(tmp_path / "001-paslon_2.jpg") as crop, Image.open(tmp_path / "001.jpg") as overlay:
        assert crop.height > 150
        assert max(overlay.size) > 1000


def test_what_is_right_and_accepted_is_not_in_it(accepted_page: PageResult, tmp_path: Path) -> None:
    values = {field: number.value for field, number in accepted_page.read.numbers.items()}

    html = written(tmp_path, [label(accepted_page.read.photo, values)], [accepted_page])

    assert "Tidak ada yang gagal" in html
    assert list(tmp_path.glob("*.jpg")) == []


@pytest.mark.parametrize(
    ("one", "result", "kind"),
    [
        (label("a.jpg", {"paslon_1": 92}, rotation_deg=90), of_nothing(page_read("a.jpg", ())), "misidentified"),
        (label("a.jpg", {"paslon_1": 92}), of_nothing(rejected("a.jpg", "blurred")), "refused"),
        (label("a.jpg", {"paslon_2": 113}), of_nothing(page_read("a.jpg")), "wrong"),
        (label("a.jpg", {"paslon_2": None}), of_nothing(page_read("a.jpg")), "review"),
        (label("a.jpg", {"paslon_1": 93}), of_nothing(page_read("a.jpg")), "silent"),
        (label("a.jpg", {"sah": 93}, page=3), of_nothing(page_read("a.jpg", ())), "misidentified"),
        (label("a.jpg", {}, must_reject=True), of_nothing(page_read("a.jpg", ())), "not_refused"),
        (label("a.jpg", {}), None, "no_answer"),
    ],
)
def test_each_failure_is_named_by_its_worst(tmp_path: Path, one: Label, result: PageResult | None, kind: str) -> None:
    html = written(tmp_path, [one], [] if result is None else [result])

    assert f"<b>1</b> {KINDS[kind].id}" in html  # type: ignore[index]


def test_the_worst_come_first_and_a_refusal_says_what_it_advised(tmp_path: Path) -> None:
    labels = [label("a.jpg", {"paslon_1": 92}), label("b.jpg", {"paslon_1": 93})]

    html = written(tmp_path, labels, [of_nothing(rejected("a.jpg", "blurred")), of_nothing(page_read("b.jpg"))])

    assert html.index("b.jpg") < html.index("a.jpg")
    assert "blurred" in html
    assert escape(REASONS["blurred"][1]) in html


def test_a_file_name_cannot_become_markup_or_leave_the_folder(tmp_path: Path) -> None:
    name = '../<img src=x onerror="alert(1)">.jpg'
    folder = tmp_path / "out"

    html = written(folder, [label(name, {"paslon_1": 1})], [of_nothing(page_read(name))])

    assert "<img src=x" not in html
    assert "<script" not in html
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["index.html"]
