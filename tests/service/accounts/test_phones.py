"""Phone numbers: one spelling, whatever people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.accounts.phones import local_phone, masked_phone, normal_phone
from service.errors import ServiceError

NATIONAL = st.from_regex(r"8[1-9][0-9]{7,10}", fullmatch=True)


@pytest.mark.parametrize(
    "written",
    [
        "081234567890",
        "81234567890",
        "6281234567890",
        "+6281234567890",
        "0812 3456 7890",
        "0812-3456-7890",
        "+62 812-3456-7890",
        "(0812) 3456.7890",
        "\u200e+62\u00a0812\u20113456\u20117890\u202c",  # as copied from a messenger
        " 0812\t3456 7890 ",
    ],
)
def test_every_usual_spelling_is_the_same_number(written: str) -> None:
    assert normal_phone(written) == "+6281234567890"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-",
        "0721 123456",  # a landline
        "0812345",
        "08123456789012345",
        "0802 3456 7890",
        "+60 12-345 6789",
        "+1 812 345 6789 01",
        "00628123456789",
        "+0812 3456 7890",
        "081234567890x",
        "0812/0813",
        "8.12E+10",
        "٠٨١٢٣٤٥٦٧٨٩٠",
        "0812\x003456 7890",
        "admin",
    ],
)
def test_anything_else_is_refused_without_repeating_it(written: str) -> None:
    with pytest.raises(ServiceError) as caught:
        normal_phone(written)

    assert caught.value.code == "bad_phone"
    assert caught.value.details == {}


@given(NATIONAL, st.sampled_from(["0", "62", "+62", ""]))
def test_all_prefixes_lead_to_one_number_and_normalising_twice_changes_nothing(national: str, prefix: str) -> None:
    phone = normal_phone(prefix + national)

    assert phone == f"+62{national}"
    assert normal_phone(phone) == phone
    assert normal_phone(local_phone(phone)) == phone


@given(NATIONAL)
def test_a_mask_hides_at_least_two_digits_and_shows_no_more_than_seven(national: str) -> None:
    shown = masked_phone(f"+62{national}")

    assert shown.startswith(f"+62 {national[:3]}-****-")
    assert sum(char.isdigit() for char in shown) == 2 + 7
    assert len(national) - 7 >= 2
