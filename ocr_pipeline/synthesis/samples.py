"""Makes the photos in ``samples/``: ``python -m ocr_pipeline.synthesis.samples [FOLDER]``; same seeds, same content."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ocr_pipeline.forms.library import form_ids, load_form
from ocr_pipeline.synthesis.dataset import SynthesisSettings, SyntheticPhoto, save_photo, synthesize, write_truth
from ocr_pipeline.synthesis.photograph import PhotoSettings
from ocr_pipeline.synthesis.surface import Shape, View

FORM = "c-hasil-ppwp-2024"


@dataclass(frozen=True, slots=True)
class Sample:
    """One station to show: its name, seed, pages and how it is photographed."""

    name: str
    seed: int
    pages: tuple[int, ...]
    settings: SynthesisSettings


_WINDOW = PhotoSettings(
    long_side_px=2000,
    shape=Shape(curl_mm=14, wave_mm=4, fold_mm=9, folds=2),
    view=View(tilt_deg=17, towards_deg=210, roll_deg=-3, share=0.9),
    background="tiles",
    gradient=0.25,
    shadow="window",
    shadow_strength=0.55,
    cast_bgr=(0.97, 1.0, 1.03),
    noise=2.5,
    jpeg_quality=80,
)
_DIM = PhotoSettings(
    long_side_px=1800,
    shape=Shape(curl_mm=20, wave_mm=5, fold_mm=10, folds=1),
    view=View(tilt_deg=13, towards_deg=100, roll_deg=3, share=0.92),
    background="cardboard",
    gradient=0.4,
    vignette=0.25,
    shadow="hand",
    shadow_strength=0.45,
    exposure=0.45,
    blur_px=0.75,
    noise=3,
    jpeg_quality=75,
)

SAMPLES = (
    Sample("tps-a", 2049, (1, 2, 3), SynthesisSettings(level="easy", long_side_px=2000, filler="X")),
    Sample("tps-b", 2038, (1, 2, 3), SynthesisSettings(level="medium", long_side_px=2000)),
    Sample("tps-c-jendela", 2032, (2,), SynthesisSettings(photo=_WINDOW)),
    Sample("tps-d-redup", 2056, (2,), SynthesisSettings(photo=_DIM)),
)
"""Two whole stations, and two hard second pages: window shadows on folds, and a dim, curled, shaded one."""


FORMS_FOLDER = "forms"
"""Folder inside the samples with one photo of every page of every other form: the demo does not read these."""

PUBLISHED_AS_SCANS = frozenset({"c1-ppwp-2014", "c1-ppwp-2019"})
"""Forms of A4 size, whose copies were scanned and published; all others are photographed on a wall."""

_WALL = SynthesisSettings(level="medium", long_side_px=1200)
_SCAN = SynthesisSettings(level="scan", long_side_px=1200)
_FIRST_SEED = 3000
_SMALL_QUALITY = 50


def make_samples(out_dir: Path) -> Path:
    """Writes every sample photo and ``truth.jsonl``; returns the truth's path.

    Args:
        out_dir: folder, made where missing.

    Raises:
        OSError: the folder cannot be written.
    """
    forms_dir = out_dir / FORMS_FOLDER
    forms_dir.mkdir(parents=True, exist_ok=True)
    write_truth(forms_dir, [save_photo(photo, forms_dir, name) for name, photo in form_samples()])
    definition = load_form(FORM)
    lines = []
    for sample in SAMPLES:
        for photo in synthesize(definition, sample.pages, sample.seed, sample.settings):
            lines.append(save_photo(photo, out_dir, f"{sample.name}-hal{photo.page.page}.jpg"))
    return write_truth(out_dir, lines)


def form_samples() -> Iterator[tuple[str, SyntheticPhoto]]:
    """One photo of every page of every form but :data:`FORM`, with the name of its file."""
    for n, form_id in enumerate(form_id for form_id in form_ids() if form_id != FORM):
        settings = _SCAN if form_id in PUBLISHED_AS_SCANS else _WALL
        for photo in synthesize(load_form(form_id), None, _FIRST_SEED + n, settings):
            small = replace(photo.shot, settings=replace(photo.shot.settings, jpeg_quality=_SMALL_QUALITY))
            yield f"{form_id}-hal{photo.page.page}.jpg", replace(photo, shot=small)


def main(arguments: Sequence[str]) -> int:
    """Command line: an optional folder, by default ``samples`` here."""
    print(make_samples(Path(arguments[0] if arguments else "samples")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
