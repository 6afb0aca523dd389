"""Figures of an evaluation on a terminal and as JSON, always with what they were measured on."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ocr_pipeline.evaluation.labels import Label
from ocr_pipeline.evaluation.metrics import Evaluation, FileScore, Score, Share, split, total_of
from ocr_pipeline.evaluation.seen import seen_by

FIGURES: Mapping[str, tuple[str, str, bool]] = {
    "identified": ("formulir dan halaman dikenali", "identified", True),
    "turned": ("dan arah lembarnya", "and how the page lies", True),
    "numbers": ("angka benar", "number accuracy", True),
    "accepted": ("diterima tanpa manusia", "accepted", True),
    "silent": ("SALAH DIAM-DIAM", "silent errors", False),
    "forms": ("foto benar seluruhnya", "form accuracy", True),
    "straight_through": ("benar dan diterima seluruhnya", "straight through", True),
    "boxes": ("kotak benar", "box accuracy", True),
    "rejects": ("yang harus ditolak, ditolak", "rejects", True),
}
"""Attribute of Score -> Indonesian, English, whether more is better (then the bound is a lower one)."""


def print_evaluation(evaluation: Evaluation, took_s: float, show: int) -> None:
    """All figures with their bounds, then per form and page, then what went wrong."""
    console = Console(highlight=False)
    total = evaluation.total
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Semua foto / all photos")
    for name in ("dari / of", "hasil / result", "batas / bound 95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    for key, (indonesian, english, more_is_better) in FIGURES.items():
        share: Share = getattr(total, key)
        style = "bold red" if key == "silent" and share.hits else ""
        label = Text.assemble((indonesian, style), "  ", (english, "dim"))
        table.add_row(label, f"{share.hits}/{share.n}", _percent(share.share), _bound(share, more_is_better))
    console.print(table)
    console.print(f"nol palsu / false zeros: {total.false_zeros}   ditolak / rejected: {total.rejected}")
    if total.no_answer:
        console.print(f"[bold red]tanpa jawaban / no answer: {total.no_answer}[/bold red]")
    console.print()
    console.print(_families_table(evaluation))
    _print_seen(console, evaluation)
    _print_files(console, evaluation.files, show)
    console.print(f"{total.photos} foto / photos, {took_s:.1f} s")


def print_degradations(parts: Mapping[str, Evaluation], took_s: float, show: int) -> None:
    """One row a degradation: numbers, right, accepted, silent, refused, and zeros made of nothing."""
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Kerusakan / degradation")
    for name in ("angka\nnumbers", "benar\nright", "diterima\naccepted", "salah diam\nsilent", "foto ditolak\nrefused"):
        table.add_column(name, justify="right")
    table.add_column("nol palsu\nfalse zeros", justify="right")
    for name, part in parts.items():
        table.add_row(name, *_degradation_row(part.total))
    table.add_section()
    table.add_row("semua / all", *_degradation_row(total_of([f for part in parts.values() for f in part.files])))
    console.print(table)
    for name, part in parts.items():
        silent = [f for f in part.files if any(miss.silent for miss in f.misses)]
        if silent:
            console.print(Text(f"{name}:", "bold red"))
            _print_files(console, tuple(silent), show)
    console.print(f"{sum(p.total.photos for p in parts.values())} foto / photos, {took_s:.1f} s")


def print_boxes(result: Mapping[str, Any]) -> None:
    """Figures of the digit model alone."""
    console = Console(highlight=False)
    n, wrong = result["n"], result["wrong"]
    right = Share(n - len(wrong), n)
    console.print(f"kotak / boxes: {right.hits}/{n}  {_percent(right.share)}  {_bound(right, True)}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("kelas / class", "n", "benar / right"):
        table.add_column(name, justify="right")
    for label, found in result["per_class"].items():
        table.add_row(label, str(found["n"]), _percent(found["accuracy"]))
    console.print(table)
    for file, label, read, p in wrong:
        console.print(f"  {file}: {label} → {read}  p {p}")


def evaluation_to_dict(evaluation: Evaluation) -> dict[str, Any]:
    """The same figures for programs; a share is ``{"hits", "n", "share", "lower", "upper"}``."""
    return {
        "total": _score_to_dict(evaluation.total),
        "groups": {key: _score_to_dict(score) for key, score in evaluation.groups.items()},
        "digits_seen": {key: _score_to_dict(part.total) for key, part in _by_digits_seen(evaluation).items()},
        "files": [_file_to_dict(scored) for scored in evaluation.files],
    }


def _score_to_dict(score: Score) -> dict[str, Any]:
    plain = {name: getattr(score, name) for name in ("photos", "rejected", "no_answer", "false_zeros")}
    return {**plain, **{key: _share_to_dict(getattr(score, key)) for key in FIGURES}}


def _share_to_dict(share: Share) -> dict[str, Any]:
    return {"hits": share.hits, "n": share.n, "share": share.share, "lower": share.lower, "upper": share.upper}


def _file_to_dict(scored: FileScore) -> dict[str, Any]:
    return {
        "file": scored.label.file,
        "outcome": None if scored.read is None else scored.read.outcome,
        "reason": None if scored.read is None else scored.read.reason,
        "numbers": scored.counts["numbers"],
        "right": scored.counts["right"],
        "accepted": scored.counts["accepted"],
        "silent": scored.counts["silent"],
        "seen": asdict(seen_by(scored.label.file)),
        "capture": scored.label.capture,
        "misses": [asdict(miss) for miss in scored.misses],
    }


def _families_table(evaluation: Evaluation) -> Table:
    """One row a family; below it, where the digit model has seen some of its photos, these and the others apart."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("formulir / form", min_width=22)
    for name in ("dikenali\nidentified", "arah\nturn", "angka\nnumbers", "diterima\naccepted"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("diam\nsilent", "ditolak\nrefused"):
        table.add_column(name, justify="right", no_wrap=True)
    for key, family in split(evaluation, _family).items():
        table.add_row(key, *_family_cells(family.total))
        parts = _by_digits_seen(family)
        if len(parts) > 1:
            for name, part in parts.items():
                table.add_row(f"  {_DIGITS_SEEN[name]}", *_family_cells(part.total), style="dim")
    return table


_DIGITS_SEEN: Final = {"seen": "dilatih / seen", "unseen": "asing / unseen"}


def _family(label: Label) -> str:
    return "harus ditolak / must be rejected" if label.must_reject else f"{label.form} p{label.page}"


def _by_digits_seen(evaluation: Evaluation) -> dict[str, Evaluation]:
    """The photos that are to be read, apart by whether the digit model was trained or calibrated on their boxes."""
    parts = split(evaluation, lambda label: "seen" if seen_by(label.file).digits else "unseen")
    return {name: parts[name] for name in _DIGITS_SEEN if name in parts}


def _family_cells(s: Score) -> list[str]:
    refused = f"{s.rejects.hits}/{s.rejects.n}" if s.rejects.n else str(s.rejected)
    photos = [f"{share.hits}/{share.n}" if share.n else "" for share in (s.identified, s.turned)]
    shares = (s.numbers, s.accepted)
    numbers = [f"{share.hits}/{share.n}\n{_percent(share.share)}" if share.n else "" for share in shares]
    return [*photos, *numbers, str(s.silent.hits), refused]


def _print_seen(console: Console, evaluation: Evaluation) -> None:
    """How far these photos are unseen, in words: a figure on photos that tuned the reader is no promise."""
    seen = [seen_by(scored.label.file) for scored in evaluation.files]
    n = len(seen)
    counts = [sum(getattr(one, name) for one in seen) for name in ("digits", "definition", "constants")]
    console.print(
        f"Dari {n} foto, {counts[0]} ikut melatih atau menakar model angka; geometri formulirnya diukur pada "
        f"{counts[1]}; ambang dan tetapan dipilih dengan melihat {counts[2]}."
    )
    console.print(
        f"Of {n} photos {counts[0]} took part in training or calibrating the digit model; {counts[1]} in measuring the "
        f"geometry of their form; {counts[2]} were in view when thresholds and constants were chosen.",
        style="dim",
    )


def _print_files(console: Console, files: tuple[FileScore, ...], show: int) -> None:
    misses = [(f, miss) for f in files for miss in f.misses]
    for scored, miss in sorted(misses, key=lambda pair: not pair[1].silent)[:show]:
        kind = Text("DIAM / SILENT ", "bold red") if miss.silent else Text("salah / wrong  ")
        truth = miss.truth_as_written or miss.truth
        p = "" if miss.p is None else f"  p {miss.p:.4f}"
        reason = "" if scored.read is None or scored.read.reason is None else f"  {scored.read.reason}"
        console.print(
            Text.assemble("  ", kind, f"{scored.label.file} {miss.field}: {truth} → {miss.as_written}{p}{reason}"),
            Text(scored.label.capture, "dim"),
            soft_wrap=True,
        )
    if len(misses) > show:
        console.print(f"  … {len(misses) - show} lagi / more")


def _degradation_row(total: Score) -> list[str]:
    return [
        str(total.numbers.n),
        str(total.numbers.hits),
        str(total.accepted.hits),
        str(total.silent.hits),
        f"{total.rejected}/{total.photos}",
        str(total.false_zeros),
    ]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"


def _bound(share: Share, more_is_better: bool) -> str:
    bound = share.lower if more_is_better else share.upper
    sign = "≥" if more_is_better else "≤"
    return "–" if bound is None else f"{sign} {bound:.2%}"
