"""Indonesian mobile numbers: one spelling to store and look up, one to show."""

import re

from service.accounts import problems as problems
from service.errors import ServiceError

_IGNORED = re.compile(r"[\s().\-\u2010-\u2015\u00a0\u200b-\u200f\u202a-\u202e]")
_PREFIX = re.compile(r"^(?:\+?62|0)(?=8)")
_MOBILE = re.compile(r"^8[1-9][0-9]{7,10}$")
"""National number: 8, then 8 to 11 digits (numbering plan of Kominfo: mobile numbers begin with 08)."""


def normal_phone(written: str) -> str:
    """The one spelling of a mobile number, ``+62812...``.

    Takes ``0812...``, ``62812...``, ``+62812...`` and ``812...`` (a spreadsheet drops the zero), with spaces, dots,
    dashes and brackets.

    Raises:
        ServiceError: ``bad_phone``; the number is never part of the error.
    """
    bare = _IGNORED.sub("", written)
    national = _PREFIX.sub("", bare, count=1)
    if not _MOBILE.match(national):
        raise ServiceError("bad_phone")
    return f"+62{national}"


def masked_phone(phone: str) -> str:
    """A number that its owner recognises and nobody else can call: ``+62 812-****-1234``."""
    national = phone.removeprefix("+62")
    return f"+62 {national[:3]}-****-{national[-4:]}"


def local_phone(phone: str) -> str:
    """A number as people dial it, with dashes so that a spreadsheet keeps it a text: ``0812-3456-7890``."""
    national = phone.removeprefix("+62")
    return f"0{national[:3]}-{national[3:7]}-{national[7:]}"
