import json
from pathlib import Path

import pytest

from ocr_pipeline.evaluation.speed import peak_rss_mib, rss_mib, time_batch, time_reads
from ocr_pipeline.reader import PageResult
from tests.cli.conftest import Turus
from tests.cli.fake_reader import FakeReader, load_fake

SAMPLE = str(Path(__file__).parents[2] / "samples" / "tps-a-hal2.jpg")


def test_a_whole_read_is_measured_beside_the_bare_decode(turus: Turus) -> None:
    code, out, _ = turus("bench", "read", SAMPLE, "--repeat", "2", "--json")

    found = json.loads(out)
    assert code == 0
    assert found["repeats"] == 2
    assert found["outcome"] == "accepted"
    assert found["ratio"] == pytest.approx(found["read_ms"] / found["decode_ms"])
    assert found["cpu_ratio"] > 1
    assert 0 < found["stages_ms"]["decode"] < found["read_ms"]
    # The clock stands around the whole read: no less than the stages it is made of.
    assert found["read_ms"] >= 0.9 * sum(ms for stage, ms in found["stages_ms"].items() if stage != "total")
    assert found["peak_rss_mib"] > 50
    assert found["batch"] is None


def test_a_batch_shows_its_memory_at_each_quarter(turus: Turus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cli.batch.load_reader", load_fake)

    _, out, _ = turus("bench", "read", SAMPLE, "--repeat", "1", "--batch", "10", "--json")
    table = turus("bench", "read", SAMPLE, "--repeat", "1", "--batch", "10")[1]

    batch = json.loads(out)["batch"]
    assert batch["n"] == 10
    assert len(batch["rss_mib"]) == 4
    assert batch["photos_per_s"] > 0
    assert "photos per second per core" in table


def test_every_photo_of_a_batch_is_read() -> None:
    seen = []

    def read(path: str) -> list[PageResult]:
        seen.append(path)
        return FakeReader().read_file(path)

    time_batch(read, "a.jpg", 7)
    time_reads(read, SAMPLE, 3)

    assert seen == ["a.jpg"] * 7 + [SAMPLE] * 4


def test_a_file_that_cannot_be_decoded_is_not_timed(turus: Turus, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("bukan foto", encoding="utf-8")

    code, _, err = turus("bench", "read", str(tmp_path / "text.jpg"))

    assert code == 2
    assert err.startswith("turus: usage\n")


def test_memory_is_that_of_this_process() -> None:
    before = rss_mib()
    block = bytearray(64 * 1024 * 1024)
    block[::4096] = b"x" * len(block[::4096])

    assert rss_mib() - before > 50
    assert peak_rss_mib() >= rss_mib() * 0.9
