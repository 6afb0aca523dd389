"""Passwords: argon2id, a bounded number at a time, and a check that costs the same when there is no password.

One check takes about 0.1 s and 64 MiB, so that a crowd of them would push everything else off the machine.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from service.accounts import problems as problems
from service.errors import ServiceError

AT_ONCE = 2
WAITING = 8
MIN_CHARS = 10
MAX_CHARS = 128
DIFFERENT_CHARS = 4

ARGON2ID = Argon2Hasher(time_cost=3, memory_cost=65536, parallelism=4)
"""RFC 9106, second recommended choice: 3 passes over 64 MiB with 4 lanes."""

_hasher = PasswordHash((ARGON2ID,))

# These bound what this process spends on hashing, whoever asks; that is why they belong to the module.
_running = threading.BoundedSemaphore(AT_ONCE)
_admitted = threading.BoundedSemaphore(AT_ONCE + WAITING)


def hash_password(password: str) -> str:
    """The argon2id hash to store.

    Raises:
        ServiceError: ``busy`` when too many are being checked already.
    """
    with _slot():
        return _hasher.hash(password)


def password_matches(password: str, stored: str | None) -> bool:
    """Whether it is the password; as slow for an account without one as for one with another.

    Raises:
        ServiceError: ``busy`` when too many are being checked already.
    """
    given = password[:MAX_CHARS]  # nobody has a longer one, and hashing megabytes is not what we are here for
    with _slot():
        matches = _hasher.verify(given, stored or _dummy())
    return matches and stored is not None and len(password) <= MAX_CHARS


def check_password(password: str, *known: str | None) -> None:
    """Refuses passwords that are guessed first.

    Args:
        password: the one wanted.
        known: what others know of the person: login, phone number.

    Raises:
        ServiceError: ``weak_password``.
    """
    if not MIN_CHARS <= len(password) <= MAX_CHARS or len(set(password)) < DIFFERENT_CHARS:
        raise ServiceError("weak_password")
    bare = "".join(filter(str.isalnum, password.lower()))
    for word in known:
        if word and bare.removeprefix("0").removeprefix("62") == "".join(
            filter(str.isalnum, word.lower().removeprefix("+62"))
        ):
            raise ServiceError("weak_password")


@contextmanager
def _slot() -> Iterator[None]:
    """Waits for a place; refuses when too many wait already, so that they never fill the thread pool."""
    if not _admitted.acquire(blocking=False):
        raise ServiceError("busy")
    try:
        with _running:
            yield
    finally:
        _admitted.release()


@cache
def _dummy() -> str:
    """A hash made with the same costs as the real ones; nobody knows its password."""
    return _hasher.hash("no account has this password: \x00")
