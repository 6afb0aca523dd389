"""Synthetic photos as files, and how a reading differs from their truth."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ocr_pipeline.forms.library import load_form
from ocr_pipeline.reader import PageResult, Reader
from ocr_pipeline.synthesis import PhotoSettings, SynthesisSettings, SyntheticPhoto, synthesize
from ocr_pipeline.synthesis.fill import Mistake, written_value
from ocr_pipeline.synthesis.surface import Shape, View
from ocr_pipeline.values import Grey

FORM = load_form("c-hasil-ppwp-2024")
LONG_SIDE_PX = 1400
EASY = SynthesisSettings(level="easy", long_side_px=LONG_SIDE_PX)
PLAIN = PhotoSettings(long_side_px=LONG_SIDE_PX, shape=Shape(curl_mm=3), view=View(roll_deg=1, share=0.94))


def station(seed: int, settings: SynthesisSettings = EASY, pages: tuple[int, ...] = (1, 2, 3)) -> list[SyntheticPhoto]:
    return synthesize(FORM, pages, seed, settings)


def plain_photo(page: int, seed: int = 1, mistakes: tuple[Mistake, ...] = (), **changes: object) -> SyntheticPhoto:
    """A page in a plain photo with some settings changed."""
    photo = replace(PLAIN, **changes)  # type: ignore[arg-type]
    return synthesize(FORM, [page], seed, SynthesisSettings(photo=photo, mistakes=mistakes))[0]


def save(photo: SyntheticPhoto, folder: Path, name: str = "foto.jpg") -> Path:
    path = folder / name
    path.write_bytes(photo.shot.encode())
    return path


def save_grey(grey: Grey, folder: Path, name: str = "foto.png") -> Path:
    path = folder / name
    assert cv2.imwrite(str(path), grey)
    return path


def grey_of(photo: SyntheticPhoto) -> Grey:
    return np.asarray(cv2.cvtColor(photo.shot.image, cv2.COLOR_BGR2GRAY), np.uint8)


def read_one(reader: Reader, path: Path, form_id: str | None = None) -> PageResult:
    (result,) = reader.read_file(str(path), form_id)
    return result


def truth_of(photo: SyntheticPhoto) -> dict[str, int | None]:
    """Field -> what the boxes mean."""
    written = photo.station.numbers
    return {n.field: written_value(written[n.field].as_written) for n in photo.page.numbers}
