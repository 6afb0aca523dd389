"""One HTML file that shows readings to people: opened from disk, it loads nothing and sends nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from ocr_pipeline import __version__
from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.cv import Pixels
from ocr_pipeline.values import PageRead, TpsRead
from service.report.crops import crop_number, jpeg_bytes
from service.report.overlay import draw_overlay
from service.report.pictures import as_jpeg, colour_photo, data_uri, limit_size
from service.report.view import PageView, TpsView, view_page, view_tps
from service.report.words import OUTCOME, alternative_words, elsewhere_words, station_words

if TYPE_CHECKING:
    from ocr_pipeline.reader import PageResult

OVERLAY_PX = 1400
"""Longest side of the pictures inside the page: readable when enlarged on a phone, about 250 kB each."""


def templates() -> Environment:
    """The reports' templates; everything put into them is escaped."""
    return Environment(
        loader=PackageLoader("service.report", "templates"),
        # Always: the templates end in .j2, and a file name can hold any character.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True, slots=True)
class PageCard:
    """One photo of the report: its words and its pictures.

    Attributes:
        view: the reading in words.
        read: the reading.
        overlay: ``data:`` address of the overlay picture, or ``None`` where the photo cannot be decoded.
        crops: field -> ``data:`` address of the number's boxes, its words line below them.
    """

    view: PageView
    read: PageRead
    overlay: str | None
    crops: dict[str, str]


def make_card(result: "PageResult") -> PageCard:
    """Prepares one reading for :func:`render_report`; decodes its photo once more, in colour."""
    read = result.read
    try:
        photo = colour_photo(read.photo)
    except PhotoRejected:
        return PageCard(view_page(read), read, None, {})
    drawn = np.asarray(draw_overlay(photo, result))
    overlay = limit_size(np.asarray(cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), np.uint8), OVERLAY_PX)
    crops = number_crops(photo, read)
    return PageCard(view_page(read), read, data_uri(as_jpeg(overlay, 75)), crops)


def number_crops(photo: Pixels, read: PageRead) -> dict[str, str]:
    """The ``data:`` address of each number's crop.

    Args:
        photo: shape (height, width, 3), uint8, blue-green-red, photo frame.
        read: its reading.
    """
    picture = Image.fromarray(np.ascontiguousarray(photo[..., ::-1]))
    crops = {field: crop_number(picture, n.quad_photo, n.words_quad_photo) for field, n in read.numbers.items()}
    return {field: data_uri(jpeg_bytes(crop)) for field, crop in crops.items()}


def render_report(cards: Sequence[PageCard], stations: Iterable[TpsRead] = ()) -> str:
    """The report as one HTML document, Indonesian first.

    Args:
        cards: the photos, in the order to show them.
        stations: polling stations whose pages were decided together.
    """
    tps: list[TpsView] = [view_tps(station) for station in stations]
    return (
        templates()
        .get_template("report.html.j2")
        .render(
            cards=cards,
            tps=tps,
            alternative_words=alternative_words,
            elsewhere_words=elsewhere_words,
            station_words=station_words,
            outcomes=OUTCOME,
            counts=Counter(card.read.outcome for card in cards),
            version=__version__,
        )
    )
