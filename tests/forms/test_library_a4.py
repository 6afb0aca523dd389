"""The certificates of 2014 and 2019, measured on scans: their fields, their rules, and whether the paper agrees."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_pipeline.forms.definition import Box, Page
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.registration.model import page_model
from ocr_pipeline.registration.page_map import PageMap
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.register import register
from ocr_pipeline.values import Floats

C2019, C2014 = load_form("c1-ppwp-2019"), load_form("c1-ppwp-2014")
PAGES = [*C2019.pages, *C2014.pages]
MM = 900 / 297
"""Page mm to a mm on A4."""

LPJ_ROWS = (
    *("dpt", "dptb", "dpk", "pemilih"),
    *("pengguna_dpt", "pengguna_dptb", "pengguna_dpk", "pengguna"),
    *("disabilitas_terdaftar", "disabilitas"),
)
BALLOTS = ("surat_diterima", "surat_dikembalikan", "surat_tidak_digunakan", "surat_digunakan")

STATION = {
    **dict(zip(("dpt_l", "dpt_p", "dpt_j"), (120, 130, 250), strict=True)),
    **dict(zip(("dptb_l", "dptb_p", "dptb_j"), (2, 1, 3), strict=True)),
    **dict(zip(("dpk_l", "dpk_p", "dpk_j"), (0, 4, 4), strict=True)),
    **dict(zip(("pemilih_l", "pemilih_p", "pemilih_j"), (122, 135, 257), strict=True)),
    **dict(zip(("pengguna_dpt_l", "pengguna_dpt_p", "pengguna_dpt_j"), (90, 100, 190), strict=True)),
    **dict(zip(("pengguna_dptb_l", "pengguna_dptb_p", "pengguna_dptb_j"), (2, 1, 3), strict=True)),
    **dict(zip(("pengguna_dpk_l", "pengguna_dpk_p", "pengguna_dpk_j"), (0, 4, 4), strict=True)),
    **dict(zip(("pengguna_l", "pengguna_p", "pengguna_j"), (92, 105, 197), strict=True)),
    **{f"disabilitas_terdaftar_{k}": n for k, n in (("l", 1), ("p", 2), ("j", 3))},
    **{f"disabilitas_{k}": n for k, n in (("l", 1), ("p", 0), ("j", 1))},
    **dict(zip(BALLOTS, (255, 2, 56, 197), strict=True)),
    **{"paslon_1": 80, "paslon_2": 110, "sah": 190, "tidak_sah": 7, "total": 197},
}
"""A polling station of 2019 at which everything adds up."""


def broken(values: dict[str, int], severity: str) -> set[str]:
    return {r.id for r in C2019.rules if r.severity == severity and r.check(values) is False}


def test_both_forms_have_the_fields_of_the_contract_in_the_order_of_the_paper() -> None:
    assert [n.field for n in C2019.page(1).numbers] == [f"{row}_{k}" for row in LPJ_ROWS for k in "lpj"] + list(BALLOTS)
    assert [n.field for n in C2019.page(2).numbers] == ["paslon_1", "paslon_2", "sah", "tidak_sah", "total"]
    assert [n.field for n in C2014.page(4).numbers] == ["paslon_1", "paslon_2", "sah", "tidak_sah"]
    for form in (C2019, C2014):
        assert [n.review_order for n in form.numbers] == list(range(1, len(form.numbers) + 1))
        assert {len(n.boxes) for n in form.numbers} == {3}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.page))
def test_every_box_edge_lies_on_a_printed_rule_or_at_a_filled_bar(page: Page) -> None:
    for number in page.numbers:
        for box in number.boxes:
            (left, top), (right, bottom) = box.corners_mm[0], box.corners_mm[2]
            for axis, at, middle in (
                ("h", top, (left + right) / 2),
                ("h", bottom, (left + right) / 2),
                ("v", left, (top + bottom) / 2),
                ("v", right, (top + bottom) / 2),
            ):
                nearest = min(
                    (abs(r.at_mm - at) for r in page.rules if r.axis == axis and r.from_mm <= middle <= r.to_mm),
                    default=np.inf,
                )
                bars = [f.area.corners_mm[2][0] for f in page.fills if f.area.y_mm < middle < f.area.corners_mm[2][1]]
                at_bar = axis == "v" and any(abs(edge - at) < 0.15 * MM for edge in bars)
                assert nearest < 0.1 * MM or at_bar, (number.field, axis, at)


def test_words_of_2019_have_a_line_that_crosses_no_box() -> None:
    with_words = [n for n in C2019.numbers if n.words is not None]
    assert [n.field for n in with_words] == ["paslon_1", "paslon_2", "sah", "tidak_sah", "total"]
    boxes = [b for n in C2019.page(2).numbers for b in n.boxes]
    for number in with_words:
        assert number.words is not None
        assert not any(number.words.overlaps(box) for box in boxes)


def test_a_station_that_adds_up_breaks_no_rule() -> None:
    assert set(STATION) == {n.field for n in C2019.numbers}
    assert not broken(STATION, "error")
    assert not broken(STATION, "warning")


@pytest.mark.parametrize("field", sorted(STATION))
def test_one_number_that_is_wrong_breaks_a_rule(field: str) -> None:
    """Each number stands in at least one sum, so that a lone misreading never goes unseen."""
    assert broken({**STATION, field: STATION[field] + 1}, "error")


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("pemilih_p_jumlah", {"dpk_p": 5}),
        ("surat_jumlah", {"surat_dikembalikan": 3}),
        ("surat_pengguna", {"surat_digunakan": 196}),
        ("total_digunakan", {"total": 198}),
        ("disabilitas_terdaftar_j_batas", {"disabilitas_terdaftar_j": 258}),
        ("surat_cadangan", {"surat_diterima": 257}),
        ("dpt_batas_tps", {"dpt_j": 301}),
        ("total_dpt", {"total": 256}),
        ("tidak_sah_tinggi", {"tidak_sah": 20}),
    ],
)
def test_the_rule_that_is_meant_is_the_one_that_breaks(rule: str, wrong: dict[str, int]) -> None:
    values = {**STATION, **wrong}
    assert rule in broken(values, "error") | broken(values, "warning")


def test_the_labelled_scans_obey_their_rules_except_the_one_that_does_not_add_up(shared_dir: Path) -> None:
    folder = shared_dir / "realforms"
    labels = [json.loads(line) for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    wrong = set()
    seen = 0
    for label in labels:
        if label.get("form") in (C2019.id, C2014.id):
            form = load_form(label["form"])
            seen += 1
            if any(r.check(label["values"]) is False for r in form.rules if r.severity == "error"):
                wrong.add(Path(label["file"]).name)
    assert seen == 45
    assert wrong == {"1420463-005804400404.jpg"}


@pytest.mark.parametrize(
    ("form", "page", "scan", "turn"),
    [
        ("c1-ppwp-2019", 1, "aceh-07cotkumbang_01-p1.png", 180),
        ("c1-ppwp-2019", 2, "mixed-test8.jpg", 0),
        ("c1-ppwp-2014", 4, "1773007-005324400804.jpg", 0),
    ],
)
def test_scans_have_their_printed_edges_where_the_definition_says(
    shared_dir: Path, form: str, page: int, scan: str, turn: int
) -> None:
    """Measured on the edges of all boxes: half of them within 0.1 mm on the paper, nine of ten within 0.3 mm."""
    grey = cv2.imread(str(shared_dir / "realforms" / form / scan), cv2.IMREAD_GRAYSCALE)
    assert grey is not None
    pyramid = Pyramid(np.asarray(grey, np.uint8))
    fit = register(pyramid, tuple(page_model(f.id, p.page) for f in (C2019, C2014) for p in f.pages))
    assert (fit.model.key, fit.turn) == ((form, page), turn)
    off_mm = edge_distances(pyramid, fit.page_map, fit.model.page) / MM
    assert len(off_mm) >= 0.9 * 12 * len(fit.model.page.numbers)
    assert np.median(off_mm) < 0.1
    assert np.quantile(off_mm, 0.9) < 0.3


def edge_distances(pyramid: Pyramid, page_map: PageMap, page: Page) -> Floats:
    """Page mm from each box edge to the darkest line within 1.5 mm of the paper; edges of bars are not lines."""
    px_per_mm, reach = 2.5, 11
    whole = pyramid.cut(page_map, Box(0, 0, *page.size_mm), px_per_mm).grey
    ridge = cv2.morphologyEx(whole, cv2.MORPH_CLOSE, np.ones((11, 11), np.uint8)).astype(np.float32) - whole
    found = []
    for box in (b for n in page.numbers for b in n.boxes):
        (left, top), (right, bottom) = box.corners_mm[0], box.corners_mm[2]
        for at, low, high, picture in (
            (top, left, right, ridge),
            (bottom, left, right, ridge),
            (left, top, bottom, ridge.T),
            (right, top, bottom, ridge.T),
        ):
            centre, spare = round(at * px_per_mm), (high - low) * 0.12
            along = slice(round((low + spare) * px_per_mm), round((high - spare) * px_per_mm))
            profile = np.minimum(picture[max(centre - reach, 0) : centre + reach + 1, along], 90).mean(axis=1)
            if profile.max() > 25:
                near = np.arange(max(int(profile.argmax()) - 2, 0), min(int(profile.argmax()) + 3, len(profile)))
                place = np.average(near, weights=profile[near]) + max(centre - reach, 0)
                found.append(abs(place / px_per_mm - at))
    return np.array(found)
