"""A small run of the phones on a bad network: all arrives, intact, once. ``turus bench phones`` is the large run."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cli.main import main
from service.photos.phones import Film


@given(st.integers(1, 40_000), st.integers(0, 40_000), st.integers(0, 40_000))
def test_a_film_is_one_file_however_it_is_cut(size_bytes: int, start: int, end: int) -> None:
    film = Film(b"picture" * 20, size_bytes, "seed")
    whole = film.piece(0, size_bytes)
    assert len(whole) == size_bytes
    assert film.piece(start, end) == whole[start:end]


def test_phones_have_photos_of_their_own() -> None:
    assert len({Film(b"picture", 10_000, f"1/{k}/film").sha256 for k in range(20)}) == 20


def test_all_photos_arrive_intact_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = "--phones 10 --size 300000 --slowest 1500 --fastest 4000 --breaks 0.6 --silence 0.5 --seed 3 --json"
    monkeypatch.setattr(sys, "argv", ["turus", "bench", "phones", "--folder", str(tmp_path), *arguments.split()])
    assert main() == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["arrived"], figures["intact"], figures["once"], figures["receipts_genuine"]) == (10, 10, 10, 10)
    assert figures["strangers"] == 0
    assert sum(figures["breaks"].values()) >= 5, "the network was too good for this to be a test"
    assert figures["sent_per_needed"] < 1.5, "phones began again instead of going on"
    assert list(tmp_path.iterdir()) == []
