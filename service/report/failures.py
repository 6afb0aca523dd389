"""What an evaluation found wrong, as pictures: a folder with an ``index.html`` that loads nothing but its pictures.

A failure is a photo with a silent error, of a wrong form, page or turn, refused (or not refused) wrongly, or with a
number that is wrong or, though right, not accepted. The folder shows real photos: it never belongs into the project.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from PIL import Image

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.evaluation.labels import Label
from ocr_pipeline.evaluation.metrics import Evaluation, FileScore
from ocr_pipeline.imaging.cv import Pixels
from ocr_pipeline.values import PageRead
from service.report.crops import crop_number
from service.report.html import templates
from service.report.overlay import draw_overlay
from service.report.pictures import colour_photo
from service.report.words import Words, alternative_words, percent, reason_words, value_text, why_words

if TYPE_CHECKING:
    from ocr_pipeline.reader import PageResult

Kind = Literal["silent", "not_refused", "misidentified", "no_answer", "refused", "wrong", "review"]

KINDS: Final[Mapping[Kind, Words]] = {
    "silent": Words("salah diam-diam", "silent error"),
    "not_refused": Words("seharusnya ditolak", "should have been refused"),
    "misidentified": Words("formulir, halaman, atau arah keliru", "wrong form, page or turn"),
    "no_answer": Words("tanpa jawaban", "no answer"),
    "refused": Words("ditolak, padahal harus dibaca", "refused, though it is to be read"),
    "wrong": Words("angka salah atau tidak terbaca", "numbers wrong or not read"),
    "review": Words("benar, tetapi perlu manusia", "right, but a person is needed"),
}
"""Worst first: a photo has the first kind that fits."""

CROP_BOX_PX: Final = 128
"""Height of a number's boxes in its crop."""


@dataclass(frozen=True, slots=True)
class NumberFailure:
    """A number that was not both right and accepted; texts as they are shown, ``crop`` a file of the folder."""

    field: str
    kind: Kind
    truth: str
    read: str
    p: str
    why: tuple[Words, ...]
    crop: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A photo of the folder.

    Attributes:
        file: as the labels name it.
        capture: what its label says is wrong with the photo.
        kind: the worst thing about it.
        truth: form, page and turn by its label.
        read: the same as read, or the refusal.
        advice: what a refusal told the officer.
        picture: a file of the folder: the photo with its overlay; ``None`` where it cannot be decoded.
        numbers: its numbers that failed; a refused photo has none.
    """

    file: str
    capture: str
    kind: Kind
    truth: str
    read: str
    advice: Words | None
    picture: str | None
    numbers: tuple[NumberFailure, ...]


def write_failures(evaluation: Evaluation, results: "Mapping[str, PageResult]", folder: Path) -> Path:
    """Writes ``index.html`` and its pictures.

    Args:
        evaluation: figures of some labels.
        results: the readings it was made of, by ``PageRead.photo``; their photos are decoded once more.
        folder: made if it is not there; pictures of the same names are overwritten.

    Returns:
        The page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [(scored, _kind(scored)) for scored in evaluation.files]
    worst_first = sorted(((s, k) for s, k in kinds if k is not None), key=lambda pair: list(KINDS).index(pair[1]))
    failures = [
        _failure(scored, kind, results.get(scored.label.path), folder, f"{number:03}")
        for number, (scored, kind) in enumerate(worst_first, 1)
    ]
    page = folder / "index.html"
    template = templates().get_template("failures.html.j2")
    counts = Counter(failure.kind for failure in failures)
    html = template.render(failures=failures, kinds=KINDS, counts=counts, photos=len(evaluation.files))
    page.write_text(html, encoding="utf-8")
    return page


def _kind(scored: FileScore) -> Kind | None:
    label, read = scored.label, scored.read
    if scored.counts["silent"]:
        return "silent"
    if read is None:
        return "no_answer"
    if label.must_reject:
        return None if scored.counts["did_reject"] else "not_refused"
    if read.outcome == "rejected":
        return "refused"
    if not scored.counts["identified"] or scored.counts["turned"] < scored.counts["turn_known"]:
        return "misidentified"
    if scored.misses:
        return "wrong"
    return "review" if any(read.numbers[f].decision == "review" for f in label.values) else None


def _failure(scored: FileScore, kind: Kind, result: "PageResult | None", folder: Path, name: str) -> Failure:
    label, read = scored.label, scored.read
    photo = None if result is None else _decoded(result.read.photo)
    if result is not None and photo is not None:
        draw_overlay(photo, result).save(folder / f"{name}.jpg", quality=85)
    refusal = None if read is None else read.reason
    return Failure(
        file=label.file,
        capture=label.capture,
        kind=kind,
        truth="–" if label.must_reject else _page(label.form, label.page, label.rotation_deg),
        read="–" if read is None else refusal or _page(read.form, read.page, read.rotation_deg),
        advice=None if refusal is None else reason_words(refusal),
        picture=None if photo is None else f"{name}.jpg",
        numbers=() if read is None else tuple(_numbers(scored, read, photo, folder, name)),
    )


def _numbers(
    scored: FileScore, read: PageRead, photo: Pixels | None, folder: Path, name: str
) -> Iterator[NumberFailure]:
    """The numbers of a reading that were not both right and accepted; writes their crops."""
    picture = None if photo is None else Image.fromarray(np.ascontiguousarray(photo[..., ::-1]))
    missed = {miss.field: miss for miss in scored.misses}
    for field, number in read.numbers.items():
        miss = missed.get(field)
        if miss is None and (number.decision == "accepted" or field not in scored.label.values):
            continue
        if picture is not None:
            crop = crop_number(picture, number.quad_photo, number.words_quad_photo, CROP_BOX_PX)
            crop.save(folder / f"{name}-{field}.jpg", quality=85)
        hint = () if number.alternative is None else (alternative_words(number.alternative),)
        yield NumberFailure(
            field=field,
            kind="review" if miss is None else "silent" if miss.silent else "wrong",
            truth=_truth(scored.label, field),
            read=f"{number.as_written} = {value_text(number.value)}",
            p=percent(number.p),
            why=why_words(number) + hint,
            crop=None if picture is None else f"{name}-{field}.jpg",
        )


def _truth(label: Label, field: str) -> str:
    if field not in label.values:
        return "–"
    written = label.as_written.get(field)
    value = value_text(label.values[field])
    return value if written is None else f"{written} = {value}"


def _page(form: str | None, page: int | None, rotation_deg: int | None) -> str:
    turn = "" if rotation_deg is None else f", {rotation_deg}°"
    return f"{form} p{page}{turn}"


def _decoded(photo: str) -> Pixels | None:
    try:
        return colour_photo(photo)
    except PhotoRejected:
        return None
