"""``turus synth``: synthetic photos of filled forms, with their truth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from service.cli.own_forms import Forms

if TYPE_CHECKING:
    from ocr_pipeline.synthesis import SynthesisSettings

DEFAULT_FORM = "c-hasil-ppwp-2024"
PHOTO_ASPECT = 0.75


Preset = Literal["easy", "medium", "hard", "scan", "phone"]


def synth(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder tujuan. / Folder to write to.")],
    form: Annotated[str, typer.Option(metavar="FORM", help="Formulir. / Form.")] = DEFAULT_FORM,
    forms: Forms = None,
    tps: Annotated[int, typer.Option(min=1, metavar="N", help="Banyaknya TPS. / Polling stations.")] = 1,
    seed: Annotated[int, typer.Option(min=0, metavar="S", help="Benih acak. / Seed; the same gives the same.")] = 0,
    preset: Annotated[
        Preset, typer.Option(help="Kesulitan; phone: 12 megapiksel, kira-kira 3 MB. / Difficulty.")
    ] = "medium",
    megapixels: Annotated[
        float | None, typer.Option(min=0.1, max=60, metavar="X", help="Besar foto. / Size of the photos.")
    ] = None,
    page: Annotated[
        list[int] | None, typer.Option(metavar="P", help="Hanya halaman ini (boleh berulang). / Only these pages.")
    ] = None,
    turned: Annotated[
        bool, typer.Option("--turned", help="Putar foto dan EXIF secara acak. / Turn photos and EXIF at random.")
    ] = False,
    mistake: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="Kesalahan petugas: sum_broken, crossed_out, left_empty (boleh berulang). / What officers get wrong.",
        ),
    ] = None,
) -> None:
    """Gambar, isi, dan potret formulir tiruan / Draw, fill and photograph synthetic forms."""
    from ocr_pipeline.forms.library import load_form
    from ocr_pipeline.synthesis import write_dataset
    from ocr_pipeline.synthesis.fill import Mistake
    from service.cli.errors import UsageProblem

    definition = load_form(form)
    known = [p.page for p in definition.pages]
    if unknown := sorted(set(page or ()) - set(known)):
        raise UsageProblem(
            f"Formulir {form} tidak punya halaman {unknown}; yang ada: {known}.",
            f"Form {form} has no page {unknown}; it has {known}.",
        )
    if strange := sorted(set(mistake or ()) - set(get_args(Mistake))):
        raise UsageProblem(f"Kesalahan {strange} tidak dikenal.", f"Unknown mistakes {strange}.")
    settings = _settings(preset, megapixels, turned, mistake or [], seed)
    truth = write_dataset(out, definition, tps, seed, page or None, settings)
    written = sum(1 for line in truth.read_text(encoding="utf-8").splitlines() if line)
    print(f"{written} foto di {out}, kebenarannya di {truth}")
    print(f"{written} photos in {out}, their truth in {truth}")


def _settings(
    preset: Preset, megapixels: float | None, turned: bool, mistakes: list[str], seed: int
) -> "SynthesisSettings":
    from dataclasses import replace

    import numpy as np

    from ocr_pipeline.synthesis import SynthesisSettings, phone_12mp
    from ocr_pipeline.synthesis.dataset import ORIENTATIONS, QUARTER_TURNS
    from ocr_pipeline.synthesis.fill import Mistake

    common = SynthesisSettings(mistakes=tuple(kind for kind in get_args(Mistake) if kind in mistakes))
    if turned:
        common = replace(common, turns=QUARTER_TURNS, orientations=ORIENTATIONS)
    long_side_px = None if megapixels is None else round((megapixels * 1e6 / PHOTO_ASPECT) ** 0.5)
    if preset == "phone":
        photo = phone_12mp(np.random.default_rng([seed, 12]))
        return replace(common, photo=replace(photo, long_side_px=long_side_px or photo.long_side_px))
    return replace(common, level=preset, long_side_px=long_side_px or common.long_side_px)
