"""Photographs a page: paper, background, perspective, bends, light, shadows, and the camera's own faults.

Lengths of blur are given in px of a picture 1,000 px wide and grow with the picture, so that a setting means the same
at every resolution.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.synthesis import camera, scene
from ocr_pipeline.synthesis.surface import FACING, FLAT, Shape, Sheet, View, coarse_points, lay_sheet, project, upsample
from ocr_pipeline.values import Floats, Grey

Float32 = NDArray[np.float32]

BLACK_BELOW, WHITE_ABOVE = 0.6, 0.78
"""Share of the paper's brightness where a black and white scan turns from black to white."""


@dataclass(frozen=True, slots=True)
class PhotoSettings:
    """Everything that decides how a photo looks; chance (where a shadow falls) comes from the generator.

    Attributes:
        long_side_px: height of the portrait photo.
        aspect: width over height; ``None`` for the sheet's own.
        shape: how the sheet lies.
        view: where the camera stands.
        background: what the sheet lies on.
        gradient: fall-off of the light across the photo, 0-1.
        vignette: fall-off to the corners, 0-1.
        shadow: what throws a shadow.
        shadow_strength: 0-1.
        cast_bgr: gain of each channel.
        exposure: gain of the whole; 1 is a well lit page, 0.25 a dark room.
        contrast: 1 as it is, lower is washed out towards grey.
        glare: strength of one bright reflection, 0-1.
        blur_px: defocus, standard deviation, px at 1,000 px width.
        motion_px: length of the motion path, px at 1,000 px width.
        noise: standard deviation at mid grey, grey levels, before the gain of a dark picture.
        sharpen: unsharp mask of the phone, 0-1.
        binarise: black and white as office scanners make it, edges a little grey.
        watermark: strength of a lattice of emblems laid over a published scan, 0-1.
        jpeg_quality: 1-95.
        turn_deg: clockwise quarter turn of the page in the photo: 0, 90, 180, 270.
        exif_orientation: 1, 3, 6 or 8: how the file stores the upright photo.
    """

    long_side_px: int = 1778
    aspect: float | None = 0.75
    shape: Shape = FLAT
    view: View = FACING
    background: scene.Background = "wood"
    gradient: float = 0.1
    vignette: float = 0.1
    shadow: scene.Shadow = "none"
    shadow_strength: float = 0.5
    cast_bgr: tuple[float, float, float] = (1.0, 1.0, 1.0)
    exposure: float = 0.92
    contrast: float = 1.0
    glare: float = 0.0
    blur_px: float = 0.4
    motion_px: float = 0.0
    noise: float = 2.0
    sharpen: float = 0.3
    binarise: bool = False
    watermark: float = 0.0
    jpeg_quality: int = 85
    turn_deg: int = 0
    exif_orientation: int = 1


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo and where the page truly is in it.

    Attributes:
        image: shape (h, w, 3), uint8, BGR, upright as a viewer shows it (EXIF applied); the page may be turned in it.
        sheet: the sheet before the quarter turn.
        settings: how it was taken.
    """

    image: Grey
    sheet: Sheet
    settings: PhotoSettings

    def to_photo(self, points_page: Floats) -> Floats:
        """Page mm -> photo px of ``image``.

        Args:
            points_page: shape (..., 2), float64, page mm.

        Returns:
            Same shape, float64, photo px.
        """
        upright = self.sheet.to_photo(points_page)
        size = self.image.shape[1::-1]
        unturned = size if self.settings.turn_deg % 180 == 0 else size[::-1]
        return turn_points(upright, (unturned[0], unturned[1]), self.settings.turn_deg)

    def encode(self) -> bytes:
        """The photo as a JPEG file."""
        return camera.encode_jpeg(self.image, self.settings.jpeg_quality, self.settings.exif_orientation)


def photograph(page_image: Grey, px_per_mm: float, settings: PhotoSettings, rng: np.random.Generator) -> Shot:
    """Takes a photo of a page.

    Args:
        page_image: shape (h, w, 3), uint8, BGR, the page drawn at ``px_per_mm``.
        px_per_mm: scale of the drawing.
        settings: how to take it.
        rng: source of chance.

    Returns:
        The photo with its exact geometry.
    """
    size_page = (page_image.shape[1] / px_per_mm, page_image.shape[0] / px_per_mm)
    size = frame_px(settings, size_page)
    sheet = lay_sheet(size_page, size, settings.shape, settings.view, rng)
    step = 8 if size[0] < 2000 else 16
    points = coarse_points(step, size)
    points_page = sheet.to_page(points)
    paper = _paper(page_image, px_per_mm, sheet, rng)
    scale = np.array(paper.shape[1::-1]) / size_page
    lookup = upsample(points_page * scale - 0.5, step, size)
    cover = _cover(paper.shape[:2], lookup)
    around = _surroundings(settings.background, sheet, size, cover, rng)
    light = upsample(_light(points_page, sheet, settings, rng), step, size) * _shadow(size, settings, rng)
    printed = _look_up(paper, lookup)
    image = np.empty((size[1], size[0], 3), np.uint8)
    angle = float(rng.uniform(0, 180))
    for channel in range(3):
        mixed = around[:, :, channel] * (1 - cover) + printed[:, :, channel] * cover
        image[:, :, channel] = _expose(mixed * light, channel, settings, angle, rng)
    if settings.binarise:
        image[:] = _black_and_white(image)[:, :, None]
    if settings.watermark:
        image = scene.lay_watermark(image, settings.watermark, rng)
    turned = np.rot90(image, -(settings.turn_deg // 90))
    return Shot(np.ascontiguousarray(turned), sheet, settings)


def turn_points(points: Floats, size_px: tuple[int, int], turn_deg: int) -> Floats:
    """Photo px before -> after a clockwise quarter turn of a picture of ``size_px`` (width, height).

    Raises:
        ValueError: the turn is not 0, 90, 180 or 270.
    """
    x, y = points[..., 0], points[..., 1]
    last_x, last_y = size_px[0] - 1, size_px[1] - 1
    turned = {0: (x, y), 90: (last_y - y, x), 180: (last_x - x, last_y - y), 270: (y, last_x - x)}
    if turn_deg not in turned:
        raise ValueError(f"a quarter turn is 0, 90, 180 or 270, not {turn_deg}")
    return np.stack(turned[turn_deg], axis=-1)


def photo_px_per_mm(settings: PhotoSettings, size_page: tuple[float, float]) -> float:
    """About how many photo px one page mm takes: how large a page should be drawn for these settings."""
    frame = frame_px(settings, size_page)
    return settings.view.share * min(f / side for f, side in zip(frame, size_page, strict=True))


def frame_px(settings: PhotoSettings, size_page: tuple[float, float]) -> tuple[int, int]:
    """Width and height of the photo in px, before quarter turns, of a page of that width and height in mm."""
    aspect = size_page[0] / size_page[1] if settings.aspect is None else settings.aspect
    return round(settings.long_side_px * aspect), settings.long_side_px


def _paper(page_image: Grey, px_per_mm: float, sheet: Sheet, rng: np.random.Generator) -> Grey:
    """The printed page as paper: never finer than the photo needs, so that sampling it does not alias."""
    middle = np.array(sheet.size_page) / 2
    probe = np.array([[0, 0], [1, 0], [0, 1]]) + middle
    spots = project(sheet.plane, probe)
    seen = max(float(np.hypot(*(spots[n] - spots[0]))) for n in (1, 2))
    shrink = max(1.0, px_per_mm / (1.25 * seen))
    size = (round(page_image.shape[1] / shrink), round(page_image.shape[0] / shrink))
    page = (
        np.asarray(cv2.resize(page_image, size, interpolation=cv2.INTER_AREA), np.uint8) if shrink > 1 else page_image
    )
    tone = scene.paper_reflectance(size, rng) * scene.creases(size, sheet.folds, rng)
    tint = np.array([rng.uniform(0.96, 1.0), 0.985, rng.uniform(0.96, 1.0)], np.float32)
    out = np.empty_like(page)
    for channel in range(3):
        out[:, :, channel] = np.clip(page[:, :, channel] * tone * tint[channel], 0, 255)
    return out


def _look_up(picture: NDArray[np.uint8] | Float32, lookup: Float32) -> Float32:
    """Bilinear samples of a picture at px of shape (h, w, 2); outside it the border goes on."""
    x, y = np.ascontiguousarray(lookup[:, :, 0]), np.ascontiguousarray(lookup[:, :, 1])
    found = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def _cover(paper_shape: Sequence[int], lookup: Float32) -> Float32:
    """Share of each photo pixel that the sheet covers: shape (h, w), float32, 0-1."""
    inside = [
        np.clip(np.minimum(lookup[:, :, axis] + 1, paper_shape[1 - axis] - lookup[:, :, axis]), 0, 1) for axis in (0, 1)
    ]
    return np.asarray(inside[0] * inside[1], np.float32)


def _surroundings(
    kind: scene.Background, sheet: Sheet, size: tuple[int, int], cover: Float32, rng: np.random.Generator
) -> Float32:
    corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], float)
    ground = np.clip(project(np.asarray(np.linalg.inv(sheet.plane), np.float64), corners), -2500, 3500)
    low, extent = ground.min(axis=0) - 30, np.ptp(ground, axis=0) + 60
    texture_scale = min(1.0, 2200 / float(extent.max())) * min(1.0, size[0] / 1000)
    texture_size = (int(extent[0] * texture_scale) + 1, int(extent[1] * texture_scale) + 1)
    texture = scene.background_texture(kind, texture_size, rng)
    place = np.array([[1 / texture_scale, 0, low[0]], [0, 1 / texture_scale, low[1]], [0, 0, 1]])
    ground_photo = cv2.warpPerspective(texture, sheet.plane @ place, size, borderMode=cv2.BORDER_REFLECT)
    # The lid of a scanner presses the sheet flat: hardly any shadow falls on it.
    shadow = _contact_shadow(cover, size, 0.08 if kind == "lid" else 0.45)
    return np.asarray(np.asarray(ground_photo, np.float32) * shadow[:, :, None], np.float32)


def _contact_shadow(cover: Float32, size: tuple[int, int], strength: float) -> Float32:
    """Soft shadow of the sheet's edge on what lies under it, at an eighth of the resolution: it has no fine detail."""
    small = (max(1, size[0] // 8), max(1, size[1] // 8))
    sheet = cv2.resize(cover, small, interpolation=cv2.INTER_AREA)
    drop = small[0] * 0.006
    moved = cv2.warpAffine(sheet, np.array([[1, 0, drop], [0, 1, drop * 1.4]]), small)
    soft = cv2.GaussianBlur(moved, (0, 0), max(0.6, small[0] * 0.008))
    return np.asarray(1 - strength * np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR)), np.float32)


def _light(points_page: Floats, sheet: Sheet, settings: PhotoSettings, rng: np.random.Generator) -> Floats:
    """Brightness of the light at the coarse nodes: shading of the bends, fall-off, glare; about 0-1."""
    size = (points_page.shape[1], points_page.shape[0])
    slope = _slopes_at(sheet, points_page)
    angle, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.7, 0.9)
    side = np.sqrt(1 - height**2)
    towards = np.array([np.cos(angle), np.sin(angle)]) * side / height
    # Lambert's law for the tilted piece of paper, relative to the flat one.
    shading = (1 - slope @ towards) / np.sqrt(1 + np.sum(slope**2, axis=-1))
    field = scene.light_field(size, settings.gradient, settings.vignette, rng)
    return np.asarray(np.clip(shading, 0.2, 1.35) * field * (1 + _glare(size, settings.glare, rng)))


def _shadow(size: tuple[int, int], settings: PhotoSettings, rng: np.random.Generator) -> Float32:
    # A third of the resolution: finer than the soft edge of any shadow.
    small = (max(1, size[0] // 3), max(1, size[1] // 3))
    shadow = scene.shadow_field(settings.shadow, settings.shadow_strength, small, rng)
    return np.asarray(cv2.resize(shadow.astype(np.float32), size, interpolation=cv2.INTER_LINEAR), np.float32)


def _slopes_at(sheet: Sheet, points_page: Floats) -> Floats:
    lookup = (points_page / sheet.step_page).astype(np.float32)
    slope = sheet.slope.astype(np.float32)
    return np.asarray(_look_up(slope, lookup), np.float64)


def _glare(size: tuple[int, int], strength: float, rng: np.random.Generator) -> Floats:
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    centre = rng.uniform(0.25, 0.75, 2)
    spread = rng.uniform(0.06, 0.14)
    return np.asarray(strength * 2.5 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * spread**2)))


def _expose(lit: Float32, channel: int, settings: PhotoSettings, angle_deg: float, rng: np.random.Generator) -> Grey:
    scale = lit.shape[1] / 1000
    value = np.asarray(lit * (settings.exposure * settings.cast_bgr[channel]), np.float32)
    value = camera.blur_gaussian(value, settings.blur_px * scale)
    value = camera.blur_motion(value, settings.motion_px * scale, angle_deg)
    if settings.contrast != 1:
        value = np.asarray((value - 150) * settings.contrast + 150, np.float32)
    # A dark picture is amplified more by the phone: its noise grows as the light falls.
    value = camera.add_noise(value, settings.noise / np.sqrt(max(settings.exposure, 0.05)), rng)
    if settings.sharpen:
        soft = np.asarray(cv2.GaussianBlur(value, (0, 0), 1.2), np.float32)
        value = value + settings.sharpen * (value - soft)
    # Highlights roll off as on film and phones instead of clipping hard.
    knee = np.minimum(value, 235) + np.maximum(value - 235, 0) * 0.35
    return np.asarray(np.clip(np.rint(knee), 0, 255), np.uint8)


def _black_and_white(image: Grey) -> Grey:
    """A scanner's threshold against the paper around, steep but not hard; shape (h, w), uint8."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.float32)
    paper = np.asarray(cv2.GaussianBlur(grey, (0, 0), image.shape[1] / 40), np.float32)
    return np.asarray(
        255 * np.clip((grey / np.maximum(paper, 1) - BLACK_BELOW) / (WHITE_ABOVE - BLACK_BELOW), 0, 1), np.uint8
    )
