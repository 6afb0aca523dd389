from dataclasses import replace

from ocr_pipeline.authoring.lookalike import ALIKE, find_lookalikes, likeness
from ocr_pipeline.forms.library import form_ids, load_form
from tests.authoring.pages import INVENTED, WALL


def test_a_page_is_like_itself_wherever_the_page_begins() -> None:
    page = WALL.page(2)
    moved = replace(page, rules=tuple(replace(r, at_mm=r.at_mm * 0.8 + 30) for r in page.rules), numbers=())
    assert likeness(page, page) > 0.999
    assert likeness(replace(page, numbers=()), moved) > 0.98


def test_a_copy_of_a_shipped_form_is_noticed() -> None:
    copy = replace(WALL, id="salinan-saya", pages=(WALL.page(3),))
    (found,) = find_lookalikes(copy, [load_form(form_id) for form_id in form_ids()])
    assert (found.page, found.other_form, found.other_page) == (3, WALL.id, 3)


def test_forms_of_different_kinds_are_not_alike() -> None:
    assert find_lookalikes(INVENTED, [load_form(form_id) for form_id in form_ids()]) == []
    assert likeness(WALL.page(1), WALL.page(2)) < ALIKE
