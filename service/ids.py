"""Ids that sort by the time they were made."""

import secrets
import time


def new_id() -> str:
    """A UUID of version 7 (RFC 9562 section 5.7) as 32 hexadecimal characters: milliseconds first, then 74 random bits.

    Rows made one after the other lie side by side in an index, and an id says nothing about how many there are.
    """
    milliseconds = time.time_ns() // 1_000_000
    rand_a = secrets.randbits(12)
    rand_b = secrets.randbits(62)
    return f"{(milliseconds << 80) | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b:032x}"
