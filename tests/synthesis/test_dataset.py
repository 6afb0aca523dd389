import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_pipeline.forms.library import form_ids, load_form
from ocr_pipeline.synthesis import PhotoSettings, SynthesisSettings, synthesize, write_dataset
from ocr_pipeline.synthesis.dataset import number_quad
from ocr_pipeline.synthesis.samples import FORMS_FOLDER, SAMPLES

FORM = load_form("c-hasil-ppwp-2024")
SMALL = SynthesisSettings(photo=PhotoSettings(long_side_px=700))
SAMPLE_FOLDER = Path(__file__).resolve().parents[2] / "samples"


def test_one_page_alone_is_the_same_picture_as_among_all() -> None:
    alone = synthesize(FORM, [2], 11, SMALL)[0]
    among = synthesize(FORM, None, 11, SMALL)[1]
    assert np.array_equal(alone.shot.image, among.shot.image)
    assert alone.truth("a.jpg") == among.truth("a.jpg")


def test_another_seed_is_another_station() -> None:
    first, second = (synthesize(FORM, [2], seed, SMALL)[0].truth("a.jpg") for seed in (1, 2))
    assert first["values"] != second["values"]


def test_the_pages_of_a_station_obey_every_rule_together() -> None:
    values: dict[str, int | None] = {}
    for photo in synthesize(FORM, None, 3, SMALL):
        values |= photo.truth("a.jpg")["values"]
    assert all(rule.check(values) for rule in FORM.rules)


def test_a_written_data_set_holds_photos_and_their_truth(tmp_path: Path) -> None:
    settings = SynthesisSettings(level="easy", long_side_px=600, turns=(90,), orientations=(6,))
    path = write_dataset(tmp_path / "new", FORM, 2, 40, [3], settings)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["file"] for line in lines] == ["tps0040-hal3.jpg", "tps0041-hal3.jpg"]
    for line in lines:
        shown = cv2.imread(str(path.parent / line["file"]))
        assert shown is not None
        assert [shown.shape[1], shown.shape[0]] == line["size_px"]
        assert line["size_px"][0] > line["size_px"][1]
        assert line["rotation_deg"] == 90
        assert set(line["values"]) == {number.field for number in FORM.page(3).numbers}
        assert set(line["tallies"]) == {"tidak_sah"}
        assert "bubbles" not in line


def test_quads_and_map_in_the_truth_are_the_shots_own() -> None:
    photo = synthesize(FORM, [2], 8, SMALL)[0]
    truth = photo.truth("a.jpg")
    number = FORM.number("paslon_2")
    assert np.allclose(truth["quads_photo"]["paslon_2"], photo.shot.to_photo(number_quad(number)), atol=0.01)
    x, y = truth["map"]["x_mm"][3], truth["map"]["y_mm"][5]
    assert np.allclose(truth["map"]["photo_px"][5][3], photo.shot.to_photo(np.array([x, y])), atol=0.01)


def test_mistakes_stand_in_the_truth_of_their_page() -> None:
    settings = replace(SMALL, mistakes=("left_empty",))
    truths = [photo.truth("a.jpg") for photo in synthesize(FORM, None, 5, settings)]
    told = [mistake for truth in truths for mistake in truth.get("mistakes", [])]
    assert [kind for kind, _ in told] == ["left_empty"]
    assert [v for truth in truths for v in truth["values"].values()].count(None) == 1


@pytest.mark.parametrize("form_id", form_ids())
def test_every_page_of_every_form_is_drawn_filled_and_scanned(form_id: str) -> None:
    form = load_form(form_id)
    photos = synthesize(form, None, 2, SynthesisSettings(level="scan", long_side_px=500))
    assert [photo.page.page for photo in photos] == [page.page for page in form.pages]
    for photo in photos:
        truth = photo.truth("a.jpg")
        assert set(truth["values"]) == {number.field for number in photo.page.numbers}
        assert set(truth.get("tallies", {})) == {number.field for number in photo.page.numbers if number.tally}
        for corners in truth["quads_photo"].values():
            assert np.min(corners) > 0
            assert (np.max(corners, axis=0) < truth["size_px"]).all()


def test_an_unknown_page_is_refused() -> None:
    with pytest.raises(KeyError):
        synthesize(FORM, [9], 1, SMALL)


def test_the_shipped_samples_are_those_the_seeds_make() -> None:
    lines = (SAMPLE_FOLDER / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    shipped = {line["file"]: line for line in map(json.loads, lines)}
    assert set(shipped) == {f"{sample.name}-hal{page}.jpg" for sample in SAMPLES for page in sample.pages}
    sample = SAMPLES[-1]
    name = f"{sample.name}-hal{sample.pages[-1]}.jpg"
    again = synthesize(FORM, sample.pages, sample.seed, sample.settings)[-1]
    assert json.loads(json.dumps(again.truth(name))) == shipped[name]
    shown = cv2.imread(str(SAMPLE_FOLDER / name))
    assert shown is not None
    # Other builds of the JPEG encoder may round otherwise: alike, not equal.
    remade = cv2.imdecode(np.frombuffer(again.shot.encode(), np.uint8), cv2.IMREAD_COLOR)
    assert remade is not None
    assert np.abs(shown.astype(int) - remade).mean() < 0.5


def test_the_shipped_samples_show_every_page_of_every_form() -> None:
    """Fails after a form was added or its numbers changed: run ``python -m ocr_pipeline.synthesis.samples``."""
    folder = SAMPLE_FOLDER / FORMS_FOLDER
    lines = [json.loads(line) for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    pages = [(form_id, page.page) for form_id in form_ids() if form_id != FORM.id for page in load_form(form_id).pages]
    assert [(line["form"], line["page"]) for line in lines] == pages
    for line in lines:
        numbers = load_form(line["form"]).page(line["page"]).numbers
        assert list(line["as_written"]) == [number.field for number in numbers]
        assert (folder / line["file"]).is_file()


def test_the_shipped_samples_stay_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE_FOLDER.rglob("*.*")) < 3_500_000
