"""Makes what the walkthrough in docs/forms.md shows: ``python -m tools.form_pictures`` from the repository's root.

The form is an invented one, defined in tests/contract/c-hasil-pilkades.toml. Its print and the photo are drawn from
that file; what `turus form new` and `turus form preview` make of them is drawn by these commands. Nothing here is a
picture of an official form, and no photo is a real one.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.forms.loading import parse_definition
from ocr_pipeline.synthesis import SynthesisSettings, write_dataset
from ocr_pipeline.synthesis.draw import draw_page

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "img"
PRINT, PHOTO = PICTURES / "forms-pilkades.pdf", PICTURES / "forms-photo.jpg"
TRUE_FORM = ROOT / "tests" / "contract" / "c-hasil-pilkades.toml"
TRUE_VALUES = ROOT / "tests" / "contract" / "forms-photo.json"
DPI = 300
_A4_PX = (2480, 3508)
_SEED = 12
_SHOWN_PX = 900


def invented_form() -> FormDefinition:
    """The form of the walkthrough."""
    return parse_definition(TRUE_FORM.read_text(encoding="utf-8"), TRUE_FORM.name)


def print_form(target: Path) -> None:
    """The empty form as a PDF of one A4 page, black on white."""
    page = invented_form().pages[0]
    drawn = draw_page(page, _A4_PX[1] / page.size_mm[1])[..., 1]
    sheet = np.full(_A4_PX[::-1], 255, np.uint8)
    height, width = (min(a, b) for a, b in zip(drawn.shape, sheet.shape, strict=True))
    sheet[:height, :width] = drawn[:height, :width]
    Image.fromarray(sheet).point(lambda level: 255 * (level > 160)).convert("1").save(target, resolution=DPI)


def take_photo(photo: Path, values: Path) -> None:
    """A photo of the filled form, and the numbers that were written on it."""
    with tempfile.TemporaryDirectory() as name:
        settings = SynthesisSettings(level="medium", long_side_px=1500)
        truth = write_dataset(Path(name), invented_form(), 1, _SEED, settings=settings)
        line = json.loads(truth.read_text(encoding="utf-8"))
        photo.write_bytes((Path(name) / line["file"]).read_bytes())
    values.write_text(json.dumps(line["values"], indent=1) + "\n", encoding="utf-8")


def show_commands() -> None:
    """What the two commands draw, small."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _turus(folder, "form", "new", str(PRINT), "--id", "usulan")
        _shrink(folder / "usulan-hal1.png", PICTURES / "forms-new.png")
        _turus(folder, "form", "preview", str(TRUE_FORM), str(PHOTO), "-o", "preview.png")
        _shrink(folder / "preview.png", PICTURES / "forms-preview.jpg")


def _turus(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "service.cli.main", *arguments]
    subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, check=True, stdout=subprocess.DEVNULL)


def _shrink(source: Path, target: Path) -> None:
    picture = cv2.imread(str(source))
    assert picture is not None
    scale = _SHOWN_PX / max(picture.shape)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 80] if target.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 9]
    cv2.imwrite(str(target), small, quality)


if __name__ == "__main__":
    print_form(PRINT)
    take_photo(PHOTO, TRUE_VALUES)
    show_commands()
    for path in sorted(PICTURES.glob("forms-*")):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")
