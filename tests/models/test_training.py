"""What training draws, and that a run repeats itself."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.train.card import toml_text
from models.train.degrade import FIXED, Strength, moved, random_view
from models.train.drawn import draw_box
from models.train.junk import draw_junk
from models.train.sampler import Mixture, Pools, load_pools, make_batch
from models.train.sources import Box, load_boxes_2024, part_of_block
from ocr_pipeline.recognition.digits import DigitModel, load_digit_model
from ocr_pipeline.values import CLASSES

Symbols = dict[int, list[NDArray[np.uint8]]]


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load_digit_model()


@pytest.fixture(scope="module")
def symbols() -> Symbols:
    """One made-up symbol a class; what they look like does not matter here."""
    rng = np.random.default_rng(3)
    return {label: [rng.integers(0, 256, (28, 20)).astype(np.uint8)] for label in range(12)}


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
def test_a_crop_without_right_answer_has_a_spread_target(symbols: Symbols, seed: int) -> None:
    crop, target = draw_junk(symbols, np.random.default_rng(seed))
    assert crop.shape == (64, 64)
    assert target.sum() == pytest.approx(1)
    assert target.max() <= 0.5


@pytest.mark.parametrize("label", [CLASSES.index("X"), CLASSES.index("-"), CLASSES.index("_")])
def test_the_net_reads_drawn_fillers_dashes_and_blanks(model: DigitModel, label: int, symbols: Symbols) -> None:
    rng = np.random.default_rng(8)
    # Some take a made-up symbol, which is noise; most are drawn from strokes.
    crops = [draw_box(label, symbols, rng) for _ in range(40)]
    reads = model.log_probs(crops).argmax(axis=1)
    share = {10: 0.6, 11: 0.7, 12: 0.9}[label]
    assert (reads == label).mean() >= share


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
            net = digits.train(pools, Mixture(), 4, 9, work_dir, stop_at=stop)
        return net.state_dict()

    whole, stopped = run(tmp_path / "whole", 4), run(tmp_path / "stopped", 2, 4)
    for name, value in whole.items():
        assert torch.equal(value, stopped[name]), name
