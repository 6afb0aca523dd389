"""Is any page taken for another? Synthetic photos of every form and page of the library, in all four turns.

``python -m ocr_pipeline.evaluation.confusion [--photos N] [--seed S]`` prints which page was found for which, refusals
apart, the confusions one by one, and the time a photo. A confusion is a photo that was read as another form or page, or
with another turn, than it shows; a refusal is none. Photos are easy, medium, hard and scans in equal shares, every page
and turn as often as every other. A longer run begins with the photos of a shorter one.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ocr_pipeline.forms.library import form_ids, load_form
from ocr_pipeline.synthesis import LEVELS, Level, SynthesisSettings, SyntheticPhoto, synthesize
from ocr_pipeline.synthesis.dataset import QUARTER_TURNS
from ocr_pipeline.values import PageRead

ReadFile = Callable[[Path], PageRead]

DEFAULT_PHOTOS = 500
DEFAULT_SEED = 29
_SEEDS_APART = 1_000_000
"""Distance between the stations of two seeds: no two runs share a photo."""


@dataclass(frozen=True, slots=True)
class Case:
    """One photo to take: of which page, how it lies, and how difficult it is."""

    form: str
    page: int
    turn_deg: int
    level: Level
    seed: int

    @property
    def key(self) -> tuple[str, int]:
        """Form and page."""
        return self.form, self.page

    def photo(self) -> SyntheticPhoto:
        """Draws, fills and photographs it."""
        settings = SynthesisSettings(level=self.level, turns=(self.turn_deg,))
        return synthesize(load_form(self.form), [self.page], self.seed, settings)[0]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a photo was taken for: form, page and turn, or the ``reason`` why it was refused."""

    case: Case
    found: tuple[str, int] | None
    turn_deg: int | None
    reason: str | None
    took_ms: float

    @property
    def is_misplaced(self) -> bool:
        """Read as another form or page."""
        return self.reason is None and self.found != self.case.key

    @property
    def is_misturned(self) -> bool:
        """Read as the right page, with another turn."""
        return self.found == self.case.key and self.turn_deg != self.case.turn_deg


def cases(photos: int, seed: int) -> list[Case]:
    """The photos to take: pages in turn, each first in all turns and then at the next level.

    Args:
        photos: how many.
        seed: other seeds have other stations.
    """
    pages = [(form, page.page) for form in form_ids() for page in load_form(form).pages]
    found = []
    for k in range(photos):
        form, page = pages[k % len(pages)]
        again = k // len(pages)
        turn, level = QUARTER_TURNS[again % 4], LEVELS[(again // 4 + again) % len(LEVELS)]
        found.append(Case(form, page, turn, level, seed * _SEEDS_APART + k))
    return found


def measure(read: ReadFile, wanted: Iterable[Case]) -> Iterator[Finding]:
    """Takes and reads the photos one by one."""
    for case in wanted:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "photo.jpg"
            path.write_bytes(case.photo().shot.encode())
            read_page = read(path)
        form, page = read_page.form, read_page.page
        key = None if form is None or page is None else (form, page)
        yield Finding(case, key, read_page.rotation_deg, read_page.reason, read_page.timing_ms["total"])


def table(findings: Sequence[Finding]) -> str:
    """The confusion table as text: a row a page shown, a column a page found, then wrong turns and refusals."""
    keys = sorted({f.case.key for f in findings} | {f.found for f in findings if f.found is not None})
    placed = Counter((f.case.key, f.found) for f in findings)
    misturned = Counter(f.case.key for f in findings if f.is_misturned)
    names = [f"{form} p{page}" for form, page in keys]
    wide = max(map(len, names), default=0)
    columns = "".join(f"{k:>5}" for k in range(1, len(keys) + 1))
    lines = [f"{'':>{wide + 5}}{columns}   turn refused"]
    for k, key in enumerate(keys, 1):
        cells = "".join(f"{placed[key, other] or '.':>5}" for other in keys)
        lines.append(f"{k:>3}  {names[k - 1]:<{wide}}{cells}{misturned[key] or '.':>7}{placed[key, None] or '.':>8}")
    return "\n".join(lines)


def summary(findings: Sequence[Finding]) -> str:
    """How many were confused and refused, which and why, and the time a photo."""
    confused = [f for f in findings if f.is_misplaced or f.is_misturned]
    refused = Counter((f.case.level, f.reason) for f in findings if f.reason is not None)
    lines = [f"{len(findings)} photos, {len(confused)} confused, {refused.total()} refused"]
    lines += [f"  confused: {f.case} found as {f.found}, turned by {f.turn_deg}" for f in confused]
    lines += [f"  refused, {level}: {n} as {reason}" for (level, reason), n in sorted(refused.items())]
    middle, late = np.percentile([f.took_ms for f in findings], [50, 95])
    lines.append(f"time a photo: median {middle:.0f} ms, 95th percentile {late:.0f} ms")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Command line; 1 when a photo was confused."""
    parser = argparse.ArgumentParser(prog="python -m ocr_pipeline.evaluation.confusion", description=__doc__)
    parser.add_argument("--photos", type=int, default=DEFAULT_PHOTOS)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    given = parser.parse_args(arguments)
    from ocr_pipeline.reader import Reader  # models load only when there is something to read

    reader = Reader.load()
    wanted = cases(given.photos, given.seed)
    findings = list(measure(lambda path: reader.read_file(str(path))[0].read, wanted))
    print(table(findings), summary(findings), sep="\n\n")
    return 1 if any(f.is_misplaced or f.is_misturned for f in findings) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
