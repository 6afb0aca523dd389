import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_pipeline.forms.library import form_ids, load_form
from ocr_pipeline.forms.loading import parse_definition
from ocr_pipeline.synthesis.results import ResultsError, random_results
from ocr_pipeline.synthesis.settle import capacity
from tests.forms.text import spoilt

FORM = load_form("c-hasil-ppwp-2024")


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_every_rule_holds_and_figures_fit_their_boxes_and_tally_grids(seed: int) -> None:
    values = random_results(FORM, np.random.default_rng(seed))
    assert set(values) == {number.field for number in FORM.numbers}
    assert [rule.id for rule in FORM.rules if rule.check(values) is not True] == []
    for number in FORM.numbers:
        assert 0 <= values[number.field] <= number.largest
        if number.tally is not None:
            assert values[number.field] <= 5 * (len(number.tally.x_mm) - 1) * (len(number.tally.y_mm) - 1)


@pytest.mark.parametrize("form_id", form_ids())
def test_every_form_of_the_library_gets_figures_that_obey_its_own_rules(form_id: str) -> None:
    form = load_form(form_id)
    for seed in range(5):
        values = random_results(form, np.random.default_rng(seed))
        assert list(values) == [number.field for number in form.numbers]
        assert [rule.id for rule in form.rules if rule.check(values) is not True] == []
        assert all(0 <= values[number.field] <= capacity(number) for number in form.numbers)


def test_moved_in_voters_of_a_regional_election_are_counted_under_their_own_name() -> None:
    form = load_form("c-hasil-kwk-2020")
    found = [random_results(form, np.random.default_rng(seed)) for seed in range(20)]
    assert {values["pengguna_dpph_j"] for values in found} > {0, 1}
    assert max(values["dpt_j"] for values in found) > 400  # up to 500 voters a station in 2020


def test_a_form_with_names_of_its_own_gets_figures_too() -> None:
    form = parse_definition(spoilt(), "uji")
    found = [random_results(form, np.random.default_rng(seed)) for seed in range(30)]
    # The tally grid of a holds 10, and b is at most a.
    assert {values["a"] for values in found} <= set(range(11))
    assert all(values["b"] <= values["a"] for values in found)
    assert len({values["b"] for values in found}) > 3


def test_rules_that_contradict_each_other_are_said_to() -> None:
    rule = 'kind = "at_most"\nseverity = "error"\nterms = ["b"]\ntotal = "a"'
    positive = '[[rules]]\nid = "b_ada"\ncode = "S4"\nkind = "positive"\nseverity = "warning"\nterms = ["a"]\n'
    text = spoilt(("max = 300", "max = 0"), (rule, f"{rule}\n\n{positive}"))
    with pytest.raises(ResultsError, match="uji"):
        random_results(parse_definition(text, "uji"), np.random.default_rng(1))
