import cv2
import numpy as np
import pytest

from ocr_pipeline.registration.ridges import flatten_light, line_map, ridge_map
from ocr_pipeline.values import Grey


def paper() -> Grey:
    """White paper with a rule across, a rule down, a short dash and a black block."""
    grey = np.full((400, 400), 230, np.uint8)
    cv2.line(grey, (20, 100), (380, 100), 30, 2)
    cv2.line(grey, (300, 20), (300, 380), 30, 2)
    cv2.line(grey, (40, 300), (55, 300), 30, 2)
    grey[200:260, 60:120] = 30
    return grey


def test_paper_is_white_and_rules_are_dark_under_any_light() -> None:
    light = np.linspace(0.25, 1, 400)[None, :] * np.linspace(1, 0.5, 400)[:, None]
    shaded = (paper() * light).astype(np.uint8)
    flat = flatten_light(shaded)
    assert flat.dtype == np.float32
    assert 0 <= flat.min() <= flat.max() <= 1
    assert np.median(flat[330:390, 330:390]) > 0.85
    assert np.median(flat[330:390, 10:60]) > 0.75
    assert flat[100:102, 40:260].max(0).mean() < flat[110:120, 40:260].mean() - 0.4


@pytest.mark.parametrize("brightness", [1.0, 0.3])
def test_only_thin_things_are_ridges(brightness: float) -> None:
    ridge = ridge_map(flatten_light((paper() * brightness).astype(np.uint8)))
    assert ridge[99:102, 40:260].max(0).min() > 0.4
    assert ridge[225:235, 85:95].max() < 0.05
    assert ridge[150:180, 150:250].max() < 0.05


def test_line_pixels_are_kept_by_direction_and_length() -> None:
    ridge = ridge_map(flatten_light(paper()))
    across, down = line_map(ridge, "h"), line_map(ridge, "v")
    assert set(np.unique(across)) | set(np.unique(down)) <= {0, 1}
    assert across[98:103, 40:260].max(0).mean() > 0.95
    assert down[120:360, 298:303].max(1).mean() > 0.95
    assert across[150:190, 250:350].sum() == 0
    assert down[90:110, 60:250].sum() == 0
    assert across[295:305, 30:65].sum() == 0


def test_the_down_map_is_the_across_map_of_the_transposed_picture() -> None:
    ridge = ridge_map(flatten_light(paper()))
    assert np.array_equal(line_map(ridge, "v"), line_map(np.ascontiguousarray(ridge.T), "h").T)
