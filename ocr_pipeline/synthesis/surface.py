"""The sheet in space and the camera in front of it: where each point of the page lands in the photo.

The sheet is a height field over the page (mm towards the camera) with folds, waves and curl; a pinhole camera looks at
it. The map page -> photo is known exactly, which is what registration is measured against. The page is sampled on a
grid of :data:`STEP_MM`; between its nodes everything is bilinear, for the drawing and for the truth alike.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.values import Floats, frozen

STEP_MM = 4.0


@dataclass(frozen=True, slots=True)
class Shape:
    """How the sheet lies.

    Attributes:
        curl_mm: height of the corners of a rolled sheet above its middle.
        wave_mm: amplitude of slow waves.
        fold_mm: height of the crease of each fold.
        folds: number of folds across the sheet.
    """

    curl_mm: float = 0.0
    wave_mm: float = 0.0
    fold_mm: float = 0.0
    folds: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera stands.

    Attributes:
        tilt_deg: angle between the camera's axis and the sheet's normal.
        towards_deg: direction of the tilt on the page, 0 = the right edge is farther away.
        roll_deg: turn of the photo about the camera's axis, small; quarter turns are made after the picture.
        share: largest share of the frame's width or height that the sheet takes; above 1 the edges are cut off.
        shift: x and y offset of the sheet's middle as a share of the frame.
    """

    tilt_deg: float = 0.0
    towards_deg: float = 0.0
    roll_deg: float = 0.0
    share: float = 0.9
    shift: tuple[float, float] = (0.0, 0.0)


FLAT = Shape()
FACING = View()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as photographed.

    Attributes:
        size_page: width and height of the page, mm.
        nodes_photo: shape (rows, columns, 2), float64, photo px of the page's grid nodes.
        step_page: grid step in x and y, mm.
        slope: shape (rows, columns, 2), float64, height gradient at the nodes, mm per mm.
        plane: shape (3, 3), float64, homography page mm -> photo px of the flat sheet in the same view.
        folds: offset and angle of each fold, see :func:`fold_lines`.
    """

    size_page: tuple[float, float]
    nodes_photo: Floats
    step_page: tuple[float, float]
    slope: Floats
    plane: Floats
    folds: tuple[tuple[float, float], ...]

    def to_photo(self, points_page: Floats) -> Floats:
        """Page mm -> photo px.

        Args:
            points_page: shape (..., 2), float64, page mm; outside the page the flat sheet goes on.

        Returns:
            Same shape, float64, photo px, (0, 0) the centre of the first pixel.
        """
        flat = np.asarray(points_page, np.float64).reshape(-1, 2)
        bent = project(self.plane, flat) + sample_bilinear(self._bend(), flat / self.step_page)
        return bent.reshape(np.shape(points_page))

    def to_page(self, points_photo: Floats, rounds: int = 12) -> Floats:
        """Photo px -> page mm, by fixed-point iteration on the small difference to the flat sheet.

        Args:
            points_photo: shape (..., 2), float64, photo px.
            rounds: most iterations; it ends earlier once nothing moves by a hundredth of a mm.

        Returns:
            Same shape, float64, page mm.
        """
        target = np.asarray(points_photo, np.float64).reshape(-1, 2)
        back, bend = np.asarray(np.linalg.inv(self.plane), np.float64), self._bend()
        found = project(back, target)
        for _ in range(rounds):
            last, found = found, project(back, target - sample_bilinear(bend, found / self.step_page))
            if float(np.abs(found - last).max()) < 0.01:
                break
        return found.reshape(np.shape(points_photo))

    def _bend(self) -> Floats:
        return self.nodes_photo - project(self.plane, page_nodes(self.size_page)[0])


def page_nodes(size_page: tuple[float, float]) -> tuple[Floats, tuple[float, float]]:
    """Grid nodes over the page: shape (rows, columns, 2), page mm, and the step in x and y."""
    counts = [round(side / STEP_MM) + 1 for side in size_page]
    axes = [np.linspace(0, side, count) for side, count in zip(size_page, counts, strict=True)]
    step = (size_page[0] / (counts[0] - 1), size_page[1] / (counts[1] - 1))
    return np.stack(np.meshgrid(axes[0], axes[1]), axis=-1), step


def project(homography: Floats, points: Floats) -> Floats:
    """Applies a homography, shape (3, 3), to points, shape (..., 2)."""
    flat = points.reshape(-1, 2) @ homography[:, :2].T + homography[:, 2]
    return (flat[:, :2] / flat[:, 2:]).reshape(points.shape)


def sample_bilinear(nodes: Floats, at: Floats) -> Floats:
    """Bilinear samples of a grid; outside it the border value holds.

    Args:
        nodes: shape (rows, columns, c), float64.
        at: shape (n, 2), float64, column and row.

    Returns:
        Shape (n, c), float64.
    """
    rows, columns = nodes.shape[:2]
    x, y = np.clip(at[:, 0], 0, columns - 1), np.clip(at[:, 1], 0, rows - 1)
    left, top = np.minimum(x.astype(int), columns - 2), np.minimum(y.astype(int), rows - 2)
    u, v = (x - left)[:, None], (y - top)[:, None]
    upper = nodes[top, left] * (1 - u) + nodes[top, left + 1] * u
    lower = nodes[top + 1, left] * (1 - u) + nodes[top + 1, left + 1] * u
    return np.asarray(upper * (1 - v) + lower * v)


def lay_sheet(
    size_page: tuple[float, float], frame_px: tuple[int, int], shape: Shape, view: View, rng: np.random.Generator
) -> Sheet:
    """Bends a sheet, puts a camera before it, and works out where its points land.

    Args:
        size_page: page width and height, mm.
        frame_px: photo width and height, px.
        shape: how the sheet lies.
        view: where the camera stands.
        rng: source of chance for the bends.
    """
    nodes, step = page_nodes(size_page)
    folds = fold_lines(shape.folds, rng)
    height = _heights(nodes / size_page - 0.5, shape, folds, rng)
    slope_y, slope_x = np.gradient(height, step[1], step[0])
    slope = np.stack([slope_x, slope_y], axis=-1)
    camera = _camera(size_page, frame_px, view)
    middle = np.array(size_page) / 2
    lying = nodes - middle + _foreshortening(slope, step)
    photo = camera.see(np.concatenate([lying, -height[..., None]], axis=-1))
    return Sheet(size_page, frozen(photo), step, frozen(slope), frozen(camera.plane(middle)), folds)


@dataclass(frozen=True, slots=True)
class _Camera:
    turn: Floats
    distance_mm: float
    focal_px: float
    centre_px: Floats

    def see(self, points: Floats) -> Floats:
        """Points (..., 3) around the sheet's middle, mm, z away from the camera -> photo px."""
        seen = points @ self.turn.T + (0, 0, self.distance_mm)
        return np.asarray(self.focal_px * seen[..., :2] / seen[..., 2:] + self.centre_px)

    def plane(self, middle: Floats) -> Floats:
        """Homography of the plane z = 0, from page mm."""
        lens = np.array([[self.focal_px, 0, self.centre_px[0]], [0, self.focal_px, self.centre_px[1]], [0, 0, 1]])
        columns = np.column_stack([self.turn[:, 0], self.turn[:, 1], [0, 0, self.distance_mm]])
        shift = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, 1]])
        return np.asarray(lens @ columns @ shift)


def _camera(size_page: tuple[float, float], frame_px: tuple[int, int], view: View) -> _Camera:
    tilt, towards = np.deg2rad(view.tilt_deg), np.deg2rad(view.towards_deg)
    axis = np.array([np.sin(towards), -np.cos(towards), 0.0]) * tilt
    turn = np.asarray(cv2.Rodrigues(axis)[0]) if tilt else np.eye(3)
    roll = np.deg2rad(view.roll_deg)
    turn = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]) @ turn
    # The main camera of a phone: about 26 mm on a 36 x 24 mm film, so 0.72 of the long side.
    focal = 0.72 * max(frame_px)
    corners = np.array([[x, y, 0] for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) * (*size_page, 1)
    frame = np.array(frame_px, float)
    distance, centre = focal * size_page[1] / frame[1] / view.share, (frame - 1) / 2
    for _ in range(40):
        seen = _Camera(turn, distance, focal, np.zeros(2)).see(corners)
        low, high = seen.min(axis=0), seen.max(axis=0)
        distance *= float(max((high - low) / frame)) / view.share
        centre = (frame - 1) / 2 - (low + high) / 2 + frame * view.shift
    return _Camera(turn, distance, focal, centre)


def _heights(unit: Floats, shape: Shape, folds: tuple[tuple[float, float], ...], rng: np.random.Generator) -> Floats:
    height = np.zeros(unit.shape[:2])
    if shape.curl_mm:
        # Sheets come from a roll: they curl along their long side, a little askew.
        angle = rng.normal(np.pi / 2, 0.25)
        along = unit[..., 0] * np.cos(angle) + unit[..., 1] * np.sin(angle) + rng.uniform(-0.15, 0.15)
        height += shape.curl_mm * 4 * along**2 * (1 if rng.random() < 0.7 else -1)
    for _ in range(3 if shape.wave_mm else 0):
        angle, cycles = rng.uniform(0, np.pi), rng.uniform(0.8, 2.4)
        phase = 2 * np.pi * cycles * (unit[..., 0] * np.cos(angle) * 0.67 + unit[..., 1] * np.sin(angle))
        height += shape.wave_mm * rng.uniform(0.3, 0.7) * np.sin(phase + rng.uniform(0, 2 * np.pi))
    for offset, angle in folds:
        across = unit[..., 0] * np.cos(angle) + unit[..., 1] * np.sin(angle) - offset
        # A tent with a rounded ridge: paper never folds to a knife edge on a wall.
        height += shape.fold_mm * rng.choice((-1, 1)) * np.exp(-np.sqrt(across**2 + 0.012**2) / 0.13)
    return height


def fold_lines(count: int, rng: np.random.Generator) -> tuple[tuple[float, float], ...]:
    """Offset (share of the side) and angle of the folds: across the middle first, as sheets are posted folded."""
    lines = []
    for n in range(count):
        angle = (np.pi / 2 if n % 2 == 0 else 0.0) + rng.normal(0, 0.03)
        lines.append((float(rng.normal(0, 0.04) + (0.25 * rng.choice((-1, 1)) if n > 1 else 0)), float(angle)))
    return tuple(lines)


def _foreshortening(slope: Floats, step: tuple[float, float]) -> Floats:
    """Paper does not stretch: where it rises its shadow on the ground gets shorter by half the squared slope."""
    lost_x = np.cumsum(slope[..., 0] ** 2, axis=1) * step[0] / 2
    lost_y = np.cumsum(slope[..., 1] ** 2, axis=0) * step[1] / 2
    middle = lost_x.shape[0] // 2, lost_x.shape[1] // 2
    return np.stack(
        [lost_x[:, middle[1] : middle[1] + 1] - lost_x, lost_y[middle[0] : middle[0] + 1] - lost_y], axis=-1
    )


def upsample(nodes: NDArray[np.float64], step_px: int, size_px: tuple[int, int]) -> NDArray[np.float32]:
    """Values known every ``step_px`` (see :func:`coarse_points`) -> every pixel, bilinear.

    Args:
        nodes: shape (rows, columns) or (rows, columns, c), float64.
        step_px: distance of the nodes.
        size_px: width and height of the result.

    Returns:
        Shape (height, width) or (height, width, c), float32.
    """
    rows, columns = nodes.shape[:2]
    large = cv2.resize(nodes.astype(np.float32), (columns * step_px, rows * step_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large[step_px : step_px + size_px[1], step_px : step_px + size_px[0]], np.float32)


def coarse_points(step_px: int, size_px: tuple[int, int]) -> Floats:
    """Photo px of coarse nodes, shape (rows, columns, 2); one more at each side, so that borders are interpolated."""
    axes = [(np.arange(-(-side // step_px) + 2) - 0.5) * step_px - 0.5 for side in size_px]
    return np.stack(np.meshgrid(axes[0], axes[1]), axis=-1)
