"""What camera, light and registration do to a box crop: random for training, fixed strengths for measuring.

Everything works on small grey crops and is driven by one numpy generator, so a seed repeats it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Light = NDArray[np.float32]

VIEW_PX = 48
"""Side of the view in which training degradations are drawn; the crop is about 22 mm wide, so 1 px is 0.46 mm."""


@dataclass(frozen=True, slots=True)
class Strength:
    """How strong the random degradations are.

    Attributes:
        blur: largest Gaussian sigma, px of the view.
        motion: longest motion smear, px of the view.
        smallest_px: lowest resolution of a crop before it is prepared.
        shift: largest shift, share of the crop's side.
        turn_deg: standard deviation of the turn.
        zoom_low: smallest magnification of the source crop.
        zoom_high: largest one; above 1 the crop becomes tighter.
        clean_share: share of samples that get no blur, motion, noise or loss of resolution.
        aspect: spread of the logarithm of height over width of a crop, whose box need not be square.
    """

    blur: float = 2.4
    motion: float = 9.0
    smallest_px: int = 14
    shift: float = 0.13
    turn_deg: float = 3.0
    zoom_low: float = 0.82
    zoom_high: float = 1.32
    clean_share: float = 0.3
    aspect: float = 0.0


def random_view(image: Grey, rng: np.random.Generator, strength: Strength) -> Grey:
    """One random photo of a box crop.

    Args:
        image: (h, w) uint8 grey crop.
        rng: source of every choice.
        strength: limits.

    Returns:
        (h, w) uint8 grey, as the reader would hand it to the preparation: square with a side between ``smallest_px``
        and 64 if ``aspect`` is 0.
    """
    view = _random_warp(image, rng, strength).astype(np.float32)
    view = _random_light(view, rng)
    if rng.random() < strength.clean_share:
        return to_bytes(view)
    if rng.random() < 0.55:
        sigma = strength.blur * rng.random() ** 1.3
        view = gaussian(view, sigma)
    if rng.random() < 0.35:
        view = motion(view, 1.5 + (strength.motion - 1.5) * rng.random() ** 1.3, rng.uniform(0, 180))
    side_px = np.exp(rng.uniform(np.log(strength.smallest_px), np.log(64)))
    stretch = np.exp(np.clip(rng.normal(0, strength.aspect), -0.4, 0.4) / 2) if strength.aspect > 0 else 1.0
    size = int(side_px / stretch), int(side_px * stretch)
    view = np.asarray(cv2.resize(view, size, interpolation=cv2.INTER_AREA), np.float32)
    if rng.random() < 0.15:
        view = view + (view - gaussian(view, 1.5)) * np.float32(rng.uniform(0.4, 2.0))
    if rng.random() < 0.06:
        view = _moire(view, rng)
    if rng.random() < 0.5:
        # Tied to the contrast left: noise that buries the ink teaches nothing but doubt.
        sigma = min(rng.uniform(1, 13), rng.uniform(0.05, 0.4) * float(view.std()) + 0.5)
        view = view + rng.standard_normal(view.shape, dtype=np.float32) * np.float32(sigma)
    crop = to_bytes(view)
    if rng.random() < 0.4:
        return jpeg(crop, int(rng.integers(12 if crop.std() > 15 else 45, 90)))
    return crop


def gaussian(view: Light, sigma_px: float) -> Light:
    """Gaussian blur; below 0.2 px the view itself."""
    if sigma_px < 0.2:
        return view
    return np.asarray(cv2.GaussianBlur(view, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE), np.float32)


def motion(view: Light, length_px: float, angle_deg: float) -> Light:
    """Straight motion smear of a length in px and a direction, 0 along the rows."""
    side = int(np.ceil(length_px)) | 1
    kernel = np.zeros((side + 2, side + 2), np.float32)
    centre = (side + 1) / 2
    reach = np.array([np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))]) * (length_px - 1) / 2
    start, end = (np.array([centre, centre]) - reach) * 16, (np.array([centre, centre]) + reach) * 16
    ends = [(round(float(point[0])), round(float(point[1]))) for point in (start, end)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_8, 4)
    return np.asarray(cv2.filter2D(view, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.float32)


def jpeg(crop: Grey, quality: int) -> Grey:
    """The crop through JPEG at a quality of 1..100."""
    encoded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)


def rescale(crop: Grey, side_px: int) -> Grey:
    """The crop area-averaged to a square of side_px."""
    return np.asarray(cv2.resize(crop, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)


def moved(crop: Grey, shift_x: float, shift_y: float, zoom: float = 1.0, turn_deg: float = 0.0) -> Grey:
    """The crop shifted by shares of its sides, magnified about its centre and turned; borders repeat.

    Returns:
        (48, 48) uint8 grey.
    """
    height_px, width_px = crop.shape
    matrix = _affine(width_px, height_px, shift_x, shift_y, zoom, zoom, turn_deg, 0.0)
    return np.asarray(
        cv2.warpAffine(crop, matrix, (VIEW_PX, VIEW_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def to_bytes(view: Light) -> Grey:
    """Rounded and clipped to uint8."""
    return np.clip(view + np.float32(0.5), 0, 255).astype(np.uint8)


def _view(crop: Grey) -> Light:
    return moved(crop, 0.0, 0.0).astype(np.float32)


def _dark_noise(crop: Grey) -> Grey:
    noise = np.random.default_rng(int(crop.sum()) % (2**32)).standard_normal((VIEW_PX, VIEW_PX), dtype=np.float32)
    return to_bytes(_view(crop) * np.float32(0.3) + noise * np.float32(6))


FIXED: Mapping[str, Callable[[Grey], Grey]] = {
    "as cut": lambda crop: crop,
    "blur 1.0 px of 48": lambda crop: to_bytes(gaussian(_view(crop), 1.0)),
    "blur 2.0 px of 48": lambda crop: to_bytes(gaussian(_view(crop), 2.0)),
    "motion 5 px of 48, along rows": lambda crop: to_bytes(motion(_view(crop), 5.0, 0.0)),
    "motion 7 px of 48, 45 deg": lambda crop: to_bytes(motion(_view(crop), 7.0, 45.0)),
    "24 px a crop": lambda crop: rescale(crop, 24),
    "16 px a crop": lambda crop: rescale(crop, 16),
    "dark x0.3, noise 6": _dark_noise,
    "low contrast x0.25": lambda crop: to_bytes(_view(crop) * np.float32(0.25) + np.float32(110)),
    "JPEG 12": lambda crop: jpeg(to_bytes(_view(crop)), 12),
    "turn 6 deg, blur 1.0": lambda crop: to_bytes(gaussian(moved(crop, 0, 0, 1.0, 6.0).astype(np.float32), 1.0)),
}
"""Named degradations of fixed strength, for calibration (on calibration boxes) and for the figures (on test boxes)."""


def _affine(
    width_px: int,
    height_px: int,
    shift_x: float,
    shift_y: float,
    zoom_x: float,
    zoom_y: float,
    turn_deg: float,
    shear: float,
) -> NDArray[np.float64]:
    """Source px -> view px: centre to centre, scaled to the view, turned, shifted by shares of the view."""
    cos, sin = np.cos(np.deg2rad(turn_deg)), np.sin(np.deg2rad(turn_deg))
    scale = np.diag([zoom_x * VIEW_PX / width_px, zoom_y * VIEW_PX / height_px])
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, shear], [0.0, 1.0]]) @ scale
    centre_source = np.array([(width_px - 1) / 2, (height_px - 1) / 2])
    centre_view = np.array([(VIEW_PX - 1) / 2 + shift_x * VIEW_PX, (VIEW_PX - 1) / 2 + shift_y * VIEW_PX])
    return np.hstack([linear, (centre_view - linear @ centre_source)[:, np.newaxis]])


def _random_warp(image: Grey, rng: np.random.Generator, strength: Strength) -> Grey:
    zoom = rng.uniform(strength.zoom_low, strength.zoom_high)
    stretch = np.exp(rng.normal(0, 0.05))
    # Mostly small, sometimes the full shift: registration is usually right.
    reach = strength.shift * rng.random()
    matrix = _affine(
        image.shape[1],
        image.shape[0],
        rng.uniform(-reach, reach),
        rng.uniform(-reach, reach),
        zoom * stretch,
        zoom / stretch,
        float(np.clip(rng.normal(0, strength.turn_deg), -9, 9)),
        rng.normal(0, 0.05),
    )
    border = cv2.BORDER_REPLICATE if rng.random() < 0.7 else cv2.BORDER_REFLECT_101
    return np.asarray(
        cv2.warpAffine(image, matrix, (VIEW_PX, VIEW_PX), flags=cv2.INTER_LINEAR, borderMode=border), np.uint8
    )


_RAMP = np.linspace(-1, 1, VIEW_PX, dtype=np.float32)


def _random_light(view: Light, rng: np.random.Generator) -> Light:
    """Gradient, shadow edge, gamma, contrast and brightness."""
    if rng.random() < 0.4:
        angle = rng.uniform(0, 2 * np.pi)
        slope = np.float32(np.cos(angle)) * _RAMP[np.newaxis, :] + np.float32(np.sin(angle)) * _RAMP[:, np.newaxis]
        if rng.random() < 0.35:
            slope = np.tanh((slope + np.float32(rng.uniform(-0.8, 0.8))) * np.float32(rng.uniform(2, 12)))
        view = view * (1 + slope * np.float32(rng.uniform(0.05, 0.35)))
    if rng.random() < 0.3:
        view = 255 * np.power(np.clip(view, 0, 255) / 255, np.float32(np.exp(rng.uniform(-0.5, 0.5))))
    if rng.random() < 0.5:
        contrast = np.float32(np.exp(rng.uniform(np.log(0.2), np.log(1.3))))
        view = (view - view.mean()) * contrast + np.float32(rng.uniform(70, 200))
    return view


def _moire(view: Light, rng: np.random.Generator) -> Light:
    rows, columns = (np.arange(side, dtype=np.float32) for side in view.shape)
    angle, period = rng.uniform(0, np.pi), rng.uniform(2.2, 7)
    phase = np.cos(angle) * columns[np.newaxis, :] + np.sin(angle) * rows[:, np.newaxis]
    stripes = np.sin(2 * np.pi * phase / period + rng.uniform(0, 6))
    return np.asarray(view + stripes * rng.uniform(3, 18), np.float32)
