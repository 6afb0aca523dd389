"""How reading decays as one thing gets worse: synthetic pages, one fault at a time, from harmless to hopeless.

``python -m ocr_pipeline.evaluation.robustness FOLDER [--stations N]`` writes ``robustness.csv`` and ``robustness.svg``.
Synthetic pages show where reading ends and whether the gate refuses before it errs; they say nothing about how often
real photos are read rightly, and copies of one station are not independent of each other.
"""

import argparse
import csv
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ocr_pipeline.evaluation.robustness_plot import Curve, draw_svg
from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.synthesis.dataset import SynthesisSettings, SyntheticPhoto, number_quad, synthesize
from ocr_pipeline.synthesis.presets import FACTOR_STRENGTHS, JPEG_LONG_SIDE_PX, Factor, single_factor
from ocr_pipeline.values import PageRead

ReadFile = Callable[[Path], PageRead]

DEFAULT_STATIONS = 5
FIRST_SEED = 7000
AXES: dict[Factor, str] = {
    "blur": "defocus, sigma in px at 1,000 px width",
    "motion": "motion path in px at 1,000 px width",
    "darkness": "exposure (1 = well lit)",
    "tilt": "tilt of the camera, degrees",
    "jpeg": f"JPEG quality, long side {JPEG_LONG_SIDE_PX} px",
    "resolution": "long side of the photo, px",
}


@dataclass(frozen=True, slots=True)
class Point:
    """Readings at one strength of one fault.

    Attributes:
        factor: the fault.
        strength: how strong, see :data:`~ocr_pipeline.synthesis.presets.FACTOR_STRENGTHS`.
        photos: photos taken.
        refused: photos that the reader rejected.
        numbers: numbers on all photos.
        right: numbers read rightly (a refused photo's numbers are not).
        accepted: numbers accepted without a person.
        silent: numbers accepted and wrong.
        error_mm: median over the read photos of the worst corner of any number's boxes, page mm; ``None`` if none.
        reasons: why photos were refused, ``reason:count`` joined by spaces.
    """

    factor: Factor
    strength: float
    photos: int
    refused: int
    numbers: int
    right: int
    accepted: int
    silent: int
    error_mm: float | None
    reasons: str


def measure(
    read: ReadFile,
    definition: FormDefinition,
    page: int,
    factors: Iterable[Factor] = tuple(FACTOR_STRENGTHS),
    stations: int = DEFAULT_STATIONS,
) -> list[Point]:
    """Takes and reads the photos of the curve; the same stations at every strength.

    Args:
        read: reads one file.
        definition: the form.
        page: the page to photograph.
        factors: faults to measure.
        stations: stations (hands, results) for each point.
    """
    points = []
    for factor in factors:
        for strength in FACTOR_STRENGTHS[factor]:
            settings = SynthesisSettings(photo=single_factor(factor, strength))
            seeds = range(FIRST_SEED, FIRST_SEED + stations)
            photos = (synthesize(definition, [page], seed, settings)[0] for seed in seeds)
            points.append(_point(factor, strength, [(photo, _read_photo(read, photo)) for photo in photos]))
    return points


def write_csv(points: Sequence[Point], path: Path) -> None:
    """Writes one line a point, columns as the attributes of :class:`Point`."""
    names = [f.name for f in fields(Point)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for point in points:
            values = (getattr(point, name) for name in names)
            writer.writerow(["" if v is None else f"{v:.2f}" if isinstance(v, float) else v for v in values])


def curves(points: Sequence[Point]) -> list[Curve]:
    """The points as curves to draw, one a factor."""
    found = []
    for factor in dict.fromkeys(point.factor for point in points):
        own = [point for point in points if point.factor == factor]
        found.append(
            Curve(
                title=factor,
                axis=AXES[factor],
                labels=tuple(f"{point.strength:g}" for point in own),
                right=tuple(point.right / point.numbers for point in own),
                accepted=tuple(point.accepted / point.numbers for point in own),
                refused=tuple(point.refused / point.photos for point in own),
                silent=tuple(point.silent for point in own),
            )
        )
    return found


def _read_photo(read: ReadFile, photo: SyntheticPhoto) -> PageRead:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(photo.shot.encode())
        return read(path)


def _point(factor: Factor, strength: float, read: Sequence[tuple[SyntheticPhoto, PageRead]]) -> Point:
    right = accepted = silent = numbers = 0
    for photo, page in read:
        truth = photo.truth("")["values"]
        numbers += len(truth)
        same_page = page.form == photo.form and page.page == photo.page.page
        good = {f for f, n in page.numbers.items() if same_page and f in truth and n.value == truth[f]}
        sure = {f for f, n in page.numbers.items() if n.decision == "accepted"}
        right, accepted, silent = right + len(good), accepted + len(sure & good), silent + len(sure - good)
    errors = [error for photo, page in read if (error := _error_mm(photo, page)) is not None]
    reasons = Counter(page.reason for _, page in read if page.outcome == "rejected")
    return Point(
        factor=factor,
        strength=strength,
        photos=len(read),
        refused=reasons.total(),
        numbers=numbers,
        right=right,
        accepted=accepted + silent,
        silent=silent,
        error_mm=float(np.median(errors)) if errors else None,
        reasons=" ".join(f"{reason}:{count}" for reason, count in reasons.most_common()),
    )


def _error_mm(photo: SyntheticPhoto, page: PageRead) -> float | None:
    """Worst corner of any number's boxes against the true map, page mm; ``None`` for a refused photo or wrong page."""
    if page.page != photo.page.page or not page.numbers:
        return None
    worst = 0.0
    for number in photo.page.numbers:
        true_photo = photo.shot.to_photo(number_quad(number))
        off_px = float(np.abs(true_photo - page.numbers[number.field].quad_photo).max())
        top_mm = number.area_mm.w_mm
        worst = max(worst, off_px * top_mm / float(np.hypot(*(true_photo[1] - true_photo[0]))))
    return worst


def main(arguments: Sequence[str]) -> int:
    """Command line; see the module."""
    parser = argparse.ArgumentParser(prog="python -m ocr_pipeline.evaluation.robustness", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--form", default="c-hasil-ppwp-2024")
    parser.add_argument("--page", type=int, default=2)
    parser.add_argument("--stations", type=int, default=DEFAULT_STATIONS)
    parser.add_argument("--factor", action="append", choices=list(FACTOR_STRENGTHS), help="only these faults")
    given = parser.parse_args(arguments)
    from ocr_pipeline.reader import Reader  # models load only when there is something to read

    reader = Reader.load()
    points = measure(
        lambda path: reader.read_file(str(path))[0].read,
        load_form(given.form),
        given.page,
        given.factor or tuple(FACTOR_STRENGTHS),
        given.stations,
    )
    given.folder.mkdir(parents=True, exist_ok=True)
    write_csv(points, given.folder / "robustness.csv")
    note = f"{given.form} page {given.page}, {given.stations} synthetic stations a point"
    (given.folder / "robustness.svg").write_text(draw_svg(curves(points), note), encoding="utf-8")
    print(given.folder / "robustness.csv", given.folder / "robustness.svg", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
