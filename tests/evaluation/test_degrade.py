import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_pipeline.evaluation.degrade import DEGRADATIONS, DegradeError, degrade_dataset
from ocr_pipeline.values import Grey


def scene(channels: int) -> Grey:
    rng = np.random.default_rng(1)
    picture = cv2.resize(rng.integers(0, 255, (240, 200, 3), np.uint8), (600, 720), interpolation=cv2.INTER_CUBIC)
    picture[120:560, 180:190] = 20
    return np.asarray(picture if channels == 3 else picture[:, :, 0])


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_degradation_keeps_the_kind_of_picture_and_repeats_itself(name: str, channels: int) -> None:
    picture = scene(channels)
    before = picture.copy()
    first, second = (DEGRADATIONS[name](picture, np.random.default_rng(2)) for _ in range(2))
    assert np.array_equal(picture, before)
    assert np.array_equal(first, second)
    assert first.dtype == np.uint8
    assert first.ndim == picture.ndim
    scale = float(name.split("_")[1]) if name.startswith("downscale") else 1
    assert first.shape[:2] == tuple(round(side * scale) for side in picture.shape[:2])
    assert first.shape != picture.shape or np.abs(first.astype(int) - picture).mean() > 1


def test_there_are_ten() -> None:
    assert len(DEGRADATIONS) == 10


def test_dark_is_dark_and_low_contrast_is_flat() -> None:
    picture = scene(1)
    assert DEGRADATIONS["dark_noise"](picture, np.random.default_rng(1)).mean() < 0.4 * picture.mean()
    assert DEGRADATIONS["low_contrast"](picture, np.random.default_rng(1)).std() < 0.4 * picture.std()


def test_blur_grows_with_the_photo() -> None:
    small = scene(1)
    large = np.asarray(cv2.resize(small, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC), np.uint8)
    blurred = DEGRADATIONS["blur_2.2"](large, np.random.default_rng(1))
    back = cv2.resize(blurred, (600, 720), interpolation=cv2.INTER_AREA)
    assert np.abs(back.astype(int) - DEGRADATIONS["blur_2.2"](small, np.random.default_rng(1))).mean() < 2


def test_a_tilted_photo_keeps_its_corners_in_the_frame() -> None:
    picture = np.full((240, 180), 255, np.uint8)
    for seed in range(8):
        tilted = DEGRADATIONS["tilt_perspective"](picture, np.random.default_rng(seed))
        border = np.concatenate([tilted[0], tilted[-1], tilted[:, 0], tilted[:, -1]])
        # Only the corners may touch the frame.
        assert (border == 90).mean() > 0.8


def test_copies_of_a_data_set_carry_labels_and_leave_out_rejects(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    (source / "a").mkdir(parents=True)
    cv2.imwrite(str(source / "a" / "x.png"), scene(3))
    labels = [
        {"file": "a/x.png", "form": "f", "values": {"n": 1}, "map": {"x_mm": []}},
        {"file": "bad.gif", "form": None, "expect": "rejected"},
        {"file": "missing.jpg", "form": "other"},
    ]
    path = source / "labels.jsonl"
    path.write_text("".join(json.dumps(label) + "\n" for label in labels), encoding="utf-8")
    copies = [json.loads(line) for line in degrade_dataset(path, out, {"f"}).read_text(encoding="utf-8").splitlines()]
    assert {copy["degradation"] for copy in copies} == set(DEGRADATIONS)
    for copy in copies:
        assert copy["values"] == {"n": 1}
        assert copy["original"] == "a/x.png"
        assert "map" not in copy
        assert (out / copy["file"]).stat().st_size > 0
    first = (out / copies[0]["file"]).read_bytes()
    degrade_dataset(path, out, {"f"})
    assert (out / copies[0]["file"]).read_bytes() == first


def test_a_label_without_its_photo_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"file": "missing.jpg", "form": "f"}\n', encoding="utf-8")
    with pytest.raises(DegradeError, match=r"missing\.jpg"):
        degrade_dataset(path, tmp_path / "out")
