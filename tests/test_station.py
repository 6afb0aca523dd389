"""Stations from stored evidence: which photo counts, and what happens where photos of one page differ."""

from collections.abc import Mapping

import pytest

from ocr_pipeline.decoding import decode
from ocr_pipeline.decoding.policy import Policy
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.station import PageEvidence, StationRead, decide_station, default_policy
from ocr_pipeline.values import NumberEvidence, Quality
from tests.decoding.build import form, mixed_logs, number, rule, seen

FORM = form([number("a"), number("b"), number("c")], [rule("jumlah", ["a", "b"], "c")])
READ = {"a": "X12", "b": "X30", "c": "X42"}
POLICY = Policy()


def photo(
    key: str,
    read: Mapping[str, str] = READ,
    *,
    placed: Mapping[str, bool] | None = None,
    quality: Quality | None = None,
    of_form: str = FORM.id,
) -> PageEvidence:
    places = placed or {}
    evidence: dict[str, NumberEvidence] = {
        field: seen(field, text, placed=places.get(field, True)) for field, text in read.items()
    }
    alone = decode(FORM, evidence, FORM.measured_fields, POLICY)
    values = {field: one.value for field, one in alone.numbers.items()}
    return PageEvidence(of_form, 1, values, evidence, quality or Quality(1, 30, 1), key)


def decide(*photos: PageEvidence) -> StationRead:
    return decide_station(photos, FORM, POLICY)


def test_one_photo_is_decided_as_it_is() -> None:
    station = decide(photo("satu"))
    assert {f: n.value for f, n in station.decoded.numbers.items()} == {"a": 12, "b": 30, "c": 42}
    assert {n.decision for n in station.decoded.numbers.values()} == {"accepted"}
    assert station.decoded.verdict == "consistent"
    assert (station.chosen, station.differing) == ({1: "satu"}, frozenset())


def test_two_photos_that_agree_change_nothing() -> None:
    one, two = decide(photo("satu")), decide(photo("satu"), photo("dua"))
    assert two.decoded.numbers.keys() == one.decoded.numbers.keys()
    assert {n.decision for n in two.decoded.numbers.values()} == {"accepted"}
    assert two.differing == frozenset()


def test_a_number_that_two_photos_read_differently_goes_to_a_person() -> None:
    station = decide(photo("satu"), photo("dua", READ | {"a": "X13"}))
    assert station.differing == {"a"}
    assert station.decoded.numbers["a"].decision == "review"
    assert "low_confidence" in station.decoded.numbers["a"].why


def test_a_number_that_one_photo_could_not_read_goes_to_a_person() -> None:
    station = decide(photo("satu"), photo("dua", READ | {"b": "X3?"}))
    assert station.differing == {"b"}
    assert station.decoded.numbers["b"].decision == "review"


@pytest.mark.parametrize("first", [True, False])
def test_more_placed_numbers_win_whatever_the_quality_and_order(first: bool) -> None:
    whole = photo("utuh", quality=Quality(0.2, 12, 1))
    part = photo("sebagian", placed={"a": False}, quality=Quality(1, 60, 0.7))
    assert decide(*((whole, part) if first else (part, whole))).chosen == {1: "utuh"}


@pytest.mark.parametrize("better", [Quality(0.9, 30, 1), Quality(0.5, 60, 1)])
@pytest.mark.parametrize("first", [True, False])
def test_then_sharper_or_larger_boxes_win(better: Quality, first: bool) -> None:
    good, bad = photo("baik", quality=better), photo("kurang", quality=Quality(0.5, 30, 1))
    assert decide(*((good, bad) if first else (bad, good))).chosen == {1: "baik"}


def test_then_the_later_photo_wins() -> None:
    assert decide(photo("lama"), photo("baru")).chosen == {1: "baru"}


def test_the_chosen_photo_is_the_one_whose_numbers_are_shown() -> None:
    worse = photo("kurang", READ | {"a": "X13"}, quality=Quality(0.5, 30, 1))
    station = decide(photo("baik"), worse)
    assert station.chosen == {1: "baik"}
    assert station.decoded.numbers["a"].value == 12


def test_evidence_of_another_form_is_left_out() -> None:
    station = decide(photo("satu"), photo("lain", READ | {"a": "X99"}, of_form="formulir-lain"))
    assert station.chosen == {1: "satu"}
    assert station.differing == frozenset()


def test_no_photo_is_an_incomplete_station() -> None:
    station = decide()
    assert station.decoded.verdict == "incomplete"
    assert (dict(station.decoded.numbers), station.chosen, station.differing) == ({}, {}, frozenset())


def test_the_policy_takes_its_threshold_from_the_card() -> None:
    assert 0.5 < default_policy().box_alone < 1


def test_pages_of_a_station_hold_up_each_other() -> None:
    """Ballots used on page 1 and all votes on page 2: neither page can check the number that both write."""
    c1 = load_form("c1-ppwp-2019")
    votes = {"paslon_1": "X17", "paslon_2": "163", "sah": "180", "tidak_sah": "XX8", "total": "188"}
    ballots = {"surat_digunakan": seen("surat_digunakan", mixed_logs({"1": 0.999}, {"8": 0.97}, {"8": 0.999}))}
    first = PageEvidence(c1.id, 1, {"surat_digunakan": 188}, ballots, None, "satu")
    written = {field: int(text.lstrip("X")) for field, text in votes.items()}
    second = PageEvidence(c1.id, 2, written, {f: seen(f, text) for f, text in votes.items()}, None, "dua")
    alone, both = decide_station([first], c1, POLICY), decide_station([second, first], c1, POLICY)
    assert alone.decoded.numbers["surat_digunakan"].why == ("low_confidence",)
    assert both.decoded.numbers["surat_digunakan"].decision == "accepted"
