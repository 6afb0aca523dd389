"""Ready photo settings: three grades of difficulty, a scan, a twelve-megapixel phone, single faults for curves."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from ocr_pipeline.synthesis.photograph import PhotoSettings
from ocr_pipeline.synthesis.scene import BACKGROUNDS, Shadow
from ocr_pipeline.synthesis.surface import Shape, View

Level = Literal["easy", "medium", "hard", "scan"]
Factor = Literal["blur", "motion", "darkness", "tilt", "jpeg", "resolution"]

LEVELS: tuple[Level, ...] = get_args(Level)

JPEG_LONG_SIDE_PX = 1000

FACTOR_STRENGTHS: Mapping[Factor, tuple[float, ...]] = {
    "blur": (0.4, 1.0, 1.6, 2.2, 2.8, 3.4, 4.0, 5.0),
    "motion": (0, 3, 5, 7, 9, 11, 13, 16),
    "darkness": (0.92, 0.6, 0.4, 0.3, 0.25, 0.2, 0.16, 0.12),
    "tilt": (0, 16, 32, 44, 52, 58, 64, 70),
    "jpeg": (90, 40, 25, 15, 10, 6, 3, 1),
    "resolution": (1800, 1200, 900, 700, 600, 550, 500, 400),
}
"""Strengths from harmless to hopeless. Blur: standard deviation, motion: path length, both in px at 1,000 px width;
darkness: exposure; tilt: degrees; jpeg: quality; resolution: long side in px."""


def random_settings(level: Level, rng: np.random.Generator, long_side_px: int = 1778) -> PhotoSettings:
    """Settings of a photo as difficult as ``level`` says.

    Args:
        level: easy (flat, well lit), medium (tilted, wavy, a shadow at times), hard (folds, shadow, dim or soft), scan
            (flat on a scanner, a little askew, at times black and white or under a watermark).
        rng: source of chance.
        long_side_px: height of the portrait photo.

    Raises:
        ValueError: there is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level}")
    if level == "scan":
        return _scan(rng, long_side_px)
    hardness = LEVELS.index(level)
    warm = rng.normal(0, (0.01, 0.03, 0.06)[hardness])
    return PhotoSettings(
        long_side_px=long_side_px,
        aspect=float(rng.choice((0.75, 0.5625), p=(0.6, 0.4))),
        shape=_shape(hardness, rng),
        view=_view(hardness, rng),
        background=BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))],
        gradient=float(rng.uniform(0.02, (0.12, 0.25, 0.45)[hardness])),
        vignette=float(rng.uniform(0.0, (0.12, 0.2, 0.3)[hardness])),
        shadow=_shadow(hardness, rng),
        shadow_strength=float(rng.uniform(0.3, 0.6)),
        cast_bgr=(float(1 - warm), 1.0, float(1 + warm)),
        exposure=float(rng.uniform((0.85, 0.65, 0.35)[hardness], 1.0)),
        contrast=float(rng.uniform((0.95, 0.85, 0.65)[hardness], 1.0)),
        glare=float(rng.uniform(0, 0.15)) if hardness == 2 else 0.0,
        blur_px=float(rng.uniform((0.3, 0.35, 0.5)[hardness], (0.5, 0.7, 1.0)[hardness])),
        motion_px=float(rng.uniform(0, (0, 1.5, 3.5)[hardness])),
        noise=float(rng.uniform(1.0, (2.0, 3.0, 5.0)[hardness])),
        sharpen=float(rng.uniform(0.0, 0.4)),
        jpeg_quality=int(rng.integers((80, 70, 45)[hardness], 92)),
    )


def _scan(rng: np.random.Generator, long_side_px: int) -> PhotoSettings:
    return PhotoSettings(
        long_side_px=long_side_px,
        aspect=None,
        view=View(roll_deg=float(rng.normal(0, 0.6)), share=float(rng.uniform(0.97, 0.995))),
        background="lid",
        gradient=float(rng.uniform(0, 0.04)),
        vignette=0.0,
        exposure=float(rng.uniform(0.95, 1.05)),
        blur_px=float(rng.uniform(0.25, 0.45)),
        noise=float(rng.uniform(0.8, 2.5)),
        sharpen=float(rng.uniform(0.0, 0.5)),
        binarise=bool(rng.random() < 0.6),
        watermark=float(rng.uniform(0.08, 0.2)) if rng.random() < 0.7 else 0.0,
        jpeg_quality=int(rng.integers(65, 90)),
    )


def phone_12mp(rng: np.random.Generator) -> PhotoSettings:
    """A twelve-megapixel photo of a well-lit sheet, 3024 x 4032 px, about 3 MB as a JPEG."""
    settings = random_settings("easy", rng, long_side_px=4032)
    # A page alone compresses well below 3 MB: real photos of this size are noisier at the pixel than a small copy.
    return replace(settings, aspect=0.75, background="tiles", noise=4.5, sharpen=0.3, blur_px=0.25, jpeg_quality=91)


def single_factor(factor: Factor, strength: float) -> PhotoSettings:
    """A flat, well-lit page with exactly one fault, for the robustness curve.

    Args:
        factor: which fault.
        strength: see :data:`FACTOR_STRENGTHS`.

    Raises:
        ValueError: there is no such factor.
    """
    base = PhotoSettings(long_side_px=1800, shape=Shape(wave_mm=2), view=View(share=0.92, roll_deg=1), jpeg_quality=90)
    match factor:
        case "blur":
            return replace(base, blur_px=strength)
        case "motion":
            return replace(base, motion_px=strength)
        case "darkness":
            return replace(base, exposure=strength)
        case "tilt":
            # The far side turned a little from the page's axes, as by a person beside the wall.
            return replace(base, view=replace(base.view, tilt_deg=strength, towards_deg=25.0))
        case "jpeg":
            # At full size even quality 1 stays legible: a photo as messengers send it shows where reading ends.
            return replace(base, long_side_px=JPEG_LONG_SIDE_PX, jpeg_quality=round(strength))
        case "resolution":
            return replace(base, long_side_px=round(strength))
    raise ValueError(f"unknown factor {factor}")


def _shape(hardness: int, rng: np.random.Generator) -> Shape:
    if hardness == 0:
        return Shape(curl_mm=float(rng.uniform(0, 6)), wave_mm=float(rng.uniform(0, 2)))
    if hardness == 1:
        return Shape(
            float(rng.uniform(0, 18)), float(rng.uniform(0, 5)), float(rng.uniform(0, 6)), int(rng.integers(0, 3))
        )
    return Shape(
        float(rng.uniform(0, 35)), float(rng.uniform(2, 9)), float(rng.uniform(4, 14)), int(rng.integers(1, 4))
    )


def _view(hardness: int, rng: np.random.Generator) -> View:
    return View(
        tilt_deg=float(rng.uniform(0, (5, 14, 24)[hardness])),
        towards_deg=float(rng.uniform(0, 360)),
        roll_deg=float(rng.normal(0, (0.7, 2.0, 4.0)[hardness])),
        share=float(rng.uniform((0.9, 0.84, 0.74)[hardness], 0.98)),
        shift=(float(rng.normal(0, 0.006)), float(rng.normal(0, 0.006))),
    )


def _shadow(hardness: int, rng: np.random.Generator) -> Shadow:
    kinds: tuple[Shadow, ...] = ("none", "hand", "window")
    chance = ((1.0, 0.0, 0.0), (0.65, 0.25, 0.1), (0.4, 0.35, 0.25))[hardness]
    return kinds[int(rng.choice(3, p=chance))]
