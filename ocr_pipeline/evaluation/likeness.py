"""How alike the handwriting of one sheet in two photos is, and that of two sheets: the figures of docs/handwriting.md.

``python -m ocr_pipeline.evaluation.likeness LABELS [--boxes ZIP] [--stations N]`` prints a table. Four kinds of pairs:

* *real, one sheet*: a labelled photo, its ten degraded copies, and these among each other;
* *real, two sheets*: photos and copies of different sheets of one printed page;
* *drawn*: stations of the generator, each sheet photographed twice, and the same numbers written by another hand;
* *boxes*: pages of nine boxes put together from real box crops, the same symbols on both sheets, no crop of one printed
  form on both; crops that stand at about the same place of their class mostly come from one hand.

Pairs that share a photo or a crop are not independent: bounds count sheets, not pairs.
"""

import argparse
import csv
import itertools
import json
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ocr_pipeline.evaluation.degrade import degrade_dataset
from ocr_pipeline.forms.definition import FormDefinition, Page
from ocr_pipeline.forms.library import form_ids, load_form
from ocr_pipeline.reader import Reader
from ocr_pipeline.recognition.calibration import clopper_pearson_upper
from ocr_pipeline.recognition.digits import prepare_cell
from ocr_pipeline.recognition.handwriting import (
    SAME_SHEET,
    Cells,
    Fingerprint,
    box_likeness,
    fingerprint,
    likeness,
)
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.synthesis.fill import fill_page, write_station
from ocr_pipeline.synthesis.handwriting import random_writer
from ocr_pipeline.synthesis.photograph import photograph
from ocr_pipeline.synthesis.presets import Level, random_settings
from ocr_pipeline.synthesis.results import random_results
from ocr_pipeline.values import Floats, Grey

HARSH = frozenset({"blur_2.2", "motion_9"})
"""Degradations that smear strokes by a tenth of a box and more."""
LEVELS: tuple[Level, ...] = ("easy", "medium", "hard")
DRAW_PX_PER_MM = 3.0
SEED = 20240214
_CROP_PX = 48
_FRAME_SHARE = 1.2
_SYMBOLS = "0123456789X"
_NEIGHBOURS = 4


class Shown(NamedTuple):
    """One photo's handwriting: which sheet it shows, the printed page, what was done to it, and what is written."""

    sheet: str
    page: str
    kind: str
    hand: Fingerprint | None
    written: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Pairs of one kind: their likeness, and on how many sheets; 0 sheets where crops were put together."""

    kind: str
    sheets: int
    values: Floats

    @property
    def called_same(self) -> int:
        """Pairs at or above :data:`SAME_SHEET`."""
        return int((self.values >= SAME_SHEET).sum())

    def text(self) -> str:
        """One line of a Markdown table."""
        if not len(self.values):
            return f"| {self.kind} | {self.sheets} | 0 | | | | | |"
        low, few, middle, many, high = np.quantile(self.values, (0, 0.01, 0.5, 0.99, 1))
        share = f"{self.called_same} ({100 * self.called_same / len(self.values):.1f} %)"
        if not self.called_same and self.sheets:
            # Pairs share sheets: as many trials as there are pairs without a sheet in common.
            share += f", bound {100 * clopper_pearson_upper(0, self.sheets // 2):.2f} %"
        return (
            f"| {self.kind} | {self.sheets} | {len(self.values)} | {low:.2f} | {few:.2f} | {middle:.2f} | {many:.2f} "
            f"| {high:.2f} | {share} |"
        )


def real_photos(reader: Reader, labels: Path, folder: Path) -> list[Shown]:
    """Labelled photos of the library's forms and their degraded copies, read; refused ones are left out."""
    copies = degrade_dataset(labels, folder, form_ids())
    shown = []
    for file, base in ((labels, labels.parent), (copies, folder)):
        for line in file.read_text(encoding="utf-8").splitlines():
            label = json.loads(line)
            if label.get("form") not in form_ids() or label.get("expect") == "rejected":
                continue
            (result,) = reader.read_file(str(base / label["file"]))
            if result.read.form is not None:
                sheet, kind = label.get("original", label["file"]), label.get("degradation", "photo")
                written = "".join(label["as_written"][field] for field in result.read.numbers)
                page = f"{result.read.form}/{result.read.page}"
                shown.append(Shown(sheet, page, kind, result.fingerprint, written))
    return shown


def drawn_photos(reader: Reader, form: FormDefinition, page: Page, stations: int) -> list[Shown]:
    """For each station two photos of one sheet (``first``, ``second``) and one of another hand's (``other``)."""
    shown = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "photo.jpg"
        for seed in range(stations):
            for sheet, kind, jpeg in _drawn_station(form, page, seed):
                path.write_bytes(jpeg)
                (result,) = reader.read_file(str(path))
                if result.read.page == page.page:
                    shown.append(Shown(f"{seed}{sheet}", str(seed), kind, result.fingerprint))
    return shown


def _drawn_station(form: FormDefinition, page: Page, seed: int) -> Iterator[tuple[str, str, bytes]]:
    rng = np.random.default_rng([SEED, page.page, seed])
    writer = random_writer(rng)
    other = replace(random_writer(rng), filler=writer.filler)
    values = random_results(form, rng)
    for sheet, hand, kinds in (("a", writer, ("first", "second")), ("b", other, ("other",))):
        station = write_station(form, values, hand, rng)
        picture = draw_page(page, DRAW_PX_PER_MM)
        fill_page(picture, DRAW_PX_PER_MM, page, station, rng)
        for kind in kinds:
            settings = random_settings(LEVELS[int(rng.integers(len(LEVELS)))], rng)
            yield sheet, kind, photograph(picture, DRAW_PX_PER_MM, settings, rng).encode()


def pairs(shown: Sequence[Shown], kind: str, wanted: Callable[[Shown, Shown], bool]) -> Row:
    """Likeness of all pairs of one printed page that are wanted; photos without a fingerprint are left out."""
    chosen = [
        (a, b)
        for a, b in itertools.combinations(shown, 2)
        if a.page == b.page and a.hand is not None and b.hand is not None and wanted(a, b)
    ]
    values = [likeness(a.hand, b.hand) for a, b in chosen if a.hand is not None and b.hand is not None]
    sheets = {one.sheet for pair in chosen for one in pair}
    return Row(kind, len(sheets), np.array(values, np.float64))


class BoxCrops:
    """Real box crops of many hands, each brought to where the reader would have cut it."""

    def __init__(self, archive: Path) -> None:
        self._block: list[str] = []
        self._cells: list[Cells] = []
        self._of: dict[str, list[int]] = {symbol: [] for symbol in _SYMBOLS}
        with zipfile.ZipFile(archive) as opened, opened.open("labels.csv") as table:
            for line in csv.DictReader(TextIOWrapper(table, encoding="utf-8")):
                if line["label"] in self._of:
                    grey = cv2.imdecode(np.frombuffer(opened.read(line["file"]), np.uint8), cv2.IMREAD_GRAYSCALE)
                    self._of[line["label"]].append(len(self._cells))
                    self._block.append(line["block"])
                    self._cells.append(prepare_cell(around_frame(np.asarray(grey, np.uint8))))

    def __len__(self) -> int:
        return len(self._cells)

    def rows(self, boxes: int, count: int) -> list[Row]:
        """Pairs of put-together pages with equal symbols: two hands, the likest of five hands, and mostly one hand."""
        rng = np.random.default_rng([SEED, boxes])
        two, likest, one = [], [], []
        for _ in range(count):
            symbols = [_SYMBOLS[int(k)] for k in rng.integers(0, len(_SYMBOLS), boxes)]
            here, there = _two_places(rng)
            page = [self._near(s, here, rng) for s in symbols]
            two.append(self._likeness(page, [self._near(s, there, rng) for s in symbols]))
            one.append(self._likeness(page, [self._next(i, s) for i, s in zip(page, symbols, strict=True)]))
            likest.append(self._likeness(page, self._likest(page, symbols, rng)))
        named = {"two hands": two, "likest of 5 others in each box": likest, "neighbours, often one hand": one}
        return [Row(f"{boxes} boxes, {kind}", 0, np.array(v, np.float64)) for kind, v in named.items()]

    def _near(self, symbol: str, place: float, rng: np.random.Generator) -> int:
        own = self._of[symbol]
        at = round(place * (len(own) - 1)) + int(rng.integers(-_NEIGHBOURS, _NEIGHBOURS + 1))
        return own[min(max(at, 0), len(own) - 1)]

    def _next(self, index: int, symbol: str) -> int:
        own = self._of[symbol]
        return own[(own.index(index) + 1) % len(own)]

    def _likest(self, page: Sequence[int], symbols: Sequence[str], rng: np.random.Generator) -> list[int]:
        """In each box the likest of five crops of the same symbol from other blocks of the archive."""
        best, chosen = [-1.0] * len(page), list(page)
        mine = self._fingerprint(page)
        for _ in range(5):
            others = [self._elsewhere(i, s, rng) for i, s in zip(page, symbols, strict=True)]
            theirs = self._fingerprint(others)
            if mine is None or theirs is None:
                continue
            for box, alike in box_likeness(mine, theirs).items():
                if alike > best[box]:
                    best[box], chosen[box] = alike, others[box]
        return chosen

    def _elsewhere(self, index: int, symbol: str, rng: np.random.Generator) -> int:
        other = index
        while self._block[other] == self._block[index]:
            other = self._of[symbol][int(rng.integers(len(self._of[symbol])))]
        return other

    def _fingerprint(self, page: Sequence[int]) -> Fingerprint | None:
        return fingerprint("boxes/1", [self._cells[i] for i in page])

    def _likeness(self, one: Sequence[int], other: Sequence[int]) -> float:
        a, b = self._fingerprint(one), self._fingerprint(other)
        return likeness(a, b) if a is not None and b is not None else 0.0


def _two_places(rng: np.random.Generator) -> tuple[float, float]:
    here, there = rng.random(2)
    while abs(here - there) < 0.1:
        there = rng.random()
    return float(here), float(there)


def around_frame(grey: Grey) -> Grey:
    """Cut a crop again so that its printed frame lies where :mod:`ocr_pipeline.cells.boxes` puts it."""
    picture = grey.astype(np.float32)
    height, width = picture.shape
    dark = np.clip(cv2.GaussianBlur(picture, (0, 0), max(height, width) / 4) - picture, 0, None)
    across = _edges(dark[height // 5 : height - height // 5].mean(0))
    down = _edges(dark[:, width // 5 : width - width // 5].mean(1))
    matrix = np.zeros((2, 3))
    for axis, (low, high) in enumerate((across, down)):
        scale = _CROP_PX / (_FRAME_SHARE * (high - low))
        matrix[axis, axis], matrix[axis, 2] = scale, (_CROP_PX - 1) / 2 - scale * (low + high) / 2
    cut = cv2.warpAffine(picture, matrix, (_CROP_PX, _CROP_PX), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(np.rint(cut), 0, 255), np.uint8)


def _edges(profile: Floats) -> tuple[int, int]:
    """Darkest place in the first and in the last three tenths of a profile."""
    smooth = np.convolve(profile, (0.25, 0.5, 0.25), "same")
    share = max(1, round(0.3 * len(smooth)))
    return int(smooth[:share].argmax()), len(smooth) - share + int(smooth[-share:].argmax())


def boxes_found(shown: Sequence[Shown]) -> str:
    """How many written and how many empty boxes count as handwriting, in words."""
    counts = {True: [0, 0], False: [0, 0]}
    for one in shown:
        found = set() if one.hand is None else box_likeness(one.hand, one.hand).keys()
        for i, symbol in enumerate(one.written):
            counts[symbol != "_"][i in found] += 1
    (missed, hit), (clean, wrong) = counts[True], counts[False]
    return f"handwriting found in {hit} of {hit + missed} written boxes and in {wrong} of {clean + wrong} empty ones"


def measure_real(reader: Reader, labels: Path) -> list[Row]:
    """Rows of the real photos and their copies; prints how many boxes were found to be written."""
    with tempfile.TemporaryDirectory() as folder:
        shown = real_photos(reader, labels, Path(folder))
    refused = sum(one.hand is None for one in shown)
    print(f"{len(shown)} real photos and copies read, {refused} without a fingerprint; {boxes_found(shown)}")

    def harsh(a: Shown, b: Shown) -> bool:
        return bool({a.kind, b.kind} & HARSH)

    return [
        pairs(shown, "real, one sheet, mild copies", lambda a, b: a.sheet == b.sheet and not harsh(a, b)),
        pairs(shown, "real, one sheet, blur 2.2 or motion 9", lambda a, b: a.sheet == b.sheet and harsh(a, b)),
        pairs(shown, "real, two sheets", lambda a, b: a.sheet != b.sheet and a.kind == b.kind == "photo"),
        pairs(shown, "real, two sheets, copies too", lambda a, b: a.sheet != b.sheet),
    ]


def measure_drawn(reader: Reader, stations: int) -> list[Row]:
    """Rows of drawn stations, page by page of every form."""
    rows = []
    for form in (load_form(form_id) for form_id in form_ids()):
        for page in form.pages:
            shown = drawn_photos(reader, form, page, stations)
            name = f"drawn page {page.page}"
            rows += [
                pairs(shown, f"{name}, one sheet", lambda a, b: a.sheet == b.sheet),
                pairs(shown, f"{name}, equal numbers, two hands", lambda a, b: a.sheet != b.sheet),
            ]
    return rows


def cost_ms(boxes: int, runs: int = 200) -> tuple[float, float]:
    """Median milliseconds of taking the fingerprint of so many written boxes, and of comparing two."""
    rng = np.random.default_rng(SEED)
    cells = list(rng.random((boxes, 40, 40), dtype=np.float32))
    hand = fingerprint("boxes/1", cells)
    assert hand is not None
    return _median_ms(lambda: fingerprint("boxes/1", cells), runs), _median_ms(lambda: likeness(hand, hand), runs)


def _median_ms(run: Callable[[], object], runs: int) -> float:
    took = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        took.append((time.perf_counter() - start) * 1000)
    return float(np.median(took))


def main(arguments: Iterable[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description="How alike the handwriting of one sheet and of two sheets is.")
    parser.add_argument("labels", type=Path, help="labels file of real photos")
    parser.add_argument("--boxes", type=Path, help="archive of real box crops with labels.csv")
    parser.add_argument("--stations", type=int, default=30, help="drawn stations for each page")
    parser.add_argument("--pages", type=int, default=4000, help="pairs of put-together pages")
    given = parser.parse_args(None if arguments is None else list(arguments))
    reader = Reader.load()
    rows = [*measure_real(reader, given.labels), *measure_drawn(reader, given.stations)]
    if given.boxes is not None:
        crops = BoxCrops(given.boxes)
        print(f"{len(crops)} box crops")
        for boxes in (6, 9, 18):
            rows += crops.rows(boxes, given.pages)
    print(f"| pairs | sheets | n | least | 1 % | median | 99 % | most | called one sheet (>= {SAME_SHEET:.2f}) |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(row.text())
    for boxes in (9, 36, 66):
        taken, compared = cost_ms(boxes)
        print(f"{boxes} boxes: {taken:.2f} ms to take, {compared:.2f} ms to compare")
    return 0


if __name__ == "__main__":
    sys.exit(main())
