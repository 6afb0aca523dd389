import shutil
from pathlib import Path

import pytest

from service.cli import demo
from tests.cli.conftest import Turus


def test_the_demo_reads_the_samples_and_leaves_a_report(turus: Turus, tmp_path: Path) -> None:
    code, out, err = turus("demo", "--out", str(tmp_path / "demo"), "--jobs", "2")

    samples = sorted(path.stem for path in demo.SAMPLES.glob("*.jpg"))
    assert (code, err) == (0, "")
    assert len(samples) >= 3
    assert sorted(path.stem for path in (tmp_path / "demo").glob("*.jpg")) == samples
    report = (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")
    assert all(f"{name}.jpg" in report for name in samples)
    assert str(tmp_path / "demo" / "index.html") in out.replace("\n", "")
    assert "0 salah diam-diam" in out.replace("\n", " ")


def test_without_samples_some_are_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "SAMPLES", tmp_path / "no-samples")

    truth = demo.sample_truth(tmp_path)

    assert truth.is_file()
    assert len(list(truth.parent.glob("*.jpg"))) >= 3


def test_the_demo_never_overwrites_the_samples(monkeypatch: pytest.MonkeyPatch, turus: Turus, tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    shutil.copytree(demo.SAMPLES, folder)
    monkeypatch.setattr(demo, "SAMPLES", folder)
    before = {path.name: path.read_bytes() for path in folder.glob("*.jpg")}

    assert turus("demo", "--out", str(folder), "--jobs", "2")[0] == 0

    assert {name: (folder / name).read_bytes() for name in before} == before
