"""Pictures that are no tally form of the library: drawn page by page, and found in installed packages.

They ask one thing of the reader: no number. Many are ruled on purpose (tables, calendars, answer sheets, a tally sheet
of nobody's election), and some carry the tags that forms carry.
"""

import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from PIL import Image

from ocr_pipeline.forms.library import form_ids, load_form
from ocr_pipeline.synthesis.photograph import photograph
from ocr_pipeline.synthesis.presets import random_settings
from ocr_pipeline.values import Grey

PAGE_PX = (900, 1270)
"""Width and height of a drawn page."""
_PX_PER_MM = 3.0
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WORDS = ("suara", "sah", "tidak", "jumlah", "daftar", "pemilih", "harga", "barang", "total", "kota", "nama", "nomor")
_KINDS_OF_PICTURE = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

Draw = Callable[[Grey, np.random.Generator], None]


def drawn_non_forms(count: int, seed: int) -> Iterator[tuple[str, Grey]]:
    """Named pictures, every kind in turn; each second round of kinds is photographed from a desk or wall.

    Args:
        count: how many.
        seed: the same seed draws the same pictures.

    Yields:
        Name, and shape (h, w) or (h, w, 3), uint8.
    """
    kinds = list(NON_FORMS.items())
    for k in range(count):
        name, draw = kinds[k % len(kinds)]
        rng = np.random.default_rng([seed, k])
        page = np.full((PAGE_PX[1], PAGE_PX[0]), 255, np.uint8)
        draw(page, rng)
        if k // len(kinds) % 2:
            settings = random_settings(("easy", "medium", "hard")[k % 3], rng, long_side_px=1400)
            page = photograph(cv2.cvtColor(page, cv2.COLOR_GRAY2BGR), _PX_PER_MM, settings, rng).image  # type: ignore[arg-type]
            name += "-photo"
        yield f"{name}-{k}", page


def packaged_pictures(least_side_px: int = 150, most: int = 60) -> list[Path]:
    """Pictures that came with installed packages: photographs, diagrams, textures; sorted, the smallest left out."""
    found = []
    for path in sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*")):
        if path.suffix.lower() in _KINDS_OF_PICTURE and path.is_file():
            with suppress(OSError), Image.open(path) as picture:
                if min(picture.size) >= least_side_px:
                    found.append(path)
    return found[:most]


def _write(page: Grey, rng: np.random.Generator, x: int, y: int, words: int = 1, size: float = 0.6) -> None:
    text = " ".join(str(rng.choice(_WORDS)) if rng.random() < 0.7 else str(rng.integers(1000)) for _ in range(words))
    cv2.putText(page, text, (x, y), _FONT, size, int(rng.integers(0, 70)), 1 if size < 0.8 else 2, cv2.LINE_AA)


def _grid(page: Grey, xs: np.ndarray, ys: np.ndarray, width: int = 2) -> None:
    for x in xs:
        cv2.line(page, (int(x), int(ys[0])), (int(x), int(ys[-1])), 0, width)
    for y in ys:
        cv2.line(page, (int(xs[0]), int(y)), (int(xs[-1]), int(y)), 0, width)


def _text(page: Grey, rng: np.random.Generator) -> None:
    for y in range(80, 1200, int(rng.integers(24, 44))):
        if rng.random() < 0.9:
            _write(page, rng, 70, y, int(rng.integers(4, 9)))


def _table(page: Grey, rng: np.random.Generator) -> None:
    """Columns of several widths, as lists of voters have."""
    xs = np.r_[60, 60 + np.cumsum(rng.integers(50, 220, int(rng.integers(3, 8))))]
    ys = np.arange(140, int(rng.integers(700, 1200)), int(rng.integers(28, 60)))
    _grid(page, xs[xs < 860], ys, int(rng.integers(1, 4)))
    for y in ys[1:]:
        for x in xs[xs < 760][:-1]:
            _write(page, rng, int(x) + 6, int(y) - 8, 1, 0.45)


def _spreadsheet(page: Grey, rng: np.random.Generator) -> None:
    xs, ys = np.linspace(20, 880, int(rng.integers(8, 16))), np.linspace(40, 1240, int(rng.integers(30, 50)))
    _grid(page, xs, ys, 1)
    for y in ys[1:]:
        for x in xs[:-1]:
            if rng.random() < 0.5:
                cv2.putText(page, str(rng.integers(9999)), (int(x) + 3, int(y) - 6), _FONT, 0.4, 40, 1, cv2.LINE_AA)


def _calendar(page: Grey, rng: np.random.Generator) -> None:
    xs, ys = np.linspace(60, 840, 8), np.linspace(260, 1140, 7)
    _write(page, rng, 200, 180, 2, 1.6)
    _grid(page, xs, ys)
    for day in range(35):
        corner = (int(xs[day % 7]) + 12, int(ys[min(day // 7, 5)]) + 40)
        cv2.putText(page, str(day % 31 + 1), corner, _FONT, 1, 20, 2, cv2.LINE_AA)


def _chess(page: Grey, rng: np.random.Generator) -> None:
    side = int(rng.integers(50, 100))
    for row in range(8):
        for column in range(8):
            corner = (60 + column * side, 200 + row * side)
            cv2.rectangle(page, corner, (corner[0] + side, corner[1] + side), 30 if (row + column) % 2 else 235, -1)


def _keyboard(page: Grey, rng: np.random.Generator) -> None:
    page[:] = 60
    for row in range(6):
        for column in range(13):
            x, y = 30 + column * 65 + row * 8, 350 + row * 80
            cv2.rectangle(page, (x, y), (x + 54, y + 66), 25, -1)
            cv2.putText(page, chr(65 + int(rng.integers(26))), (x + 14, y + 40), _FONT, 0.8, 230, 2, cv2.LINE_AA)


def _bricks(page: Grey, rng: np.random.Generator) -> None:
    page[:] = 200
    height = int(rng.integers(40, 80))
    for row, y in enumerate(range(0, 1270, height)):
        for x in range(-150 + 75 * (row % 2), 900, 150):
            cv2.rectangle(page, (x + 4, y + 4), (x + 146, y + height - 4), int(rng.integers(90, 150)), -1)


def _tiles(page: Grey, rng: np.random.Generator) -> None:
    page[:] = 225
    side = int(rng.integers(60, 200))
    _grid(page, np.arange(0, 901, side), np.arange(0, 1271, side), int(rng.integers(2, 6)))


def _stripes(page: Grey, rng: np.random.Generator) -> None:
    step = int(rng.integers(10, 60))
    for at in range(0, 1270, step):
        cv2.line(page, (0, at), (899, at + int(rng.integers(-2, 3))), int(rng.integers(0, 120)), max(step // 4, 1))


def _gradient(page: Grey, rng: np.random.Generator) -> None:
    low, high = sorted(rng.integers(0, 255, 2))
    page[:] = np.linspace(low, high, page.shape[0]).astype(np.uint8)[:, None]


def _noise(page: Grey, rng: np.random.Generator) -> None:
    size = int(rng.integers(1, 24))
    small = rng.integers(0, 255, (1270 // size + 1, 900 // size + 1), dtype=np.uint8)
    page[:] = cv2.resize(small, PAGE_PX, interpolation=cv2.INTER_CUBIC)


def _qr(page: Grey, rng: np.random.Generator) -> None:
    code = cv2.QRCodeEncoder.create().encode("https://example.org/" + "x" * int(rng.integers(1, 120)))
    side = int(rng.integers(200, 700))
    page[200 : 200 + side, 100 : 100 + side] = cv2.resize(code, (side, side), interpolation=cv2.INTER_NEAREST)
    _write(page, rng, 100, 1100, 4)


def _tags(page: Grey, rng: np.random.Generator) -> None:
    """A sheet of markers of other makes, as for calibrating cameras."""
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_6X6_250)
    for row in range(5):
        for column in range(4):
            marker = cv2.aruco.generateImageMarker(dictionary, int(rng.integers(250)), 140)
            x, y = 80 + column * 195, 90 + row * 220
            page[y : y + 140, x : x + 140] = marker


def _own_tag(page: Grey, rng: np.random.Generator) -> None:
    """The very tag of a page of the library, over the lines of something else: the tag alone must not be believed."""
    tags = [p.tag for form_id in form_ids() for p in load_form(form_id).pages if p.tag is not None]
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36H10)
    (_spreadsheet if rng.random() < 0.5 else _text)(page, rng)
    page[:260] = 255
    marker = cv2.aruco.generateImageMarker(dictionary, tags[int(rng.integers(len(tags)))].id, 160)
    page[60:220, 680:840] = marker


def _receipt(page: Grey, rng: np.random.Generator) -> None:
    page[:] = 90
    page[40:1230, 250:650] = 250
    for y in range(120, 1150, 34):
        _write(page, rng, 270, y, 2, 0.5)
        cv2.putText(page, f"{rng.integers(1, 900)}.000", (550, y), _FONT, 0.5, 30, 1, cv2.LINE_AA)


def _answer_sheet(page: Grey, rng: np.random.Generator) -> None:
    """Numbered rows of bubbles, some of them filled."""
    for column in range(3):
        for row in range(30):
            y = 130 + row * 36
            cv2.putText(page, str(column * 30 + row + 1), (50 + column * 280, y + 6), _FONT, 0.5, 0, 1, cv2.LINE_AA)
            chosen = int(rng.integers(5))
            for letter in range(5):
                centre = (110 + column * 280 + letter * 34, y)
                cv2.circle(page, centre, 12, 0, -1 if letter == chosen else 1, cv2.LINE_AA)


def _foreign_tally(page: Grey, rng: np.random.Generator) -> None:
    """A tally sheet of nobody's election: names, strokes in fives, and boxes for three digits."""
    _write(page, rng, 200, 90, 3, 1.1)
    rows = int(rng.integers(5, 14))
    ys = np.linspace(160, 1180, rows + 1)
    _grid(page, np.array([60, 330, 640, 700, 760, 820]), ys)
    for y in ys[:-1]:
        _write(page, rng, 70, int(y) + 40, 2, 0.6)
        for k in range(int(rng.integers(0, 24))):
            x = 345 + 12 * k
            cv2.line(page, (x, int(y) + 15), (x + int(rng.integers(-2, 3)), int(y) + 45), 40, 2, cv2.LINE_AA)
        for box in range(3):
            cv2.putText(page, str(rng.integers(10)), (655 + 60 * box, int(y) + 45), _FONT, 1.2, 50, 3, cv2.LINE_AA)


def _boxes(page: Grey, rng: np.random.Generator) -> None:
    """Rows of three digit boxes without anything else of a form."""
    for row in range(int(rng.integers(3, 14))):
        for box in range(3):
            x, y = 560 + 70 * box, 100 + 85 * row
            cv2.rectangle(page, (x, y), (x + 60, y + 64), 0, 2)
            cv2.putText(page, str(rng.integers(10)), (x + 16, y + 48), _FONT, 1.4, 40, 3, cv2.LINE_AA)


def _staves(page: Grey, rng: np.random.Generator) -> None:
    for top in range(100, 1150, 130):
        for line in range(5):
            cv2.line(page, (60, top + 14 * line), (840, top + 14 * line), 0, 1)
        for x in range(90, 820, 46):
            cv2.ellipse(page, (x, top + int(rng.integers(0, 60))), (9, 7), -20, 0, 360, 0, -1, cv2.LINE_AA)


def _bars(page: Grey, rng: np.random.Generator) -> None:
    at = 100
    while at < 800:
        width = int(rng.integers(2, 12))
        page[300:900, at : at + width] = 0
        at += width + int(rng.integers(2, 12))


def _graph_paper(page: Grey, rng: np.random.Generator) -> None:
    step = int(rng.integers(10, 22))
    _grid(page, np.arange(30, 880, step), np.arange(30, 1250, step), 1)
    _grid(page, np.arange(30, 880, 5 * step), np.arange(30, 1250, 5 * step), 2)


def _house(page: Grey, rng: np.random.Generator) -> None:
    page[:] = np.linspace(230, 150, page.shape[0]).astype(np.uint8)[:, None]
    for row in range(9):
        for column in range(6):
            x, y = 70 + column * 130, 120 + row * 120
            cv2.rectangle(page, (x, y), (x + 80, y + 80), int(rng.integers(30, 110)), -1)
            cv2.line(page, (x + 40, y), (x + 40, y + 80), 210, 4)


NON_FORMS: Mapping[str, Draw] = MappingProxyType(
    {
        "text": _text,
        "table": _table,
        "spreadsheet": _spreadsheet,
        "calendar": _calendar,
        "chess-board": _chess,
        "keyboard": _keyboard,
        "bricks": _bricks,
        "tiles": _tiles,
        "stripes": _stripes,
        "gradient": _gradient,
        "noise": _noise,
        "qr-code": _qr,
        "markers": _tags,
        "own-tag": _own_tag,
        "receipt": _receipt,
        "answer-sheet": _answer_sheet,
        "foreign-tally": _foreign_tally,
        "digit-boxes": _boxes,
        "music": _staves,
        "bar-code": _bars,
        "graph-paper": _graph_paper,
        "house-front": _house,
    }
)
"""Every kind that is drawn; each takes a white page of :data:`PAGE_PX` and draws on it."""
