from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.forms.library import load_form
from ocr_pipeline.synthesis.results import ResultsError, random_results

FORM = load_form("c-hasil-ppwp-2024")


@given(st.integers(0, 2**32 - 1))
def test_every_rule_and_warning_of_the_form_holds(seed: int) -> None:
    values = random_results(FORM, np.random.default_rng(seed))
    assert set(values) == {number.field for number in FORM.numbers}
    assert [rule.id for rule in FORM.rules if rule.check(values) is not True] == []


@given(st.integers(0, 2**32 - 1))
def test_figures_fit_their_boxes_and_tally_grids(seed: int) -> None:
    values = random_results(FORM, np.random.default_rng(seed))
    for number in FORM.numbers:
        assert 0 <= values[number.field] <= number.largest
        if number.tally is not None:
            assert values[number.field] <= 5 * (len(number.tally.x_mm) - 1) * (len(number.tally.y_mm) - 1)


def test_a_field_nobody_can_tell_a_story_about_is_refused() -> None:
    page = FORM.page(3)
    strange = replace(page, numbers=(replace(page.numbers[0], field="bunga"),))
    with pytest.raises(ResultsError, match="bunga"):
        random_results(replace(FORM, pages=(strange,)), np.random.default_rng(1))
