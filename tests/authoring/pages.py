"""Drawn pages as a technician would scan them."""

from functools import cache

import cv2
import numpy as np

from ocr_pipeline.forms.library import load_form
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.values import Grey
from tools.form_pictures import invented_form

WALL = load_form("c-hasil-ppwp-2024")
INVENTED = invented_form()
LONG_SIDE_PX = 2200


@cache
def drawn(form: str, page: int) -> Grey:
    """The blank page, grey, long side :data:`LONG_SIDE_PX`."""
    definition = {f.id: f for f in (WALL, INVENTED)}[form]
    picture = draw_page(definition.page(page), LONG_SIDE_PX / max(definition.page(page).size_mm))
    return np.ascontiguousarray(picture[..., 1])


def scanned(grey: Grey, tilt_deg: float, seed: int = 0) -> Grey:
    """The page laid down a little askew, with the noise, softness and compression of a scanner."""
    height, width = grey.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), tilt_deg, 1.0)
    turned = cv2.warpAffine(grey, turn, (width, height), flags=cv2.INTER_AREA, borderValue=255)
    soft = cv2.GaussianBlur(turned, (0, 0), 0.8).astype(np.float64) * 0.92 + 10
    noisy = np.clip(soft + np.random.default_rng(seed).normal(0, 4, grey.shape), 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
