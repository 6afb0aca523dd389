"""Waiting: bounded, jittered, patient again after progress, obedient to the server."""

import random

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.client.problems import CannotReach, Refused
from service.client.retry import Attempts, Patience


class Time:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.pauses: list[float] = []

    def sleep(self, pause_s: float) -> None:
        self.pauses.append(pause_s)
        self.now_s += pause_s


def patience_of(time: Time, seed: int, **changes: float) -> Patience:
    return Patience(now=lambda: time.now_s, sleep=time.sleep, rng=random.Random(seed), **changes)


def refused(status: int = 503, **headers: str) -> Refused:
    return Refused(httpx2.Response(status, headers={k.replace("_", "-"): v for k, v in headers.items()}))


CUT = httpx2.ReadError("cut")


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_waits_grow_to_a_bound_and_end_with_patience(seed: int, failures: int) -> None:
    time = Time()
    attempts = Attempts(patience_of(time, seed))
    try:
        for _ in range(failures):
            attempts.wait(CUT)
    except CannotReach:
        assert sum(time.pauses) > 600 - 30
    assert sum(time.pauses) <= 600
    assert all(0 <= pause <= min(30, 0.5 * 2**k) for k, pause in enumerate(time.pauses))


def test_jitter_spreads_phones_that_were_cut_off_together() -> None:
    firsts = []
    for seed in range(200):
        time = Time()
        Attempts(patience_of(time, seed)).wait(CUT)
        firsts.append(time.pauses[0])
    assert min(firsts) < 0.05
    assert max(firsts) > 0.45


def test_progress_makes_patient_again() -> None:
    time = Time()
    attempts = Attempts(patience_of(time, 1, patience_s=40))
    for _ in range(50):
        attempts.wait(CUT)
        attempts.progressed()
    assert max(time.pauses) <= 0.5
    assert attempts.retries == 50


def test_the_server_says_when_to_come_back() -> None:
    time = Time()
    Attempts(patience_of(time, 1)).wait(refused(retry_after="60"))
    assert 60 <= time.pauses[0] <= 60.5


def test_without_patience_the_last_error_is_told() -> None:
    attempts = Attempts(patience_of(Time(), 1, patience_s=10))
    with pytest.raises(Refused) as told:
        attempts.wait(refused(507, retry_after="60"))
    assert told.value.status == 507
    with pytest.raises(CannotReach, match="cut"):
        Attempts(patience_of(Time(), 1, patience_s=0)).wait(CUT)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"code": "disk_full", "message": {"id": "Penuh", "en": "Full"}}', "disk_full"),
        (b"<html>502 Bad Gateway</html>", "http_502"),
        (b"[1]", "http_502"),
        (b'{"message": "proxy"}', "http_502"),
        (b"", "http_502"),
    ],
)
def test_errors_of_proxies_are_errors_too(body: bytes, code: str) -> None:
    error = Refused(httpx2.Response(502, content=body))
    assert error.code == code
    assert error.message_id
    assert error.message_en
    assert error.is_transient
