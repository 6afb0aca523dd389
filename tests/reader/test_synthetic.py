"""Whole synthetic pages, read from their files."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_pipeline.reader import PageResult, Reader, read_together
from ocr_pipeline.synthesis import SyntheticPhoto
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.synthesis.photograph import photograph
from tests.reader.photos import FORM, PLAIN, plain_photo, read_one, save, station, truth_of

SEEDS = (1, 3)
Read = tuple[SyntheticPhoto, PageResult]


@pytest.fixture(scope="module")
def pages(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> list[Read]:
    """Two stations, three pages each, in easy photos."""
    folder = tmp_path_factory.mktemp("easy")
    photos = [photo for seed in SEEDS for photo in station(seed)]
    return [(p, read_one(reader, save(p, folder, f"{p.seed}-{p.page.page}.jpg"))) for p in photos]


def of_page(pages: list[Read], page: int) -> list[Read]:
    return [(p, r) for p, r in pages if p.page.page == page]


def test_form_and_page_are_named(pages: list[Read]) -> None:
    for photo, result in pages:
        assert (result.read.form, result.read.page, result.read.form_rev) == (FORM.id, photo.page.page, FORM.rev)
        assert result.fit is not None
        assert result.fit.confirmed


def test_every_number_equals_the_truth(pages: list[Read]) -> None:
    for photo, result in pages:
        assert {field: n.value for field, n in result.read.numbers.items()} == truth_of(photo), photo.seed


def test_what_is_written_is_read_as_written_wherever_it_is_decided(pages: list[Read]) -> None:
    for photo, result in pages:
        for field, number in result.read.numbers.items():
            written = photo.station.numbers[field].as_written
            assert len(number.as_written) == len(written)
            assert all(seen in (true, "?") for seen, true in zip(number.as_written, written, strict=True)), field


def test_page_2_is_accepted_without_a_person(pages: list[Read]) -> None:
    for _, result in of_page(pages, 2):
        assert result.read.outcome == "accepted"
        assert all(n.decision == "accepted" and not n.why for n in result.read.numbers.values())


@pytest.mark.parametrize("page", [1, 3])
def test_pages_never_measured_go_to_a_person_number_by_number(pages: list[Read], page: int) -> None:
    for _, result in of_page(pages, page):
        assert result.read.outcome == "review"
        assert all(n.decision == "review" and "unmeasured" in n.why for n in result.read.numbers.values())


def test_page_3_would_be_accepted_but_for_that(pages: list[Read]) -> None:
    for _, result in of_page(pages, 3):
        assert {n.why for n in result.read.numbers.values()} == {("unmeasured",)}


def test_the_bubbles_say_what_was_blackened(pages: list[Read]) -> None:
    for photo, result in of_page(pages, 2):
        for field, evidence in result.evidence.items():
            assert evidence.bubble_marks == photo.station.numbers[field].bubbles
            assert evidence.bubbles is not None
            assert evidence.bubbles.shape == (3, 11)


def test_rules_of_the_page_hold(pages: list[Read]) -> None:
    for _, result in pages:
        fields = set(result.read.numbers)
        holds = {rule.id: rule.holds for rule in result.read.rules}
        for rule in FORM.rules_within(fields):
            assert holds[rule.id] is True, rule.id


def test_the_quadrangles_lie_on_the_boxes_of_the_photo(pages: list[Read]) -> None:
    for photo, result in pages:
        for number in photo.page.numbers:
            a = number.area_mm
            right, bottom = a.x_mm + a.w_mm, a.y_mm + a.h_mm
            true = photo.shot.to_photo(np.array([[a.x_mm, a.y_mm], [right, a.y_mm], [right, bottom], [a.x_mm, bottom]]))
            assert np.hypot(*(result.read.numbers[number.field].quad_photo - true).T).max() < 1.5


def test_the_words_line_travels_with_its_number(pages: list[Read]) -> None:
    for photo, result in pages:
        for number in photo.page.numbers:
            words = result.read.numbers[number.field].words_quad_photo
            assert (words is None) == (number.words is None)
            if words is not None and number.words is not None:
                true = photo.shot.to_photo(np.array(number.words.corners_mm))
                assert np.hypot(*(words - true).T).max() < 4
    assert any(n.words_quad_photo is not None for _, result in pages for n in result.read.numbers.values())


def test_the_turn_and_the_size_of_the_photo_are_told(pages: list[Read]) -> None:
    for photo, result in pages:
        height_px, width_px = photo.shot.image.shape[:2]
        assert result.read.rotation_deg == 0
        assert result.read.size_px == (width_px, height_px)


def test_the_quality_of_good_photos_is_good(pages: list[Read]) -> None:
    for _, result in pages:
        quality = result.read.quality
        assert quality is not None
        assert quality.coverage == 1
        assert quality.sharpness > 0.7
        assert 18 < quality.px_per_box < 40


def test_each_stage_is_timed_and_the_total_holds_them(pages: list[Read]) -> None:
    for _, result in pages:
        timing = dict(result.read.timing_ms)
        total = timing.pop("total")
        assert set(timing) >= {"decode", "register", "recognise"}
        assert all(ms >= 0 for ms in timing.values())
        assert sum(timing.values()) <= total


def test_the_models_and_the_file_are_named(pages: list[Read]) -> None:
    for photo, result in pages:
        assert result.read.photo.endswith(f"{photo.seed}-{photo.page.page}.jpg")
        assert result.read.sha256 is not None
        assert len(result.read.sha256) == 64
        assert result.read.models["digits"]
        assert result.read.pipeline_rev


def test_the_same_file_twice_gives_the_same_reading(reader: Reader, tmp_path: Path) -> None:
    path = save(plain_photo(2), tmp_path)
    one, two = (read_one(reader, path) for _ in range(2))
    assert one.read.numbers.keys() == two.read.numbers.keys()
    for field, first in one.read.numbers.items():
        second = two.read.numbers[field]
        assert (first.value, first.as_written, first.p, first.decision, first.why, first.evidence) == (
            second.value, second.as_written, second.p, second.decision, second.why, second.evidence,
        )  # fmt: skip
        assert np.array_equal(first.quad_photo, second.quad_photo)
        assert np.array_equal(one.evidence[field].boxes, two.evidence[field].boxes)
    assert (one.read.outcome, one.read.rules, one.read.quality, one.read.sha256) == (
        two.read.outcome, two.read.rules, two.read.quality, two.read.sha256,
    )  # fmt: skip


def test_a_turned_sheet_is_read_all_the_same(reader: Reader, tmp_path: Path) -> None:
    photo = plain_photo(2, seed=2, turn_deg=270)
    result = read_one(reader, save(photo, tmp_path))
    assert result.fit is not None
    assert result.fit.turn == 270
    assert {f: n.value for f, n in result.read.numbers.items()} == truth_of(photo)
    assert result.read.outcome == "accepted"


def test_a_photo_stored_sideways_is_read_upright(reader: Reader, tmp_path: Path) -> None:
    photo = plain_photo(2, seed=3, exif_orientation=6)
    result = read_one(reader, save(photo, tmp_path))
    assert result.fit is not None
    assert result.fit.turn == 0
    assert {f: n.value for f, n in result.read.numbers.items()} == truth_of(photo)


def test_blank_boxes_with_empty_bubbles_are_never_an_accepted_number(reader: Reader, tmp_path: Path) -> None:
    """Nobody wrote a thing: that is not zero, and not a number."""
    checked = 0
    for page, seed in ((2, 1), (2, 4), (3, 5)):
        photo = plain_photo(page, seed, mistakes=("left_empty",) * 20)
        result = read_one(reader, save(photo, tmp_path))
        for field, written in ((n.field, photo.station.numbers[n.field]) for n in photo.page.numbers):
            if written.value is None:
                number = result.read.numbers[field]
                assert number.value is None
                assert number.decision == "review"
                assert number.as_written in ("___", "???")
                checked += 1
    assert checked >= 2


def test_a_wholly_blank_page_gives_no_number_and_no_rule(reader: Reader, tmp_path: Path) -> None:
    shot = photograph(draw_page(FORM.page(2), 2.0), 2.0, PLAIN, np.random.default_rng(0))
    path = tmp_path / "kosong.png"
    assert cv2.imwrite(str(path), shot.image)
    read = read_one(reader, path).read
    assert read.outcome == "review"
    assert {n.value for n in read.numbers.values()} == {None}
    assert {n.decision for n in read.numbers.values()} == {"review"}
    assert {rule.holds for rule in read.rules} <= {None}


def together(pages: list[Read], seed: int) -> list[PageResult]:
    return [result for photo, result in pages if photo.seed == seed]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_pages_of_a_station_are_consistent_together(pages: list[Read], seed: int) -> None:
    tps = read_together(together(pages, seed))
    assert tps.verdict == "consistent"
    assert tps.form == FORM.id
    assert len(tps.numbers) == 28
    holds = {rule.id: rule.holds for rule in tps.rules}
    assert set(holds) == {rule.id for rule in FORM.rules}
    assert holds["sah_jumlah"] is True  # page 2 against page 3
    assert holds["total_digunakan"] is True  # page 3 against page 1


def test_a_missing_page_makes_a_station_incomplete(pages: list[Read]) -> None:
    tps = read_together(together(pages, 1)[1:])
    assert tps.verdict == "incomplete"
    holds = {rule.id: rule.holds for rule in tps.rules}
    assert holds["sah_jumlah"] is True
    assert holds.get("total_digunakan") is None


def test_pages_of_different_stations_do_not_agree(pages: list[Read]) -> None:
    mixed = [r for p, r in pages if (p.page.page, p.seed) in {(1, 1), (2, 3), (3, 1)}]
    tps = read_together(mixed)
    assert {rule.id: rule.holds for rule in tps.rules}["sah_jumlah"] is False
    assert tps.verdict in ("form_inconsistent", "reading_uncertain")
    assert all(tps.numbers[field].decision == "review" for field in ("paslon_1", "paslon_2", "paslon_3", "sah"))


def test_arithmetic_never_changes_a_value(pages: list[Read]) -> None:
    mixed = [r for p, r in pages if (p.page.page, p.seed) in {(1, 1), (2, 3), (3, 1)}]
    alone = {field: n.value for r in mixed for field, n in r.read.numbers.items()}
    assert {field: n.value for field, n in read_together(mixed).numbers.items()} == alone


def test_the_order_of_the_photos_does_not_matter(pages: list[Read]) -> None:
    one = together(pages, 1)
    forward, backward = read_together(one), read_together(one[::-1])
    assert {f: n.value for f, n in forward.numbers.items()} == {f: n.value for f, n in backward.numbers.items()}
    assert forward.verdict == backward.verdict
    assert backward.photos == tuple(r.read.photo for r in one[::-1])


def test_a_second_photo_of_a_page_does_not_count_twice(pages: list[Read]) -> None:
    one = together(pages, 3)
    assert read_together([*one, one[1]]).verdict == "consistent"


def test_no_readable_photo_is_an_incomplete_station(reader: Reader, tmp_path: Path) -> None:
    refused = read_one(reader, tmp_path / "tidak-ada.jpg")
    tps = read_together([refused])
    assert (tps.verdict, tps.form, dict(tps.numbers), tps.rules) == ("incomplete", None, {}, ())
    assert read_together([]).photos == ()


def test_a_refused_photo_beside_good_ones_changes_nothing(pages: list[Read], reader: Reader, tmp_path: Path) -> None:
    refused = read_one(reader, tmp_path / "tidak-ada.jpg")
    tps = read_together([refused, *together(pages, 1)])
    assert tps.verdict == "consistent"
    assert len(tps.photos) == 4


def test_two_stations_mixed_up_go_to_a_person(pages: list[Read]) -> None:
    """Two photos of page 2 that read differently: none of the differing numbers is taken from either without a look."""
    second = [next(r for r in together(pages, seed) if r.read.page == 2) for seed in SEEDS[:2]]
    tps = read_together(second)
    differing = {f for f, n in second[0].read.numbers.items() if n.value != second[1].read.numbers[f].value}
    assert differing
    assert {f for f, n in tps.numbers.items() if n.decision == "review"} >= differing
