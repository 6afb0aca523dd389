"""Whole synthetic stations: drawn, filled, photographed, with the truth, in memory or as a folder of JPEGs."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ocr_pipeline.forms.definition import FormDefinition, Number, Page
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.synthesis.fill import Mistake, Station, fill_page, write_station, written_value
from ocr_pipeline.synthesis.handwriting import Filler, random_writer
from ocr_pipeline.synthesis.photograph import PhotoSettings, Shot, photo_px_per_mm, photograph
from ocr_pipeline.synthesis.presets import Level, random_settings
from ocr_pipeline.synthesis.results import random_results
from ocr_pipeline.values import Floats

MAP_STEP_MM = 50.0
"""Spacing of the true page -> photo points in the truth."""

DRAW_PX_PER_MM = (2.0, 6.0)
"""Limits of the scale at which pages are drawn."""

QUARTER_TURNS = (0, 90, 180, 270)
ORIENTATIONS = (1, 6, 3, 8)


@dataclass(frozen=True, slots=True)
class SynthesisSettings:
    """How a station is written and photographed.

    Attributes:
        level: difficulty of the photos, where ``photo`` does not say exactly.
        photo: exact settings for every photo, or ``None``.
        long_side_px: height of the portrait photos that ``level`` makes.
        filler: habit for unused leading boxes, or ``None`` for chance.
        mistakes: what the officers get wrong.
        turns: quarter turns of the page in the photo to choose from.
        orientations: EXIF orientations to choose from.
    """

    level: Level = "medium"
    photo: PhotoSettings | None = None
    long_side_px: int = 1778
    filler: Filler | None = None
    mistakes: tuple[Mistake, ...] = ()
    turns: tuple[int, ...] = (0,)
    orientations: tuple[int, ...] = (1,)


@dataclass(frozen=True, slots=True)
class SyntheticPhoto:
    """One photo of one page with everything that is true about it.

    Attributes:
        form: form id.
        page: page number.
        seed: the station's seed.
        shot: picture and geometry.
        station: what the officers wrote, on all pages.
    """

    form: str
    page: Page
    seed: int
    shot: Shot
    station: Station

    def truth(self, file: str) -> dict[str, Any]:
        """One object of a labels file, with more keys than the reading contract asks for.

        Args:
            file: name of the photo's file, relative to the labels file.

        Returns:
            The contract's keys, and ``quads_photo`` (corners of each number's boxes), ``map`` (true page mm -> photo px
            points), ``size_px``, ``seed``, ``synthetic``, and ``mistakes`` where there are any. ``rotation_deg`` is the
            clockwise turn of the page in the upright photo.
        """
        written = [self.station.numbers[number.field] for number in self.page.numbers]
        truth: dict[str, Any] = {
            "file": file,
            "form": self.form,
            "page": self.page.page,
            "rotation_deg": self.shot.settings.turn_deg,
            "as_written": {w.field: w.as_written for w in written},
            "values": {w.field: written_value(w.as_written) for w in written},
            "bubbles": {w.field: w.bubbles for w in written if w.bubbles is not None},
            "tallies": {w.field: w.tally for w in written if w.tally is not None},
            "row_totals": {w.field: list(w.row_totals) for w in written if w.row_totals is not None},
            "capture": describe_capture(self.shot.settings),
            "synthetic": True,
            "seed": self.seed,
            "size_px": [self.shot.image.shape[1], self.shot.image.shape[0]],
            "quads_photo": {n.field: _rounded(self.shot.to_photo(number_quad(n))) for n in self.page.numbers},
            "map": _true_map(self.page, self.shot),
        }
        here = [[kind, field] for kind, field in self.station.mistakes if field in truth["values"]]
        if here:
            truth["mistakes"] = here
        return {key: value for key, value in truth.items() if value != {}}


def synthesize(
    definition: FormDefinition,
    pages: Sequence[int] | None,
    seed: int,
    settings: SynthesisSettings = SynthesisSettings(),
) -> list[SyntheticPhoto]:
    """One station: its pages filled by one writer and photographed one by one.

    Args:
        definition: the form.
        pages: page numbers to photograph, or ``None`` for all; the results always span the whole form.
        seed: decides everything; the same seed gives the same pixels, whichever pages are asked for.
        settings: how to write and photograph.

    Raises:
        KeyError: the form has no such page.
        ResultsError: no results can be invented for the form.
    """
    rng = np.random.default_rng([seed, 0])
    writer = random_writer(rng, settings.filler)
    values = random_results(definition, rng)
    station = write_station(definition, values, writer, rng, settings.mistakes)
    chosen = [definition.page(p) for p in pages] if pages is not None else list(definition.pages)
    return [_photo(definition.id, page, station, seed, settings) for page in chosen]


def write_dataset(
    out_dir: Path,
    definition: FormDefinition,
    stations: int,
    seed: int,
    pages: Sequence[int] | None = None,
    settings: SynthesisSettings = SynthesisSettings(),
) -> Path:
    """Writes photos of several stations and their truth.

    Args:
        out_dir: folder for the files, made where missing.
        definition: the form.
        stations: number of stations; station k has seed ``seed + k``.
        seed: seed of the first station.
        pages: page numbers, or ``None`` for all.
        settings: how to write and photograph.

    Returns:
        Path of ``truth.jsonl``.

    Raises:
        KeyError: the form has no such page.
        ResultsError: no results can be invented for the form.
        OSError: the folder cannot be written.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    lines = []
    for station_seed in range(seed, seed + stations):
        for photo in synthesize(definition, pages, station_seed, settings):
            lines.append(save_photo(photo, out_dir, f"tps{station_seed:04d}-hal{photo.page.page}.jpg"))
    return write_truth(out_dir, lines)


def save_photo(photo: SyntheticPhoto, out_dir: Path, name: str) -> dict[str, Any]:
    """Writes one JPEG; returns its truth."""
    (out_dir / name).write_bytes(photo.shot.encode())
    return photo.truth(name)


def write_truth(out_dir: Path, lines: Collection[Mapping[str, Any]]) -> Path:
    """Writes ``truth.jsonl``; returns its path."""
    path = out_dir / "truth.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def number_quad(number: Number) -> Floats:
    """Corners of a number's boxes, shape (4, 2), float64, page mm, clockwise from the top-left."""
    return np.array(number.area_mm.corners_mm)


def describe_capture(settings: PhotoSettings) -> str:
    """What is wrong with a photo, in words, as in the labels of real photos."""
    said = [f"synthetic; {settings.background} background; tilt {settings.view.tilt_deg:.0f} deg"]
    if settings.binarise:
        said.append("black and white")
    if settings.watermark:
        said.append("watermark")
    if settings.shape.folds and settings.shape.fold_mm > 1:
        said.append(f"{settings.shape.folds} folds")
    if settings.shadow != "none":
        said.append(f"{settings.shadow} shadow")
    if settings.exposure < 0.6:
        said.append("dark")
    if settings.contrast < 0.8:
        said.append("washed out")
    if settings.blur_px > 0.8:
        said.append("soft")
    if settings.motion_px > 2:
        said.append("moved")
    if settings.exif_orientation != 1:
        said.append(f"EXIF orientation {settings.exif_orientation}")
    return "; ".join(said)


def _photo(form: str, page: Page, station: Station, seed: int, settings: SynthesisSettings) -> SyntheticPhoto:
    # Each page has its own chance, so that asking for one page gives the same picture as asking for all.
    rng = np.random.default_rng([seed, page.page])
    photo = settings.photo or random_settings(settings.level, rng, settings.long_side_px)
    turn = settings.turns[int(rng.integers(len(settings.turns)))]
    orientation = settings.orientations[int(rng.integers(len(settings.orientations)))]
    if settings.photo is None:
        photo = replace(photo, turn_deg=turn, exif_orientation=orientation)
    scale = float(np.clip(1.3 * photo_px_per_mm(photo, page.size_mm), *DRAW_PX_PER_MM))
    picture = draw_page(page, scale)
    fill_page(picture, scale, page, station, rng)
    return SyntheticPhoto(form, page, seed, photograph(picture, scale, photo, rng), station)


def _true_map(page: Page, shot: Shot) -> dict[str, Any]:
    counts = [round(side / MAP_STEP_MM) + 1 for side in page.size_mm]
    x, y = (np.linspace(0, side, count) for side, count in zip(page.size_mm, counts, strict=True))
    nodes = np.stack(np.meshgrid(x, y), axis=-1)
    return {"x_mm": x.round(2).tolist(), "y_mm": y.round(2).tolist(), "photo_px": _rounded(shot.to_photo(nodes))}


def _rounded(points: Floats) -> Any:
    return points.round(2).tolist()
