"""One definition file, several forms: ``[variants]`` and ``[[pages.columns]]``."""

import pytest

from ocr_pipeline.errors import DefinitionError
from ocr_pipeline.forms.definition import FormDefinition, Number
from ocr_pipeline.forms.loading import parse_definition, parse_definitions
from ocr_pipeline.forms.variants import ids_in
from tests.forms.text import SOUND, spoilt

COLUMNS = """
[[pages.columns]]
left = 20
width = 160
separators = [255, 285, 0.6, 28]
h_rules = [[258, -12, 12, 0.4, 28]]
v_rules = [[-12, 258, 282, 0.4, 28]]
texts = [["CALON {i} DARI {n}", 0, 284, 3, "m"]]

[[pages.rows]]
top = 120
height = 24
separators = [10, 90, 0.4, 28]
h_rules = [[1, 20, 60, 0.2, 150]]
v_rules = [[15, -2, 2, 0.2, 150]]
texts = [["HURUF {i}", 12, 1, 2, "l"]]
words = { field = "calon_{i}", area = [20, -2, 60, 4] }

[[pages.columns.numbers]]
field = "calon_{i}"
label = { id = "Calon {i}", en = "candidate {i}" }
boxes = { x = [-10, 0], y = 260, size = [9, 9] }
bubbles = { x = [-5, 5], y0 = 272, pitch = 1, diameter = 1 }
tally = { x = [-8, 0, 8], y = [283, 284] }
review_order = 3
excel_column = "Calon {i}"

[[rules]]
id = "calon_jumlah"
code = "E5"
kind = "sum"
severity = "error"
terms = ["calon_{i}", "b"]
total = "a"

[[rules]]
id = "calon_{i}_batas"
code = "R2"
kind = "at_most"
severity = "error"
terms = ["calon_{i}"]
total = "a"
"""
VARIANTS = """
[variants]
usual = 3
from = 2
to = 4

[[pages]]
page = 1
"""


def with_columns(*changes: tuple[str, str]) -> str:
    """The sound form with columns of candidates, and parts of it replaced."""
    whole = spoilt(("\n[[pages]]\npage = 1\n", VARIANTS), ("\n[[rules]]", COLUMNS + "\n[[rules]]"))
    for old, new in changes:
        assert old in whole, old
        whole = whole.replace(old, new, 1)
    return whole


def candidates(form: FormDefinition) -> list[Number]:
    return [n for n in form.numbers if n.field.startswith("calon_")]


FORMS = {len(candidates(form)): form for form in parse_definitions(with_columns(), "x")}


def test_the_usual_number_of_columns_bears_the_files_id_and_comes_first() -> None:
    forms = parse_definitions(with_columns(), "x")
    assert [form.id for form in forms] == ["uji", "uji-n2", "uji-n4"]
    assert parse_definition(with_columns(), "x") == forms[0]
    assert ids_in(with_columns(), "uji") == ("uji", "uji-n2", "uji-n4")


@pytest.mark.parametrize("count", FORMS)
def test_columns_share_the_width_and_their_content_stands_around_the_middle(count: int) -> None:
    form, factor = FORMS[count], 3.0  # 300 mm high, enlarged to 900
    middles = [20 + 160 / count * (i + 0.5) for i in range(count)]
    numbers = candidates(form)
    assert [n.boxes[0].x_mm for n in numbers] == pytest.approx([(x - 10) * factor for x in middles], abs=0.01)
    assert [n.bubbles.x_mm[1] for n in numbers if n.bubbles] == pytest.approx(
        [(x + 5) * factor for x in middles], abs=0.01
    )
    assert [n.tally.x_mm[0] for n in numbers if n.tally] == pytest.approx([(x - 8) * factor for x in middles], abs=0.01)
    edges = [r.at_mm for r in form.page(1).rules if r.axis == "v" and r.from_mm == 255 * factor]
    assert edges == pytest.approx([(20 + 160 / count * i) * factor for i in range(count + 1)], abs=0.01)
    assert sum(r.axis == "h" and r.at_mm == 258 * factor for r in form.page(1).rules) == count


@pytest.mark.parametrize("count", FORMS)
def test_rows_share_the_height_and_may_hold_the_words_of_a_number_that_stands_in_a_column(count: int) -> None:
    form, factor = FORMS[count], 3.0
    middles = [120 + 24 / count * (i + 0.5) for i in range(count)]
    words = [n.words for n in candidates(form) if n.words]
    assert [box.y_mm for box in words] == pytest.approx([(y - 2) * factor for y in middles], abs=0.01)
    assert {(box.x_mm, box.w_mm, box.h_mm) for box in words} == {(20 * factor, 60 * factor, 4 * factor)}
    rules = form.page(1).rules
    edges = [r.at_mm for r in rules if r.axis == "h" and (r.from_mm, r.to_mm) == (10 * factor, 90 * factor)]
    assert edges == pytest.approx([(120 + 24 / count * i) * factor for i in range(count + 1)], abs=0.01)
    inside = [r.at_mm for r in rules if r.axis == "h" and r.from_mm == 20 * factor]
    assert inside == pytest.approx([(y + 1) * factor for y in middles], abs=0.01)
    stubs = [r.from_mm for r in rules if r.axis == "v" and r.at_mm == 15 * factor]
    assert stubs == pytest.approx([(y - 2) * factor for y in middles], abs=0.01)
    texts = {t.text: t.y_mm for t in form.page(1).texts}
    assert [texts[f"HURUF {i + 1}"] for i in range(count)] == pytest.approx(
        [(y + 1) * factor for y in middles], abs=0.01
    )


def test_names_labels_and_words_carry_the_number_of_the_column_and_of_all_columns() -> None:
    form = FORMS[2]
    assert [(n.field, n.label_id, n.excel_column, n.review_order) for n in candidates(form)] == [
        ("calon_1", "Calon 1", "Calon 1", 3),
        ("calon_2", "Calon 2", "Calon 2", 4),
    ]
    assert {t.text for t in form.page(1).texts} >= {"CALON 1 DARI 2", "CALON 2 DARI 2"}


def test_a_rule_named_by_column_is_repeated_and_a_sum_takes_all_columns() -> None:
    rules = {rule.id: rule for rule in FORMS[4].rules}
    assert rules["calon_jumlah"].terms == ("calon_1", "calon_2", "calon_3", "calon_4", "b")
    assert [rules[f"calon_{i}_batas"].terms for i in range(1, 5)] == [(f"calon_{i}",) for i in range(1, 5)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("usual = 3", "usual = 5", "from <= usual"),
        ("usual = 3", 'usual = "3"', "whole numbers"),
        ("usual = 3\n", "", "usual is missing"),
        ("to = 4", "to = 4\nstep = 2", "step is not a key"),
        ("left = 20", "left = 20\nright = 180", "right is not a key"),
        ("width = 160\n", "", "width is missing"),
        ("top = 120", "left = 120", "left is not a key"),
        ("[60, 10, 190", "[60, 10, 290", "leaves the page"),
    ],
)
def test_a_mistake_is_explained_once(old: str, new: str, said: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_definitions(with_columns((old, new)), "x")
    assert [said in problem for problem in caught.value.problems] == [True]


def test_a_mistake_of_one_variant_names_it() -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_definitions(
            with_columns(
                ("x = [-10, 0], y", "x = [-24, -10, 5, 15], y"),
                ("bubbles = { x = [-5, 5]", "bubbles = { x = [-5, 5, 6, 7]"),
            ),
            "x",
        )
    assert caught.value.problems
    assert all(problem.startswith("uji-n4: ") for problem in caught.value.problems)


def test_columns_without_variants_are_no_key() -> None:
    with pytest.raises(DefinitionError, match="columns is not a key"):
        parse_definition(with_columns((VARIANTS, "\n[[pages]]\npage = 1\n")), "x")


def test_a_file_that_cannot_be_understood_still_has_its_own_id() -> None:
    assert ids_in(SOUND, "uji") == ("uji",)
    assert ids_in("[variants]\nusual = ", "uji") == ("uji",)
