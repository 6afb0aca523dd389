"""What training draws, and that a run repeats itself."""

import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.train.card import toml_text
from models.train.degrade import FIXED, Strength, moved, random_view
from models.train.drawn import draw_box
from models.train.ink import BLANK, DASH, FILLER, written
from models.train.junk import draw_junk
from models.train.sampler import SCANS, Mixture, Pools, load_pools, make_batch
from models.train.sources import Box, load_boxes_2024, load_npz_boxes, part_of_block
from models.train.table import draw_table_box
from ocr_pipeline.recognition.digits import DigitModel, load_digit_model

Symbols = dict[int, list[NDArray[np.uint8]]]


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load_digit_model()


@pytest.fixture(scope="module")
def symbols() -> Symbols:
    """One made-up symbol a class: noise for the digits, whose looks do not matter here, a cross and a bar."""
    rng = np.random.default_rng(3)
    digits = {label: [rng.integers(0, 256, (28, 20)).astype(np.uint8)] for label in range(10)}
    cross = np.zeros((28, 20), np.uint8)
    cv2.line(cross, (1, 1), (18, 26), 255, 3)
    cv2.line(cross, (18, 1), (1, 26), 255, 3)
    return {**digits, FILLER: [cross], DASH: [np.full((4, 20), 255, np.uint8)]}


@pytest.fixture(scope="module")
def pools(symbols: Symbols) -> Pools:
    rng = np.random.default_rng(4)
    boxes = [Box(str(label), draw_box(label, symbols, rng), label, f"{label}-0", "train") for label in range(13)]
    return Pools(boxes, np.full(13, 1 / 13), boxes, symbols)


def test_a_batch_repeats_from_seed_and_step(pools: Pools) -> None:
    cells, targets = make_batch(pools, Mixture(), 32, 5, 17)
    again, same = make_batch(pools, Mixture(), 32, 5, 17)
    other, _ = make_batch(pools, Mixture(), 32, 5, 18)
    assert np.array_equal(cells, again)
    assert np.array_equal(targets, same)
    assert not np.array_equal(cells, other)
    assert targets.sum(axis=1) == pytest.approx(np.ones(32))


@given(st.integers(0, 2**32 - 1))
def test_any_view_is_a_grey_square_of_the_asked_resolution(pools: Pools, seed: int) -> None:
    rng = np.random.default_rng(seed)
    view = random_view(pools.boxes_2024[seed % 13].image, rng, Strength())
    assert view.dtype == np.uint8
    assert view.shape[0] == view.shape[1]
    assert Strength().smallest_px <= view.shape[0] <= 64


@given(st.integers(0, 2**32 - 1))
def test_a_view_of_a_table_box_may_be_tall_or_wide(pools: Pools, seed: int) -> None:
    rng = np.random.default_rng(seed)
    strength = Mixture().table_strength
    view = random_view(pools.boxes_2024[seed % 13].image, rng, strength)
    assert 0.6 <= view.shape[0] / view.shape[1] <= 1.65
    assert 0.8 * strength.smallest_px <= min(view.shape) <= max(view.shape) <= 80


@given(st.integers(0, 2**32 - 1), st.integers(0, 12))
def test_a_table_box_has_the_shape_of_printed_ones_and_repeats(symbols: Symbols, seed: int, label: int) -> None:
    crop = draw_table_box(label, symbols, np.random.default_rng(seed))
    assert crop.dtype == np.uint8
    assert crop.ndim == 2
    assert 20 <= min(crop.shape) <= max(crop.shape) <= 200
    assert 0.42 <= crop.shape[0] / crop.shape[1] <= 2.6
    assert np.array_equal(crop, draw_table_box(label, symbols, np.random.default_rng(seed)))


def test_about_half_of_the_table_boxes_are_black_and_white(symbols: Symbols) -> None:
    rng = np.random.default_rng(11)
    crops = [draw_table_box(3, symbols, rng) for _ in range(200)]
    # Paper of scans is nearly white and their ink nearly black.
    scans = [np.percentile(crop, 70) > 225 and crop.min() < 60 for crop in crops]
    assert 0.4 <= np.mean(scans) <= 0.65


def test_a_dash_darkens_the_middle_of_a_table_box_and_a_blank_does_not(symbols: Symbols) -> None:
    """What is in the box stays in the middle of the crop, whatever its neighbours do at the sides."""

    def middle_ink(label: int) -> float:
        rng = np.random.default_rng(12)
        shares = []
        for _ in range(150):
            crop = draw_table_box(label, symbols, rng)
            height, width = crop.shape
            rows = crop[int(0.3 * height) : int(0.7 * height), int(0.4 * width) : int(0.6 * width)].min(axis=1)
            shares.append((float(np.median(crop)) - float(rows.min())) / max(1.0, float(np.median(crop))))
        return float(np.median(shares))

    assert middle_ink(DASH) > middle_ink(BLANK) + 0.25


@pytest.mark.parametrize("pen_px", [1.0, 3.0, 6.0])
def test_a_symbol_is_written_as_large_and_with_the_pen_asked_for(pen_px: float) -> None:
    bar = np.full((60, 12), 255, np.uint8)
    picture = written(bar, 8.0, 40.0, pen_px)
    columns = picture[picture.shape[0] // 2]
    # The bar is 8 px wide, and a stroke shrinks to about half its width at most.
    assert columns.sum() == pytest.approx(max(pen_px, 4.0), abs=2)
    assert abs((picture.max(axis=1) > 0.5).sum() - 40) <= 5


@given(st.integers(0, 2**32 - 1))
def test_a_crop_without_right_answer_has_a_spread_target(symbols: Symbols, seed: int) -> None:
    crop, target = draw_junk(symbols, np.random.default_rng(seed))
    assert crop.shape == (64, 64)
    assert target.sum() == pytest.approx(1)
    assert target.max() <= 0.5


@pytest.mark.parametrize("label", [FILLER, DASH, BLANK])
def test_the_net_reads_drawn_fillers_dashes_and_blanks(model: DigitModel, label: int, symbols: Symbols) -> None:
    rng = np.random.default_rng(8)
    crops = [draw(label, symbols, rng) for _ in range(40) for draw in (draw_box, draw_table_box)]
    assert (model.log_probs(crops).argmax(axis=1) == label).mean() >= 0.9


def test_fixed_degradations_repeat(pools: Pools) -> None:
    for change in FIXED.values():
        assert np.array_equal(change(pools.boxes_2024[3].image), change(pools.boxes_2024[3].image))


def test_a_shift_moves_the_ink_by_its_share() -> None:
    crop = np.full((48, 48), 200, np.uint8)
    crop[20:28, 20:28] = 0
    columns = np.nonzero((moved(crop, 0.25, 0.0) < 100).any(axis=0))[0]
    assert columns.mean() == pytest.approx(23.5 + 12, abs=0.5)


def test_groups_never_cross_parts(shared_dir: Path) -> None:
    boxes = load_boxes_2024(shared_dir / "digits")
    parts: dict[str, set[str]] = {}
    for box in boxes:
        # Blocks of one index come from the same sheets, whatever their class.
        parts.setdefault(box.group.split("-")[1], set()).add(box.part)
    assert all(len(found) == 1 for found in parts.values())
    assert {part_of_block("3-4"), part_of_block("3-7"), part_of_block("3-0")} == {"test", "calibration", "train"}
    trained = load_pools(shared_dir / "digits")
    assert {box.part for box in (*trained.boxes_2024, *trained.boxes_scans)} == {"train"}
    assert not any("riozulfandy" in box.group for box in trained.boxes_2024)


def test_scan_forms_never_cross_parts_and_every_third_is_a_test(shared_dir: Path) -> None:
    for stem in SCANS:
        parts: dict[str, set[str]] = {}
        for box in load_npz_boxes(shared_dir / "digits", stem):
            parts.setdefault(box.group, set()).add(box.part)
        names = sorted(parts)
        assert all(len(found) == 1 for found in parts.values())
        assert all(parts[name] == {"test"} for name in names[2::3])
        assert {"calibration"} in parts.values() or len(names) < 8


def test_a_card_reads_back_as_written() -> None:
    card = {
        "name": "x",
        "classes": "0-_",
        "calibration": {"temperature": 1.25, "list": ["n", 1]},
        "figures": {"flat": {"n": 1}, "nested": {"as cut": {"n": 2}}, "wrong": ['a "quoted" name\\']},
    }
    assert tomllib.loads(toml_text(card)) == card


@pytest.mark.needs_torch
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(pools: Pools, tmp_path: Path) -> None:
    import torch

    from models.train import digits

    def run(work_dir: Path, *stops: int) -> dict[str, torch.Tensor]:
        work_dir.mkdir()
        for stop in stops:
            net = digits.train(pools, digits.Stage(4, 2e-3, Mixture()), 9, work_dir, stop_at=stop)
        return net.state_dict()

    whole, stopped = run(tmp_path / "whole", 4), run(tmp_path / "stopped", 2, 4)
    for name, value in whole.items():
        assert torch.equal(value, stopped[name]), name
