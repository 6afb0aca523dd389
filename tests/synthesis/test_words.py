import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.synthesis.words import number_words_id

TABLE = {
    0: "NOL",
    7: "TUJUH",
    10: "SEPULUH",
    11: "SEBELAS",
    12: "DUA BELAS",
    19: "SEMBILAN BELAS",
    20: "DUA PULUH",
    21: "DUA PULUH SATU",
    100: "SERATUS",
    101: "SERATUS SATU",
    111: "SERATUS SEBELAS",
    110: "SERATUS SEPULUH",
    250: "DUA RATUS LIMA PULUH",
    999: "SEMBILAN RATUS SEMBILAN PULUH SEMBILAN",
    1000: "SERIBU",
    1100: "SERIBU SERATUS",
    2024: "DUA RIBU DUA PULUH EMPAT",
    11_000: "SEBELAS RIBU",
    100_001: "SERATUS RIBU SATU",
}


@pytest.mark.parametrize(("number", "words"), TABLE.items())
def test_words_of_known_numbers(number: int, words: str) -> None:
    assert number_words_id(number) == words


@given(st.integers(0, 999), st.integers(0, 999))
def test_different_numbers_have_different_words(first: int, second: int) -> None:
    assert (number_words_id(first) == number_words_id(second)) == (first == second)


@pytest.mark.parametrize("number", [-1, 1_000_000])
def test_numbers_without_words_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="999999"):
        number_words_id(number)
