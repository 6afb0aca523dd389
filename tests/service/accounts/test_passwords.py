"""Passwords: what is refused, and how much of the machine they may take."""

import threading

import pytest

from service.accounts import passwords
from service.accounts.passwords import ARGON2ID, AT_ONCE, WAITING, check_password, hash_password, password_matches
from service.errors import ServiceError


def test_the_shipped_hash_is_argon2id_with_the_costs_of_rfc_9106() -> None:
    assert ARGON2ID.hash("kopi susu tiga gelas").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize(
    "weak", ["", "kopi susu", "aaaaaaaaaaaa", "ababababab", "x" * 129, "0812 3456 7890", "Web.Kemiling", "web-kemiling"]
)
def test_what_is_guessed_first_is_refused(weak: str) -> None:
    with pytest.raises(ServiceError, match="weak_password"):
        check_password(weak, "web.kemiling", "+6281234567890")


def test_a_long_sentence_is_a_good_password() -> None:
    check_password("kopi susu tiga gelas", "web.kemiling", None)


def test_only_the_right_password_matches_and_none_never_does() -> None:
    stored = hash_password("kopi susu tiga gelas")

    assert password_matches("kopi susu tiga gelas", stored)
    assert not password_matches("kopi susu tiga gela", stored)
    assert not password_matches("no account has this password: \x00", None)


def test_nobody_gets_in_with_the_beginning_of_what_they_sent() -> None:
    longest = "ab3-" * 32
    stored = hash_password(longest)

    assert password_matches(longest, stored)
    assert not password_matches(longest + "x", stored)


class CountingHasher:
    """Stands in for argon2: says how many ran at once, and waits until told."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.running = self.most = 0

    def hash(self, password: str) -> str:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.go.wait(60)
        with self.lock:
            self.running -= 1
        return password


def test_few_are_hashed_at_once_a_bounded_number_wait_and_the_rest_are_told_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hasher = CountingHasher()
    monkeypatch.setattr(passwords, "_hasher", hasher)
    outcomes: list[str] = []
    refused = threading.Semaphore(0)

    def one() -> None:
        try:
            outcomes.append(hash_password("p"))
        except ServiceError as error:
            outcomes.append(error.code)
            refused.release()

    crowd = [threading.Thread(target=one) for _ in range(AT_ONCE + WAITING + 5)]
    for thread in crowd:
        thread.start()
    for _ in range(5):
        assert refused.acquire(timeout=60)
    hasher.go.set()
    for thread in crowd:
        thread.join(60)

    assert sorted(outcomes) == ["busy"] * 5 + ["p"] * (AT_ONCE + WAITING)
    assert hasher.most == AT_ONCE
