"""What lies around and on the sheet: procedural backgrounds, paper grain, light and shadows. No pictures are used."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.values import Floats, Grey

Background = Literal["wood", "tiles", "wall", "cardboard", "cloth", "lid"]
Shadow = Literal["none", "hand", "window"]
Float32 = NDArray[np.float32]

BACKGROUNDS: tuple[Background, ...] = ("wood", "tiles", "wall", "cardboard", "cloth")
"""What lies around a photographed sheet; the lid is that of a scanner."""


def background_texture(kind: Background, size_px: tuple[int, int], rng: np.random.Generator) -> Grey:
    """A surface seen from above.

    Args:
        kind: what it is.
        size_px: width and height.
        rng: source of chance.

    Returns:
        Shape (height, width, 3), uint8, BGR.
    """
    make = {"wood": _wood, "tiles": _tiles, "wall": _wall, "cardboard": _cardboard, "cloth": _cloth, "lid": _lid}[kind]
    colour = make(size_px, rng)
    return np.clip(colour + rng.normal(0, 2.0, colour.shape[:2])[..., None], 0, 255).astype(np.uint8)


def smooth_noise(size_px: tuple[int, int], cells: tuple[float, float], rng: np.random.Generator) -> Float32:
    """Smooth chance field of zero mean, about -1 to 1; ``cells`` are the bumps along width and height."""
    columns, rows = (max(2, round(c)) + 2 for c in cells)
    small = rng.normal(0, 0.5, (rows, columns)).astype(np.float32)
    return np.asarray(cv2.resize(small, size_px, interpolation=cv2.INTER_CUBIC), np.float32)


def paper_reflectance(size_px: tuple[int, int], rng: np.random.Generator) -> Float32:
    """Paper's own brightness: fibres, stains and hand marks; shape (height, width), float32, near 1."""
    width, height = size_px
    grain = smooth_noise(size_px, (width / 3, height / 3), rng) * 0.006
    cloud = smooth_noise(size_px, (5, 8), rng) * 0.012 + smooth_noise(size_px, (25, 40), rng) * 0.006
    return np.asarray(0.985 + grain + cloud, np.float32)


def creases(size_px: tuple[int, int], lines: tuple[tuple[float, float], ...], rng: np.random.Generator) -> Float32:
    """Worn lines along folds and a few light crumples; shape (height, width), float32, 1 where nothing is."""
    width, height = size_px
    layer = np.full((height, width), 128, np.uint8)
    reach = float(np.hypot(width, height))
    for offset, angle in lines:
        normal = np.array([np.cos(angle), np.sin(angle)])
        at = (np.array([0.5, 0.5]) + normal * offset) * size_px
        along = np.array([-normal[1], normal[0]]) * size_px
        thick = max(1, round(width / 900))
        _line(layer, at - along + normal * 1.5 * thick, at + along + normal * 1.5 * thick, 112, thick)
        _line(layer, at - along, at + along, 146, thick)
    for _ in range(int(rng.integers(0, 5)) if lines else 0):
        start = rng.uniform(0, 1, 2) * size_px
        turn = rng.uniform(0, 2 * np.pi)
        _line(layer, start, start + np.array([np.cos(turn), np.sin(turn)]) * reach * rng.uniform(0.05, 0.2), 120, 1)
    soft = cv2.GaussianBlur(layer.astype(np.float32), (0, 0), max(0.8, width / 1500))
    return np.asarray(1 + (soft - 128) / 128, np.float32)


def lay_watermark(picture: Grey, strength: float, rng: np.random.Generator) -> Grey:
    """Lays a lattice of our own emblems over a picture, as publishers of scans do with theirs.

    Args:
        picture: shape (h, w, 3), uint8, BGR.
        strength: how dark the emblems are, 0-1.
        rng: source of chance for size, place and tint.

    Returns:
        A new picture of the same shape.
    """
    height, width = picture.shape[:2]
    side = round(width / rng.uniform(6, 11))
    emblem = np.zeros((side, side), np.uint8)
    middle, thick = (side // 2, side // 2), max(1, side // 14)
    cv2.ellipse(emblem, middle, (round(side * 0.36), round(side * 0.42)), 0, 0, 360, 255, thick, cv2.LINE_AA)
    cv2.ellipse(emblem, middle, (round(side * 0.2), round(side * 0.24)), 0, 0, 360, 150, -1, cv2.LINE_AA)
    for word, level in (("TURUS", 0.54), ("CONTOH", 0.985)):
        place = (round(side * (0.5 - 0.06 * len(word))), round(side * level))
        cv2.putText(emblem, word, place, cv2.FONT_HERSHEY_SIMPLEX, side / 160, 255, max(1, side // 60), cv2.LINE_AA)
    tiles = np.tile(emblem, (height // side + 2, width // side + 2))
    x, y = (int(v) for v in rng.integers(0, side, 2))
    cover = tiles[y : y + height, x : x + width, None] / 255 * strength * rng.uniform(0.5, 1.0, 3)
    return np.asarray(np.rint(picture * (1 - cover)), np.uint8)


def light_field(size_px: tuple[int, int], gradient: float, vignette: float, rng: np.random.Generator) -> Floats:
    """Uneven light over the photo; shape (height, width), float64, at most 1.

    Args:
        size_px: width and height of the field (coarse is enough).
        gradient: how much darker the far side is, 0-1.
        vignette: how much darker the corners are, 0-1.
        rng: source of chance for the direction.
    """
    x, y = np.meshgrid(np.linspace(-1, 1, size_px[0]), np.linspace(-1, 1, size_px[1]))
    angle = rng.uniform(0, 2 * np.pi)
    ramp = (x * np.cos(angle) + y * np.sin(angle)) / np.sqrt(2)
    bulge = 0.3 * (x**2 - y**2) * rng.uniform(-1, 1)
    slope = np.clip((ramp + bulge + 1) / 2, 0, 1.1)
    return np.asarray((1 - gradient * slope) * (1 - vignette * (x**2 + y**2) / 2))


def shadow_field(kind: Shadow, strength: float, size_px: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Shadows of hands, phones and window bars; shape (height, width), float64, 1 in the light.

    Args:
        kind: ``none``, ``hand`` (a phone held by a hand) or ``window`` (slanted bars with hard edges).
        strength: how dark the shadow is, 0-1.
        size_px: width and height of the field.
        rng: source of chance.
    """
    width, height = size_px
    mask = np.zeros((height, width), np.uint8)
    if kind == "hand":
        _hand(mask, rng)
    elif kind == "window":
        _window(mask, rng)
    sigma = width * (0.012 if kind == "hand" else 0.003)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(sigma, 0.5)) / 255
    return np.asarray(1 - strength * soft, np.float64)


def _hand(mask: Grey, rng: np.random.Generator) -> None:
    height, width = mask.shape
    centre = np.array([width * rng.uniform(0.55, 0.95), height * rng.uniform(0.55, 0.85)])
    size = width * rng.uniform(0.16, 0.26), width * rng.uniform(0.3, 0.5)
    box = cv2.boxPoints(((float(centre[0]), float(centre[1])), size, float(rng.uniform(-25, 25))))
    cv2.fillConvexPoly(mask, np.rint(box).astype(np.int32), 255)
    arm = centre + np.array([width * 0.1, height * 0.25])
    cv2.ellipse(mask, (int(arm[0]), int(arm[1])), (int(width * 0.2), int(height * 0.28)), 15, 0, 360, 255, -1)


def _window(mask: Grey, rng: np.random.Generator) -> None:
    height, width = mask.shape
    lean, bar = rng.uniform(0.3, 0.9) * rng.choice((-1, 1)), width * rng.uniform(0.1, 0.2)
    pitch = bar * rng.uniform(2.2, 3.4)
    first = -abs(lean) * height - rng.uniform(0, pitch)
    for x in np.arange(first, width + abs(lean) * height, pitch):
        quad = [[x, 0], [x + bar, 0], [x + bar + lean * height, height], [x + lean * height, height]]
        cv2.fillConvexPoly(mask, np.rint(quad).astype(np.int32), 255)


def _wood(size: tuple[int, int], rng: np.random.Generator) -> Float32:
    base = np.array(((70, 105, 150), (45, 75, 115), (95, 135, 175))[rng.integers(3)], np.float32)
    planks = int(rng.integers(3, 7))
    x = np.broadcast_to(np.linspace(0, planks, size[0], dtype=np.float32), (size[1], size[0]))
    grain = np.sin((x * 3 + 0.8 * smooth_noise(size, (planks * 2, 3), rng)) * 14) * 0.05
    grain += smooth_noise(size, (size[0] / 4, 12), rng) * 0.1
    tone = 1 + grain + np.take(rng.normal(0, 0.08, planks + 2), np.floor(x).astype(int))
    tone *= np.where(np.abs(x - np.rint(x)) < 0.012, 0.45, 1)
    return np.asarray(base * tone[..., None], np.float32)


def _tiles(size: tuple[int, int], rng: np.random.Generator) -> Float32:
    base = np.array(((205, 212, 215), (165, 185, 205), (190, 190, 180))[rng.integers(3)], np.float32)
    count = rng.uniform(4.5, 7)
    x, y = np.meshgrid(np.linspace(0, count, size[0]), np.linspace(0, count * size[1] / size[0], size[1]))
    x, y = x + rng.uniform(), y + rng.uniform()
    joint = (np.abs(x - np.rint(x)) < 0.012) | (np.abs(y - np.rint(y)) < 0.012)
    tone = 1 + smooth_noise(size, (30, 40), rng) * 0.05 + smooth_noise(size, (160, 200), rng) * 0.03
    tone += np.take(rng.normal(0, 0.03, 400), (np.floor(x).astype(int) * 17 + np.floor(y).astype(int)) % 400)
    return np.asarray(base * np.where(joint, 0.55, tone)[..., None], np.float32)


def _wall(size: tuple[int, int], rng: np.random.Generator) -> Float32:
    base = np.array(((200, 215, 205), (185, 205, 220), (215, 205, 190), (150, 190, 160))[rng.integers(4)], np.float32)
    tone = 1 + smooth_noise(size, (6, 8), rng) * 0.06 + smooth_noise(size, (size[0] / 5, size[1] / 5), rng) * 0.03
    return np.asarray(base * tone[..., None], np.float32)


def _cardboard(size: tuple[int, int], rng: np.random.Generator) -> Float32:
    base = np.array((105, 150, 185), np.float32) * rng.uniform(0.85, 1.1)
    y = np.linspace(0, size[1] / 7, size[1])[:, None]
    tone = 1 + 0.02 * np.sin(y * 2 * np.pi) + smooth_noise(size, (8, 10), rng) * 0.07
    tone = tone + smooth_noise(size, (size[0] / 2, size[1] / 2), rng) * 0.03
    return np.asarray(base * tone[..., None], np.float32)


def _cloth(size: tuple[int, int], rng: np.random.Generator) -> Float32:
    base = np.array(((140, 60, 40), (60, 60, 150), (70, 120, 70), (60, 55, 60))[rng.integers(4)], np.float32)
    tone = 1 + smooth_noise(size, (7, 9), rng) * 0.25 + smooth_noise(size, (size[0] / 2, size[1] / 2), rng) * 0.09
    return np.asarray(base * tone[..., None], np.float32)


def _lid(size: tuple[int, int], rng: np.random.Generator) -> Float32:
    tone = rng.uniform(225, 250) * (1 + smooth_noise(size, (3, 4), rng) * 0.01)
    return np.asarray(np.repeat(tone[..., None], 3, axis=2), np.float32)


def _line(layer: Grey, start: Floats, end: Floats, value: int, thick: int) -> None:
    points = [(round(float(p[0])), round(float(p[1]))) for p in (start, end)]
    cv2.line(layer, points[0], points[1], value, thick, cv2.LINE_AA)
