"""Which real photos something in Turus has seen, so that figures on them are told apart from figures on others.

``seen.csv`` names them by folder and file; a photo that is not named there was never seen.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class Seen:
    """What has seen a photo.

    Attributes:
        digits: the digit model: boxes of this form are in its training or its calibration.
        definition: the form's definition: the photo is of those from which its geometry was measured.
        constants: thresholds and constants of the reader, which were chosen with the photo in view.
    """

    digits: bool = False
    definition: bool = False
    constants: bool = False


def seen_by(file: str) -> Seen:
    """What has seen a photo, by the last two parts of its path (``c1-ppwp-2014/ok.jpg``)."""
    return _list().get("/".join(PurePath(file).parts[-2:]), Seen())


@cache
def _list() -> Mapping[str, Seen]:
    text = (files("ocr_pipeline.evaluation") / "seen.csv").read_text(encoding="utf-8")
    return {
        row["file"]: Seen(*(row[name] == "x" for name in ("digits", "definition", "constants")))
        for row in csv.DictReader(text.splitlines())
    }
