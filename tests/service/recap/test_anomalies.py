"""What looks wrong, by name."""

from collections.abc import Mapping

import pytest

from service.elections.fields import forms_of
from service.recap.anomalies import ANOMALIES, Limits, anomaly_of, anomaly_words, find_anomalies
from tests.service.sayings import FULL

FORMS = forms_of(("c-hasil-ppwp-2024",))
NO_LIMITS = Limits()
VOTES = ("paslon_1", "paslon_2", "paslon_3")


def found(values: Mapping[str, int | None], limits: Limits = NO_LIMITS) -> set[str]:
    return set(find_anomalies({**FULL, **values}, FORMS, VOTES, limits))


def test_a_form_in_order_has_none() -> None:
    assert found({}) == set()


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"sah": 201}, "rule:sah_jumlah"),
        ({"paslon_1": 200, "paslon_2": 0, "paslon_3": 0}, "all_votes_one"),
        ({"pengguna_j": 250}, "users_equal_dpt"),
        ({"total": 0}, "zero_votes"),
        ({"tidak_sah": 22}, "many_invalid"),
        ({"total": 256}, "votes_over_dpt"),
        ({"surat_diterima": 300}, "reserve_off"),
        ({"dpt_j": 301}, "over_tps_limit"),
        ({"total": 211}, "more_votes_than_voters"),
        ({"paslon_1": 800}, "more_votes_than_voters"),
    ],
)
def test_each_has_its_name(values: dict[str, int | None], code: str) -> None:
    assert code in found(values)


def test_a_number_that_is_not_known_accuses_nobody() -> None:
    assert found(dict.fromkeys(FULL, None)) == set()
    assert found({"sah": None, "paslon_1": 999}) == {
        "more_votes_than_voters"
    }  # more than voted, whatever else is unknown


def test_the_limit_of_the_election_takes_the_place_of_the_forms() -> None:
    pilkada = Limits(tps_max_voters=600, reserve_rate=0.025)
    assert "over_tps_limit" not in found({"dpt_j": 600}, pilkada)
    assert "over_tps_limit" in found({"dpt_j": 601}, pilkada)


@pytest.mark.parametrize(("votes", "is_over"), [(307, False), (308, True), (823, True)])
def test_more_than_list_reserve_and_rounding_cannot_be_cast(votes: int, is_over: bool) -> None:
    values = {**dict.fromkeys(FULL, None), "paslon_2": votes}
    assert ("over_tps_limit" in find_anomalies(values, FORMS, VOTES, Limits(300))) == is_over


def test_every_anomaly_has_words_in_both_languages() -> None:
    codes = {*ANOMALIES, *(anomaly_of(rule) for rule in FORMS.rules)}
    for code in codes:
        words = anomaly_words(code, FORMS)
        assert words.id != words.en
        assert code not in (words.id, words.en)
