import pytest

from ocr_pipeline.errors import DefinitionError
from ocr_pipeline.forms.definition import Box
from ocr_pipeline.forms.loading import parse_definition
from ocr_pipeline.synthesis.draw import draw_page
from tests.forms.text import SOUND


def with_fills(rows: str) -> str:
    return SOUND.replace("texts = [", f"fills = {rows}\ntexts = [", 1)


def test_a_filled_area_is_read_enlarged_and_drawn_where_it_says() -> None:
    page = parse_definition(with_fills("[[100, 120, 50, 10, 30]]"), "uji.toml").page(1)
    assert [(fill.area, fill.grey) for fill in page.fills] == [(Box(300, 360, 150, 30), 30)]
    picture = draw_page(page, 1.0)
    assert (picture[361:389, 301:449] == 30).all()
    assert (picture[355:359, 301:449] == 255).all()


@pytest.mark.parametrize("rows", ["[[180, 120, 50, 10, 30]]", "[[100, 120, 0, 10, 30]]", "[[100, 120, 50, 30]]"])
def test_a_fill_that_cannot_be_printed_is_a_named_mistake(rows: str) -> None:
    with pytest.raises(DefinitionError):
        parse_definition(with_fills(rows), "uji.toml")
