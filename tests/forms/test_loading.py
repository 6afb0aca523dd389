import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_pipeline.errors import DefinitionError
from ocr_pipeline.forms.loading import parse_definition
from tests.forms.text import SOUND, spoilt


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(DefinitionError) as caught:
        parse_definition(text, "uji.toml")
    return caught.value.problems


def test_a_sound_definition_is_read_as_written() -> None:
    form = parse_definition(SOUND.replace("[200, 300]", "[200, 900]"), "uji.toml")
    assert (form.id, form.rev, form.title_id, form.title_en) == ("uji", 3, "Formulir uji", "Test form")
    page, a, b = form.page(1), form.number("a"), form.number("b")
    assert page.size_mm == (200, 900)
    assert page.tag is not None
    assert page.tag.quad_mm[1] == (10, 40)
    assert [(r.axis, r.at_mm, r.from_mm, r.to_mm, r.width_mm, r.grey) for r in page.rules] == [
        ("h", 60, 10, 190, 1, 28),
        ("v", 10, 60, 250, 0.6, 28),
    ]
    assert [(box.x_mm, box.y_mm, box.w_mm, box.h_mm) for box in a.boxes] == [
        (20, 70, 20, 20),
        (45, 70, 20, 20),
        (70, 70, 20, 20),
    ]
    assert a.bubbles is not None
    assert a.bubbles.y_mm[9] == pytest.approx(110 + 9 * 10.5)
    assert a.guide
    assert not b.guide
    assert [b.bubbles, b.tally, b.row_totals, b.words] == [None] * 4
    assert (a.largest, b.largest) == (999, 99)
    assert form.rules[1].params == {"max": 300}
    assert page.texts[0].bold
    assert page.texts[0].anchor == "m"


def test_pages_of_every_size_are_enlarged_to_one() -> None:
    form = parse_definition(SOUND, "uji.toml")
    page, a = form.page(1), form.number("a")
    assert page.size_mm == (600, 900)
    assert page.tag is not None
    assert page.tag.quad_mm[1] == (30, 120)
    assert (page.tag.id, page.rules[0].at_mm, page.rules[0].width_mm, page.rules[0].grey) == (7, 180, 3, 28)
    assert a.boxes[1].corners_mm[0] == (135, 210)
    assert a.bubbles is not None
    assert (a.bubbles.diameter_mm, len(a.bubbles.y_mm)) == (21, 10)


def test_the_error_names_the_file_and_says_what_to_do_in_both_languages() -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_definition("id =", "uji.toml")
    assert caught.value.code == "bad_definition"
    assert "uji.toml" in caught.value.message_id
    assert "uji.toml" in caught.value.message_en
    assert "turus form check" in caught.value.message_id


def test_what_is_not_toml_is_said_to_be_so_with_the_line() -> None:
    (problem,) = problems_of("id = 'uji'\nrev = = 3\n")
    assert problem.startswith("not TOML")
    assert "line 2" in problem


ONE_MISTAKE = {
    "missing id": ((('id = "uji"\n', ""),), "form: id is missing"),
    "missing field": ((('field = "b"\n', ""),), "page 1, number 2: field is missing"),
    "missing page key": ((("measured = true\n", ""),), "page entry 1: measured is missing"),
    "missing parameter": ((("max = 300\n", ""),), "rule entry 2: max is missing"),
    "overlapping boxes": ((("x = [20, 45, 70]", "x = [20, 39, 70]"),), "page 1: a box of a overlaps a box of a"),
    "overlapping numbers": (
        (("y = 220, size", "y = 85, size"),),
        "page 1: a box of a overlaps a box of b",
    ),
    "box outside the page": ((("y = 220, size", "y = 290, size"),), "page 1, b: a box leaves the page"),
    "box without area": ((("y = 220, size = [20, 20]", "y = 220, size = [20, 0]"),), "page 1, b: a box has no area"),
    "boxes from right to left": ((("x = [20, 45], y", "x = [45, 20], y"),), "page 1, b: boxes must run from left"),
    "no boxes": ((("x = [20, 45], y", "x = [], y"),), "page 1, b: no boxes"),
    "bubble column missing": ((("x = [30, 55, 80]", "x = [30, 55]"),), "page 1, a: one bubble column a box"),
    "bubbles outside": ((("pitch = 10.5", "pitch = 25"),), "page 1, a: a bubble leaves the page"),
    "tally edges": ((("tally = { x = [100, 110, 120]", "tally = { x = [100, 120, 110]"),), "page 1, a, tally: x edges"),
    "tally outside": ((("tally = { x = [100, 110, 120]", "tally = { x = [100, 210]"),), "page 1, a, tally: leaves"),
    "row totals": ((("row_totals = { x = [130, 140]", "row_totals = { x = [130]"),), "page 1, a, row totals: x edges"),
    "words outside": ((("words = [100, 90, 60, 10]", "words = [100, 90, 160, 10]"),), "page 1, a: the words line"),
    "rule outside": ((("[60, 10, 190, 1, 28]", "[60, 10, 290, 1, 28]"),), "page 1: h rule at 60.0"),
    "tag corner missing": (((", [30, 20]]", "]"),), "page 1: the tag needs four corners"),
    "tag outside": ((("[30, 20]]", "[30, -20]]"),), "page 1: the tag leaves the page"),
    "unknown field in a rule": ((('terms = ["b"]', 'terms = ["c"]'),), "rule a_b: c is not a number of the form"),
    "unknown total": ((('total = "a"', 'total = "z"'),), "rule a_b: z is not a number of the form"),
    "a field twice in a rule": ((('terms = ["b"]', 'terms = ["a"]'),), "rule a_b: a field appears twice"),
    "wrong kind": ((('kind = "at_most"', 'kind = "at_least"'),), "rule entry 1: a_b: kind 'at_least' is not one of"),
    "wrong severity": ((('severity = "error"', 'severity = "fatal"'),), "rule entry 1: a_b: severity must be"),
    "total not needed": ((("max = 300", 'max = 300\ntotal = "b"'),), "rule a_batas: kind limit takes no total"),
    "total needed": ((('total = "a"\n', ""),), "rule a_b: kind at_most needs a total"),
    "two terms": ((('terms = ["a"]', 'terms = ["a", "b"]'),), "rule a_batas: kind limit takes one term"),
    "no terms": ((('terms = ["b"]', "terms = []"),), "rule a_b: no terms"),
    "rule twice": ((('id = "a_batas"', 'id = "a_b"'),), "rule a_b appears 2 times"),
    "field twice": ((('field = "b"', 'field = "a"'),), "field a appears 2 times"),
    "column twice": ((('excel_column = "B"', 'excel_column = "A"'),), "Excel column A appears 2 times"),
    "order twice": ((("review_order = 2", "review_order = 1"),), "review order 1 appears 2 times"),
    "wrong type": ((("y = 220, size", 'y = "atas", size'),), "page 1, number b: could not convert"),
    "text anchor": ((('5, "mb"]', '5, "x"]'),), "style must start with l, m or r"),
    "short rule row": ((("[60, 10, 190, 1, 28]", "[60, 10, 190]"),), "page entry 1: not enough values"),
    "page size": ((("size_mm = [200, 300]", "size_mm = [200, 0]"),), "page 1: size must be positive"),
}


@pytest.mark.parametrize("mistake", ONE_MISTAKE)
def test_each_mistake_is_named_with_its_place(mistake: str) -> None:
    changes, said = ONE_MISTAKE[mistake]
    assert any(said in problem for problem in problems_of(spoilt(*changes))), problems_of(spoilt(*changes))


def test_all_mistakes_are_named_at_once() -> None:
    found = problems_of(
        spoilt(
            ("x = [20, 45, 70]", "x = [20, 39, 70]"),
            ("pitch = 10.5", "pitch = 25"),
            ("y = 220, size", "y = 290, size"),
            ('excel_column = "B"', 'excel_column = "A"'),
            ("review_order = 2", "review_order = 1"),
            ('terms = ["b"]', 'terms = ["c"]'),
            ("max = 300\n", ""),
            ("[60, 10, 190, 1, 28]", "[60, 10, 290, 1, 28]"),
        )
    )
    for said in (
        "a box of a overlaps a box of a",
        "a bubble leaves the page",
        "page 1, b: a box leaves the page",
        "Excel column A appears 2 times",
        "review order 1 appears 2 times",
        "c is not a number of the form",
        "rule entry 2: max is missing",
        "h rule at 60.0",
    ):
        assert any(said in problem for problem in found), said
    assert len(found) == len(set(found)) == 8


def test_mistakes_of_two_numbers_and_two_rules_are_all_named() -> None:
    found = problems_of(
        spoilt(
            ('field = "a"\n', ""),
            ('excel_column = "B"\n', ""),
            ('kind = "at_most"', 'kind = "at_least"'),
            ('severity = "warning"', 'severity = "hint"'),
        )
    )
    assert sum("number" in p and "missing" in p for p in found) == 2
    assert sum(p.startswith("rule entry") for p in found) == 2


def test_two_pages_may_not_share_a_number_or_a_tag() -> None:
    head, _, rest = SOUND.partition("[[pages]]")
    page, _, rules = rest.partition("[[rules]]")
    numbers = page.index("[[pages.numbers]]")
    doubled = f"{head}[[pages]]{page}[[pages]]{page[:numbers]}[[rules]]{rules}"
    found = problems_of(doubled)
    assert "page 1 appears 2 times" in found
    assert "tag 36h10-7 appears 2 times" in found


@pytest.mark.parametrize("text", ["", "pages = 3\n", "pages = [1, 2]\nrules = ['x']\n", "[pages]\npage = 1\n"])
def test_something_else_altogether_is_refused(text: str) -> None:
    assert problems_of(text)


def read_or_refused(text: str) -> None:
    """Anything but a definition or a DefinitionError with problems fails the test."""
    problems: tuple[str, ...] = ("none",)
    try:
        parse_definition(text, "uji.toml")
    except DefinitionError as error:
        problems = error.problems
    assert problems


VALUES = (
    '""', '"x"', "-1", "0", "1e9", "nan", "-inf", "[]", "[[]]", "[1]", "[1, 2, 3, 4, 5, 6]", '["a", 1]', "{}",
    "{ x = [], y = [] }", "{ id = 1 }", "true", "2024-02-14", "99999999999999999999",
)  # fmt: skip


@settings(max_examples=150)
@given(st.data())
def test_a_value_of_any_other_kind_gives_a_definition_or_one_error(data: st.DataObject) -> None:
    lines = SOUND.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from([i for i, line in enumerate(lines) if " = " in line]))
        key = lines[at].partition(" = ")[0]
        lines[at] = f"{key} = {data.draw(st.sampled_from(VALUES))}"
    read_or_refused("\n".join(lines))


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_lines_lost_doubled_or_moved_give_a_definition_or_one_error(seed: int, changes: int) -> None:
    chance = random.Random(seed)
    lines = SOUND.splitlines()
    for _ in range(changes):
        at = chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, chance.choice(lines))
            case 2:
                lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
            case _:
                lines[at], lines[0] = lines[0], lines[at]
    read_or_refused("\n".join(lines))


@settings(max_examples=60)
@given(st.text(), st.integers(0, len(SOUND)))
def test_any_text_thrown_in_gives_a_definition_or_one_error(text: str, at: int) -> None:
    read_or_refused(SOUND[:at] + text + SOUND[at:])


@pytest.mark.parametrize(
    ("old", "new"), [("rev = 3", "rev = inf"), ("page = 1", "page = inf"), ("id = 7", "id = -inf")]
)
def test_infinity_where_a_whole_number_belongs_is_a_named_mistake(old: str, new: str) -> None:
    assert problems_of(spoilt((old, new)))


@pytest.mark.parametrize("value", ['"false"', "0", "[]"])
def test_measured_takes_true_or_false_only(value: str) -> None:
    """Read as "true", the text "false" would let the numbers of an unmeasured page be accepted without a person."""
    assert problems_of(spoilt(("measured = true", f"measured = {value}")))


def test_a_limit_that_is_not_a_number_is_a_named_mistake() -> None:
    assert problems_of(spoilt(("max = 300", "max = nan")))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("guide = true", "giude = true", "giude"),
        ("rev = 3", "rev = 3\nrevision = 4", "revision"),
        ("marks = ", "mark = ", "mark"),
        ("max = 300", "max = 300\nmin = 1", "min"),
    ],
)
def test_a_misspelled_key_is_named_instead_of_ignored(old: str, new: str, named: str) -> None:
    assert any(f"{named} is not a key here" in problem for problem in problems_of(spoilt((old, new))))


def test_a_tag_that_nothing_looks_for_is_named() -> None:
    assert any("36h11" in problem for problem in problems_of(spoilt(('family = "36h10"', 'family = "36h11"'))))
