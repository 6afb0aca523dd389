"""A number cut out of a photo for a person: its boxes, and below them the line that says it in words.

Pillow and numpy only: web processes cut crops too.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from ocr_pipeline.values import Floats

BOX_HEIGHT_PX: Final = 64
"""Height of the boxes in a crop, whatever the photo's size: a reviewer's eye finds every number equally large."""
MARGIN: Final = 0.25
"""Shown around, as a share of the boxes' height: what stands beside a box often explains it."""
WIDEST_PX: Final = 800
"""A longer line is shown smaller."""
_GAP_PX: Final = 6
_WHITE: Final = (255, 255, 255)
_NO_PHOTO: Final = (150, 150, 150)
"""Colour of what lies outside the photo."""


def crop_number(
    picture: Image.Image, boxes: Floats | None, words: Floats | None = None, box_height_px: int = BOX_HEIGHT_PX
) -> Image.Image:
    """The boxes of a number straightened, and below them the line that says it in words, at the same scale.

    Args:
        picture: RGB, the upright photo or a smaller copy of it.
        boxes: corners, shape (4, 2), float64, px of ``picture``, clockwise from the top-left as the page is read.
        words: the same of the line in words; alone it is shown as large as the picture holds it.
        box_height_px: height of the boxes in the crop.

    Returns:
        RGB, at most :data:`WIDEST_PX` wide; grey where the photo ends.

    Raises:
        ValueError: there is neither.
    """
    quads = [quad for quad in (boxes, words) if quad is not None]
    if not quads:
        raise ValueError("nothing to cut out")
    height_px = _sides(quads[0])[1]
    scale = 1.0 if boxes is None else box_height_px / height_px
    parts = [_straight(picture, quad, scale, MARGIN * height_px) for quad in quads]
    return parts[0] if len(parts) == 1 else _stacked(parts)


def jpeg_bytes(picture: Image.Image, quality: int = 82) -> bytes:
    """An RGB picture as JPEG."""
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _stacked(parts: Sequence[Image.Image]) -> Image.Image:
    size = max(p.width for p in parts), sum(p.height for p in parts) + _GAP_PX * (len(parts) - 1)
    sheet, top = Image.new("RGB", size, _WHITE), 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height + _GAP_PX
    return sheet


def _straight(picture: Image.Image, quad: Floats, scale: float, margin_px: float) -> Image.Image:
    """A quad and ``margin_px`` (of the picture) around it as an upright rectangle, ``scale`` times as large."""
    width_px, height_px = _sides(quad)
    scale = min(scale, WIDEST_PX / (width_px + 2 * margin_px), WIDEST_PX / (height_px + 2 * margin_px))
    w, h, m = width_px * scale, height_px * scale, margin_px * scale
    corners = np.array([[m, m], [m + w, m], [m + w, m + h], [m, m + h]])
    size = (max(round(w + 2 * m), 1), max(round(h + 2 * m), 1))
    # Pillow counts from the corner of the first pixel, the photo frame from its centre.
    quad = quad + 0.5
    if scale < 0.5:  # Pillow's transform looks at neighbouring pixels only, so a large photo is made smaller first
        factor = int(1 / scale)
        picture, quad = picture.reduce(factor), quad / factor
    return picture.transform(
        size,
        Image.Transform.PERSPECTIVE,
        _coefficients(corners, quad),
        Image.Resampling.BICUBIC,
        fillcolor=_NO_PHOTO,
    )


def _sides(quad: Floats) -> tuple[float, float]:
    """Width along the top and height along the left side, at least 1 px."""
    top_left, top_right, _, bottom_left = quad
    width_px, height_px = (float(np.hypot(*(corner - top_left))) for corner in (top_right, bottom_left))
    return max(width_px, 1.0), max(height_px, 1.0)


def _coefficients(corners: Floats, quad: Floats) -> list[float]:
    """Of the perspective map from crop px to picture px, as Pillow takes them: a, b, c, d, e, f, g, h."""
    rows, values = [], []
    for (u, v), (x, y) in zip(corners, quad, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -u * x, -v * x], [0, 0, 0, u, v, 1, -u * y, -v * y]]
        values += [x, y]
    # Least squares: a stored quad that is no quadrangle gives an odd picture, not an error.
    return [float(c) for c in np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]]
