"""Variants of a form that bear the same tag: the tag names the form, its lines the variant."""

import re

import pytest

from ocr_pipeline.forms import library
from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.forms.loading import parse_definitions
from ocr_pipeline.registration.model import PageModel
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.register import register
from ocr_pipeline.synthesis import SynthesisSettings, synthesize
from tests.registration.shots import EASY, grey_of

TAG = 'tag = { family = "36h10", id = 300, quad_mm = [[526, 139], [494, 139], [494, 107], [526, 107]] }'


def tagged_variants() -> tuple[FormDefinition, ...]:
    text = (library._FOLDER / "c-hasil-kwk-2020.toml").read_text(encoding="utf-8")
    return parse_definitions(re.sub(r"^(size_mm = .*)$", rf"\1\n{TAG}", text, count=1, flags=re.MULTILINE), "tagged")


FORMS = tagged_variants()
MODELS = tuple(PageModel(form.id, page) for form in FORMS for page in form.pages)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: str(form.id))
def test_a_tag_that_variants_share_does_not_name_one_of_them(form: FormDefinition) -> None:
    shot = synthesize(form, [1], 7, SynthesisSettings(photo=EASY))[0].shot
    fit = register(Pyramid(grey_of(shot)), MODELS)
    assert (fit.model.form_id, fit.confirmed) == (form.id, True)
