"""Region codes: digits that say where a region lies in the tree.

2 digits a province, 4 a city or regency, 6 a kecamatan, 10 a desa/kelurahan (codes of the Ministry of Home Affairs), 13
a polling station (the desa's ten and the station's number). The nation is ``""`` in the database and ``0`` in
addresses and answers.
"""

import re
from typing import Final

from service.errors import ServiceError

NATION: Final = ""
NATION_SHOWN: Final = "0"
NATION_NAME: Final = "INDONESIA"

LEVEL_DIGITS: Final = (0, 2, 4, 6, 10, 13)
"""Digits of a code by level: nation, province, city, kecamatan, desa, station."""

KECAMATAN_LEVEL: Final = 3
DESA_LEVEL: Final = 4
TPS_LEVEL: Final = 5
KECAMATAN_DIGITS: Final = 6
DESA_DIGITS: Final = 10
TPS_DIGITS: Final = 13

PLACE_PATTERN: Final = r"^(0|[0-9]{2}([0-9]{2}([0-9]{2}([0-9]{4}([0-9]{3})?)?)?)?)$"
"""A code of any level in addresses and bodies, the nation ``0``, stations too."""

REGION_PATTERN: Final = r"^(0|[0-9]{2}([0-9]{2}([0-9]{2}([0-9]{4})?)?)?)$"
"""The same without stations."""

AREA_PATTERN: Final = r"^(0|[0-9]{2}([0-9]{2}([0-9]{2})?)?)$"
"""The same down to the kecamatan: what an election can be about."""

KECAMATAN_PATTERN: Final = r"^[0-9]{6}$"
TPS_PATTERN: Final = r"^[0-9]{13}$"

_CODE = re.compile(r"(?:[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:[0-9]{4}(?:[0-9]{3})?)?)?)?)?")


def is_code(code: str) -> bool:
    """Whether this is written like a code of some level (``""`` included); says nothing of whether it exists."""
    return _CODE.fullmatch(code) is not None


def level_of(code: str) -> int:
    """Level of a well-formed code, 0 (nation) to 5 (station).

    Raises:
        ValueError: the code has another number of digits.
    """
    return LEVEL_DIGITS.index(len(code))


def parent_of(code: str) -> str | None:
    """The region around it; ``None`` for the nation."""
    level = level_of(code)
    return None if level == 0 else code[: LEVEL_DIGITS[level - 1]]


def ancestors_of(code: str) -> tuple[str, ...]:
    """Codes of the regions around it, the nation first."""
    return tuple(code[:digits] for digits in LEVEL_DIGITS[: level_of(code)])


def prefix_range(prefix: str) -> tuple[str, str]:
    """The codes that start with the prefix are those with ``low <= code < high``: a range that an index can serve.

    ``:`` follows ``9`` in ASCII, and codes are compared byte by byte.
    """
    return prefix, prefix + ":"


def shown(code: str) -> str:
    """The code as addresses and answers write it."""
    return code or NATION_SHOWN


def region_from_path(code: str) -> str:
    """The code in an address: ``0`` is the nation.

    Raises:
        ServiceError: ``unknown_region`` when it is not written like a code.
    """
    if code == NATION_SHOWN:
        return NATION
    if not code or not is_code(code):
        raise ServiceError("unknown_region", details={"region": code[:20]})
    return code


def tps_from_path(code: str) -> str:
    """The station's code in an address.

    Raises:
        ServiceError: ``unknown_tps`` when it is not thirteen digits.
    """
    if len(code) != TPS_DIGITS or not is_code(code):
        raise ServiceError("unknown_tps", details={"tps": code[:20]})
    return code
