"""A number cut out of its photo for the person who reviews it: the boxes, the line in words, or both in one picture."""

from collections.abc import Sequence
from io import BytesIO
from typing import Final, Literal

import numpy as np
from PIL import Image

from ocr_pipeline.values import Floats
from service.access import Actor
from service.errors import ServiceError
from service.photos.files import View, load_view, refuse_erased
from service.photos.view import find_photo, newest_number
from service.report.crops import crop_number, jpeg_bytes
from service.services import Services

CropOf = Literal["both", "boxes", "words"]

_LOOK: Final = 1
"""Part of a crop's tag: changes when crops come to look different."""


def find_crop(
    services: Services, actor: Actor, photo_id: str, field: str, of: CropOf = "both", part: int | None = None
) -> View:
    """A number as its reviewer wants to see it, straightened and upright, cut out of the view of its photo.

    Args:
        services: the process's services.
        actor: who asks.
        photo_id: photo.
        field: number of the form.
        of: the boxes, the line in words, or the boxes with that line below them where the form has one.
        part: page of a PDF from 1, 0 for a photo, ``None`` for the first that has the number.

    Raises:
        ServiceError: ``not_found``, ``foreign_region``, ``photo_erased``; ``not_ready`` while unread; ``no_crop`` when
            the photo shows no such number, the form has no such line, or the reading is older than crops are;
            ``no_view`` (from ``load``).
    """
    with services.store.read() as session:
        photo = find_photo(session, actor, photo_id)
        refuse_erased(photo)
        found = newest_number(session, photo_id, field, part)
    if found is None:
        missing = "not_ready" if photo.state == "received" else "no_crop"
        raise ServiceError(missing, details={"photo": photo_id, "field": field})
    boxes = None if of == "words" else found.quad
    words = None if of == "boxes" else found.words_quad
    if found.size_px is None or (boxes is None and words is None):
        raise ServiceError("no_crop", details={"photo": photo_id, "field": field, "of": of})
    longest_px = max(found.size_px)

    def load() -> bytes:
        view = _opened(load_view(services, photo_id, found.part), photo_id)
        scale = max(view.size) / longest_px
        return jpeg_bytes(crop_number(view, _scaled(boxes, scale), _scaled(words, scale)))

    return View(f"{found.reading_id}-{field}-{of}-{_LOOK}", load)


def _opened(jpeg: bytes, photo_id: str) -> Image.Image:
    try:
        with Image.open(BytesIO(jpeg), formats=["JPEG"]) as view:
            return view.convert("RGB")
    except OSError as error:  # what Pillow raises for damaged files too
        raise ServiceError("no_view", details={"photo": photo_id}) from error


def _scaled(quad_photo: Sequence[Sequence[float]] | None, scale: float) -> Floats | None:
    """Corners in px of a smaller copy; the photo frame counts from the centre of the first pixel."""
    return None if quad_photo is None else (np.array(quad_photo, np.float64) + 0.5) * scale - 0.5
