"""Every mistake that can be said comes with its own advice, and with its line where it has one."""

import pytest

from ocr_pipeline.authoring.advice import OTHERWISE, advice_on, line_of, warnings_about
from ocr_pipeline.errors import DefinitionError
from ocr_pipeline.forms.loading import parse_definition
from tests.authoring.pages import INVENTED, WALL
from tests.forms.text import SOUND, spoilt

FIELD_A = SOUND.splitlines().index('field = "a"') + 1
RULE_A_B = SOUND.splitlines().index('id = "a_b"') + 1
LAST_RULE = SOUND.splitlines().index('id = "a_batas"') + 1

MISTAKES = [
    (("review_order = 2", "review_order = 1"), SOUND.splitlines().index("review_order = 2") + 1),
    (('excel_column = "B"', 'excel_column = "A"'), SOUND.splitlines().index('excel_column = "B"') + 1),
    (('field = "b"', 'field = "a"'), SOUND.splitlines().index('field = "b"') + 1),
    (('field = "b"', 'field = "B!"'), SOUND.splitlines().index('field = "b"') + 1),
    (('id = "a_batas"', 'id = "a_b"'), LAST_RULE),
    (('id = "uji"', 'id = "Uji Coba"'), 1),
    (("size_mm = [200, 300]", "size_mm = [0, 300]"), SOUND.splitlines().index("page = 1") + 1),
    (("boxes = { x = [20, 45], y = 220", "boxes = { x = [20, 45], y = 75"), SOUND.splitlines().index("page = 1") + 1),
    (("boxes = { x = [20, 45, 70], y = 70", "boxes = { x = [45, 20, 70], y = 70"), FIELD_A),
    (("boxes = { x = [20, 45, 70], y = 70", "boxes = { x = [], y = 70"), FIELD_A),
    (("size = [20, 20] }", "size = [0, 20] }"), FIELD_A),
    (("boxes = { x = [20, 45, 70], y = 70", "boxes = { x = [20, 45, 190], y = 70"), FIELD_A),
    (("bubbles = { x = [30, 55, 80]", "bubbles = { x = [30, 55]"), FIELD_A),
    (("tally = { x = [100, 110, 120]", "tally = { x = [100, 90, 120]"), FIELD_A),
    (("words = [100, 90, 60, 10]", "words = [100, 90, 160, 10]"), FIELD_A),
    (("[60, 10, 190, 1, 28]", "[60, 10, 290, 1, 28]"), SOUND.splitlines().index("page = 1") + 1),
    (('family = "36h10"', 'family = "36h11"'), SOUND.splitlines().index("page = 1") + 1),
    ((", [30, 20]]", "]"), SOUND.splitlines().index("page = 1") + 1),
    (('terms = ["b"]', 'terms = ["nobody"]'), RULE_A_B),
    (('terms = ["b"]', "terms = []"), RULE_A_B),
    (('terms = ["b"]', 'terms = ["b", "a"]'), RULE_A_B),
    (('total = "a"\n', ""), RULE_A_B),
    (("max = 300", 'total = "a"\nmax = 300'), LAST_RULE),
    (('kind = "at_most"', 'kind = "at_least"'), SOUND.splitlines().index("[[rules]]") + 1),
    (('severity = "error"', 'severity = "loud"'), SOUND.splitlines().index("[[rules]]") + 1),
    (("max = 300", "max = inf"), None),
    (("max = 300", "most = 300"), LAST_RULE),
    (("measured = true", 'measured = "true"'), SOUND.splitlines().index("[[pages]]") + 1),
    (("guide = true", "giude = true"), FIELD_A),
    (('"mb"]', '"x"]'), SOUND.splitlines().index("[[pages]]") + 1),
    (("review_order = 1\n", ""), FIELD_A),
    (("rev = 3", "rev = "), 2),
]


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(DefinitionError) as caught:
        parse_definition(text, "uji")
    return caught.value.problems


@pytest.mark.parametrize(("change", "line"), MISTAKES, ids=[change[1].strip() or change[0] for change, _ in MISTAKES])
def test_a_mistake_has_its_own_advice_and_its_line(change: tuple[str, str], line: int | None) -> None:
    text = spoilt(change)
    problems = problems_of(text)

    assert [p for p in problems if advice_on(p) == OTHERWISE] == []
    if line is not None:
        assert line in [line_of(p, text) for p in problems]


def test_what_nobody_foresaw_still_says_where_to_look() -> None:
    advice = advice_on("page 1, a: could not convert string to float: 'x'")
    assert "docs/forms.md" in advice.id
    assert "docs/forms.md" in advice.en


def test_clashes_with_other_forms_have_their_line() -> None:
    assert line_of("the id uji belongs to another form", SOUND) == 1
    assert (
        line_of("tag 36h10 7 belongs to other", SOUND)
        == SOUND.splitlines().index(
            'tag = { family = "36h10", id = 7, quad_mm = [[30, 40], [10, 40], [10, 20], [30, 20]] }'
        )
        + 1
    )


def test_the_library_has_nothing_to_warn_of_but_what_is_meant() -> None:
    assert [w.en for w in warnings_about([WALL])] == []


def test_a_bare_definition_is_warned_of() -> None:
    text = spoilt(('{ id = "Angka b", en = "number b" }', '{ id = "ISI: angka 2", en = "FILL IN: number 2" }'))
    # A rule half a millimetre below the boxes of b, which end at 240.
    text = text.replace("[60, 10, 190, 1, 28],", "[60, 10, 190, 1, 28],\n  [240.5, 10, 190, 1, 28],")
    text = text[: text.index("[[rules]]")]
    warnings = [w.en for w in warnings_about([parse_definition(text, "uji")])]

    assert any("b: labels are still to be filled in" in w for w in warnings)
    assert any("no rule is about a, b" in w for w in warnings)
    assert any(", b: an edge of its boxes lies beside a rule" in w for w in warnings)


def test_a_finished_form_of_one_s_own_has_no_warning() -> None:
    assert [w.en for w in warnings_about([INVENTED])] == []
