"""Indonesian number words, as officers write them beside the figures ("terbilang")."""

_UNITS = ("NOL", "SATU", "DUA", "TIGA", "EMPAT", "LIMA", "ENAM", "TUJUH", "DELAPAN", "SEMBILAN", "SEPULUH", "SEBELAS")


def number_words_id(number: int) -> str:
    """The number in Indonesian words, block capitals.

    Args:
        number: 0 to 999,999.

    Returns:
        Words separated by single spaces, for example ``SERATUS DUA PULUH SATU``.

    Raises:
        ValueError: the number is negative or above 999,999.
    """
    if not 0 <= number <= 999_999:
        raise ValueError(f"number words are known for 0 to 999999, not {number}")
    return _words(number) or _UNITS[0]


def _words(number: int) -> str:
    if number < len(_UNITS):
        return _UNITS[number] if number else ""
    if number < 20:
        return f"{_UNITS[number - 10]} BELAS"
    # "se-" replaces "satu" before ratus and ribu; belas and sebelas are already settled above.
    for size, name, one in ((1000, "RIBU", "SERIBU"), (100, "RATUS", "SERATUS"), (10, "PULUH", "SEPULUH")):
        if number >= size:
            head, rest = divmod(number, size)
            lead = one if head == 1 else f"{_words(head)} {name}"
            return f"{lead} {_words(rest)}".rstrip()
    raise AssertionError(number)
