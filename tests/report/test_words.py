from typing import get_args

import pytest

from ocr_pipeline.errors import REASONS
from ocr_pipeline.forms.library import form_ids, load_form
from ocr_pipeline.forms.rules import PARAMS
from ocr_pipeline.values import Channel, Decision, Outcome, TpsRead, Verdict, Why
from service.report.view import view_page, view_tps
from service.report.words import (
    CHANNEL,
    DECISION,
    OUTCOME,
    VERDICT,
    WHY,
    next_step,
    percent,
    reason_words,
    rule_text,
    rule_words,
    value_text,
)
from tests.cli.fake_reader import number, page_read, rejected


def test_every_code_has_words_in_both_languages() -> None:
    for table, codes in ((WHY, Why), (OUTCOME, Outcome), (DECISION, Decision), (VERDICT, Verdict), (CHANNEL, Channel)):
        assert set(table) == set(get_args(codes))
        for words in table.values():
            assert words.id
            assert words.en
            assert words.id != words.en
    for reason in REASONS:
        assert reason_words(reason).id != reason_words(reason).en


def test_no_value_is_a_dash_and_not_0() -> None:
    assert value_text(None) == "–"
    assert value_text(0) == "0"


@pytest.mark.parametrize(("p", "text"), [(1.0, "100 %"), (0.99999, "99.9 %"), (0.5, "50.0 %"), (0.0, "0.0 %")])
def test_only_certainty_is_100_percent(p: float, text: str) -> None:
    assert percent(p) == text


def test_next_step_says_what_to_do() -> None:
    assert "1 angka" in next_step(page_read("a.jpg")).id
    assert "the 1 number marked" in next_step(page_read("a.jpg")).en
    assert next_step(page_read("a.jpg", (number("paslon_1", 1, "XX1"),))).en == "Nothing to do."
    assert next_step(rejected("a.jpg", "glare")) == reason_words("glare")


def test_every_rule_of_every_form_can_be_said() -> None:
    for form in map(load_form, form_ids()):
        for rule in form.rules:
            words = rule_words(rule, form, dict.fromkeys(rule.fields, 7))
            assert words.id.count("[7]") == len(rule.fields)
            assert words.en.count("[7]") == len(rule.fields)
            assert all(field in rule_text(rule, str) for field in rule.fields)
    assert {rule.kind for form in map(load_form, form_ids()) for rule in form.rules} <= set(PARAMS)


def test_an_undecided_number_stays_open_in_a_rule() -> None:
    form = load_form("c-hasil-ppwp-2024")
    rule = next(r for r in form.rules if r.id == "sah_total")

    said = rule_words(rule, form, {"sah": 203, "total": 211})

    assert said.id == "Suara sah [203] + Suara tidak sah [?] = Suara sah dan tidak sah [211]"


def test_reasons_that_all_numbers_share_are_found() -> None:
    numbers = (
        number("sah", 1, "XX1", why=("unmeasured",)),
        number("tidak_sah", 2, "XX2", why=("low_confidence", "unmeasured")),
    )

    view = view_page(page_read("a.jpg", numbers, page=3))

    assert view.shared_why == (WHY["unmeasured"],)


def test_rules_that_need_other_pages_are_only_counted() -> None:
    view = view_page(page_read("a.jpg"))

    assert view.rules.rules == ()
    assert view.rules.elsewhere == 1


def test_numbers_of_a_station_that_wait_stand_under_each_of_their_reasons() -> None:
    read = TpsRead(("a.jpg",), "c-hasil-ppwp-2024", page_read("a.jpg").numbers, (), "incomplete")

    view = view_tps(read)

    assert view.accepted == 2
    assert {words: [n.field for n in numbers] for words, numbers in view.reasons.items()} == {
        WHY["low_confidence"]: ["paslon_2"],
        WHY["channels_disagree"]: ["paslon_2"],
    }
