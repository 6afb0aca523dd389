"""Draws the pictures of docs/forms.md: ``python tools/form_pictures.py`` from the repository's root.

The form of the walkthrough is an invented one, defined in tests/contract/c-hasil-pilkades.toml; nothing here is a
picture of an official form or of a real photo.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.forms.loading import parse_definition
from ocr_pipeline.synthesis.draw import draw_page

ROOT = Path(__file__).parents[1]
PRINT = ROOT / "docs" / "img" / "forms-pilkades.pdf"
DPI = 300
_A4_PX = (2480, 3508)


def invented_form() -> FormDefinition:
    """The form of the walkthrough."""
    path = ROOT / "tests" / "contract" / "c-hasil-pilkades.toml"
    return parse_definition(path.read_text(encoding="utf-8"), path.name)


def print_form(target: Path) -> None:
    """The empty form as a PDF of one A4 page, black on white."""
    page = invented_form().pages[0]
    drawn = draw_page(page, _A4_PX[1] / page.size_mm[1])[..., 1]
    sheet = np.full(_A4_PX[::-1], 255, np.uint8)
    height, width = (min(a, b) for a, b in zip(drawn.shape, sheet.shape, strict=True))
    sheet[:height, :width] = drawn[:height, :width]
    Image.fromarray(sheet).point(lambda level: 255 * (level > 160)).convert("1").save(target, resolution=DPI)


if __name__ == "__main__":
    print_form(PRINT)
    print(f"{PRINT.relative_to(ROOT)}: {PRINT.stat().st_size:,} bytes")
