"""How well photos were read: the same definitions as the outside scorer of the project, with bounds.

* number accuracy: numbers whose value is right, of all labelled ones; a refused photo's numbers count as wrong;
* accepted: numbers accepted without a person, of the labelled numbers that are written (empty boxes aside);
* silent errors: accepted numbers that are wrong: another value, another form or page than the photo's, any number out
  of a file that must be rejected, an accepted number in a rejected photo. **The figure that must be 0**;
* identified: photos whose form and page were named rightly;
* turned: of the photos whose label tells how the page lies, those whose form, page and turn were named rightly;
* rejects: files that must be rejected and were, with a reason and without numbers;
* form accuracy: photos with every labelled number right; straight through: those of them that were accepted whole;
* box accuracy: characters of ``as_written`` that are right, on identified photos whose writing was labelled;
* false zeros: accepted zeros whose boxes are not labelled as a zero, or were read as nothing but empty.

Every share carries its counts and a one-sided 95 % Clopper-Pearson bound, because "0 errors" of 30 and of 3,000 differ.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ocr_pipeline.evaluation.labels import Label
from ocr_pipeline.recognition.calibration import clopper_pearson_upper
from ocr_pipeline.values import NumberRead, PageRead

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` out of ``n``; all figures are ``None`` where n is 0."""

    hits: int
    n: int

    @property
    def share(self) -> float | None:
        """The share itself, 0-1."""
        return self.hits / self.n if self.n else None

    @property
    def lower(self) -> float | None:
        """One-sided 95 % Clopper-Pearson lower bound of the true share."""
        if not self.n:
            return None
        # A hit seen from the other side is a miss: the bounds mirror each other.
        return 1 - clopper_pearson_upper(self.n - self.hits, self.n, CONFIDENCE)

    @property
    def upper(self) -> float | None:
        """One-sided 95 % Clopper-Pearson upper bound of the true share."""
        if not self.n:
            return None
        return clopper_pearson_upper(self.hits, self.n, CONFIDENCE)


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of a group of photos; see the module for the definitions.

    Attributes:
        photos: labelled files, those that must be rejected included.
        rejected: refused photos among those that should be read.
        no_answer: files the reader gave no result for; must be 0.
        silent: silent errors, of all accepted numbers of these photos that a label can judge.
    """

    photos: int
    rejected: int
    no_answer: int
    false_zeros: int
    identified: Share
    turned: Share
    numbers: Share
    accepted: Share
    silent: Share
    forms: Share
    straight_through: Share
    boxes: Share
    rejects: Share


@dataclass(frozen=True, slots=True)
class NumberMiss:
    """A number that was not read right; ``silent`` when it was accepted all the same."""

    field: str
    truth: int | None
    truth_as_written: str | None
    value: int | None
    as_written: str | None
    p: float | None
    silent: bool


@dataclass(frozen=True, slots=True)
class FileScore:
    """Figures of one labelled file and what went wrong in it."""

    label: Label
    read: PageRead | None
    counts: Counter[str] = field(repr=False)
    misses: tuple[NumberMiss, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of a labels file: per form and page (``"c-hasil-ppwp-2024 p2"``), over all, and per file."""

    groups: Mapping[str, Score]
    total: Score
    files: tuple[FileScore, ...]


def evaluate(labels: Sequence[Label], reads: Mapping[str, PageRead]) -> Evaluation:
    """Compares readings with labels.

    Args:
        labels: the truth.
        reads: the readings by ``PageRead.photo``, which is the label's ``path``.
    """
    return _collect([_score_file(label, reads.get(label.path)) for label in labels])


def split(evaluation: Evaluation, part_of: Callable[[Label], str]) -> dict[str, Evaluation]:
    """The same files apart by some property of their labels, in the order in which it first occurs."""
    parts: dict[str, list[FileScore]] = {}
    for scored in evaluation.files:
        parts.setdefault(part_of(scored.label), []).append(scored)
    return {name: _collect(files) for name, files in parts.items()}


def total_of(files: Iterable[FileScore]) -> Score:
    """Figures of some files together."""
    counts: Counter[str] = Counter()
    for scored in files:
        counts.update(scored.counts)
    return _score(counts)


def _collect(files: Sequence[FileScore]) -> Evaluation:
    groups: dict[str, list[FileScore]] = {}
    for scored in files:
        groups.setdefault(f"{scored.label.form} p{scored.label.page}", []).append(scored)
    return Evaluation({key: total_of(groups[key]) for key in sorted(groups)}, total_of(files), tuple(files))


def _score(c: Counter[str]) -> Score:
    """Figures from added-up counts of files."""
    to_read = c["photos"] - c["must_reject"]
    return Score(
        photos=c["photos"],
        rejected=c["rejected"],
        no_answer=c["no_answer"],
        false_zeros=c["false_zeros"],
        identified=Share(c["identified"], to_read),
        turned=Share(c["turned"], c["turn_known"]),
        numbers=Share(c["right"], c["numbers"]),
        accepted=Share(c["accepted"], c["written"]),
        silent=Share(c["silent"], c["accepted_any"]),
        forms=Share(c["forms_right"], to_read),
        straight_through=Share(c["straight_through"], to_read),
        boxes=Share(c["boxes_right"], c["boxes"]),
        rejects=Share(c["did_reject"], c["must_reject"]),
    )


def _score_file(label: Label, read: PageRead | None) -> FileScore:
    c: Counter[str] = Counter(photos=1)
    numbers = {} if read is None else read.numbers
    accepted = [n for n in numbers.values() if n.decision == "accepted"]
    rejected = read is None or read.outcome == "rejected"
    c["no_answer"] += read is None
    if label.must_reject:
        c["must_reject"] += 1
        c["did_reject"] += read is not None and rejected and not numbers and read.reason is not None
        return FileScore(label, read, c, _all_silent(c, accepted))
    same = read is not None and not rejected and (read.form, read.page) == (label.form, label.page)
    c["rejected"] += rejected
    c["identified"] += same
    c["turn_known"] += label.rotation_deg is not None
    c["turned"] += same and read is not None and label.rotation_deg == read.rotation_deg
    misses = () if same else _all_silent(c, accepted)
    misses += _compare(label, numbers if same else {}, c)
    right = same and not misses
    c["forms_right"] += right
    c["straight_through"] += right and read is not None and read.outcome == "accepted"
    return FileScore(label, read, c, misses)


def _all_silent(c: Counter[str], accepted: Sequence[NumberRead]) -> tuple[NumberMiss, ...]:
    """Every accepted number of a photo that is not what the reader took it for is a silent error."""
    c["silent"] += len(accepted)
    c["accepted_any"] += len(accepted)
    c["false_zeros"] += sum(n.value == 0 for n in accepted)
    return tuple(NumberMiss(n.field, None, None, n.value, n.as_written, n.p, True) for n in accepted)


def _compare(label: Label, numbers: Mapping[str, NumberRead], c: Counter[str]) -> tuple[NumberMiss, ...]:
    misses = []
    for name, truth in label.values.items():
        n = numbers.get(name)
        written = label.as_written.get(name)
        ok = n is not None and n.value == truth
        taken = n is not None and n.decision == "accepted"
        c["numbers"] += 1
        c["right"] += ok
        c["written"] += truth is not None
        c["accepted"] += taken and truth is not None
        c["accepted_any"] += taken
        c["silent"] += taken and not ok
        c["false_zeros"] += n is not None and taken and n.value == 0 and (truth != 0 or set(n.as_written) == {"_"})
        if n is not None and written and n.as_written:
            pairs = list(zip(written, n.as_written.rjust(len(written), "_"), strict=False))
            c["boxes"] += len(pairs)
            c["boxes_right"] += sum(a == b for a, b in pairs)
        if not ok:
            value, as_written, p = (None, None, None) if n is None else (n.value, n.as_written, n.p)
            misses.append(NumberMiss(name, truth, written, value, as_written, p, silent=taken))
    return tuple(misses)
