"""How much of known forms `turus form new` finds: ``python -m tools.form_figures ../shared/forms`` prints a table.

The reference pages are not part of the project. Boxes of the 2024 wall form are compared with the library's definition,
in mm; boxes of the others with those that volunteers marked on pictures of them, in thousandths of the page's longer
side. A box counts as found when no edge is off by more than a quarter of its smaller side.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ocr_pipeline.authoring.propose import Finding, study
from ocr_pipeline.authoring.sheet import SHEET_LONG_SIDE, load_sheet, straighten
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.imaging.decode import PhotoSource, decode_photo
from ocr_pipeline.registration.page_map import project
from ocr_pipeline.values import Floats

MARKED = (
    ("PPWP-2024-hal2-plano.png", "c-hasil-ppwp-2024-p2.json"),
    ("PPWP-2024-hal3-plano.png", "c-hasil-ppwp-2024-p3.json"),
    ("PPWP-2019-plano.png", "c1-plano-ppwp-2019.json"),
    ("referenceform.jpg", "c1-ppwp-2014-lampiran.json"),
    ("halaman4-referenceform.jpg", "c1-ppwp-2014-p1.json"),
    ("C1-plano-reference-half.jpg", "c1-kwk-plano-2017.json"),
)
_CLOSE = 0.25


def table(folder: Path) -> Iterator[str]:
    """The rows of the table in docs/forms.md."""
    yield "| page | numbers proposed | bubbles, tallies | known boxes found | edges off by, median and worst |"
    yield "|---|---|---|---|---|"
    wall, salinan = (folder / "reference" / f"C.HASIL-{name}PPWP-2024.pdf" for name in ("", "SALINAN-"))
    for page in (1, 2, 3):
        finding = study(load_sheet(PhotoSource(str(wall), wall, page), None))
        true = load_form("c-hasil-ppwp-2024").page(page)
        known = np.array([[b.x_mm, b.y_mm, b.x_mm + b.w_mm, b.y_mm + b.h_mm] for n in true.numbers for b in n.boxes])
        yield _row(
            f"{wall.name}, {page}", finding, known * finding.sheet.px_per_mm[0], finding.sheet.px_per_mm[0], "mm"
        )
    for page in (1, 2):
        yield _row(f"{salinan.name}, {page}", study(load_sheet(PhotoSource(str(salinan), salinan, page), None)))
    for picture, boxes in MARKED:
        grey = decode_photo(str(folder / "reference" / picture)).grey
        finding = study(straighten(grey, (600.0, 900.0)))
        marked = json.loads((folder / "boxes" / boxes).read_text(encoding="utf-8"))
        scale = np.array(grey.shape[::-1]) / marked["reference_size_wh"]
        there = [project(finding.sheet.sheet_from_source, corners * scale).ravel() for corners in _corners(marked)]
        yield _row(picture, finding, np.array(there), SHEET_LONG_SIDE / 1000, "‰")


def _corners(marked: dict[str, list[dict[str, list[list[float]]]]]) -> Iterator[Floats]:
    for number in marked["numbers"]:
        for top, bottom, left, right in number["boxes"]:
            yield np.array([[left, top], [right, bottom]], np.float64)


def _row(name: str, finding: Finding, known_px: Floats | None = None, px_per_unit: float = 1.0, unit: str = "") -> str:
    numbers = finding.layout.numbers
    rings, tallies = sum(n.bubbles is not None for n in numbers), sum(n.tally is not None for n in numbers)
    start = f"| {name} | {len(numbers)} | {rings}, {tallies} |"
    if known_px is None:
        return f"{start} not marked | |"
    found = np.array([[c.x0 + 0.5, c.y0 + 0.5, c.x1 + 0.5, c.y1 + 0.5] for n in numbers for c in n.boxes])
    off = np.array([np.abs(found - box).max(axis=1).min() for box in known_px])
    side = np.minimum(known_px[:, 2] - known_px[:, 0], known_px[:, 3] - known_px[:, 1])
    hit = off < _CLOSE * side
    if not hit.any():
        return f"{start} 0 of {len(hit)} | |"
    edges = off[hit] / px_per_unit
    return f"{start} {hit.sum()} of {len(hit)} | {np.median(edges):.2f}, {edges.max():.2f} {unit} |"


if __name__ == "__main__":
    for row in table(Path(sys.argv[1])):
        print(row, flush=True)
