"""Seen and unseen are what the training code and the folder of real photos say."""

from pathlib import Path

from models.train.sources import load_npz_boxes
from ocr_pipeline.evaluation.labels import load_labels
from ocr_pipeline.evaluation.seen import Seen, seen_by

SCANS = {"boxes-c1-2019-aceh": "aceh", "boxes-c1-2019-mixed": "mixed"}


def test_a_photo_that_is_not_listed_was_never_seen() -> None:
    assert seen_by("c1-ppwp-2019/aceh-99somewhere_01-p1.png") == Seen()
    assert seen_by("ok.jpg") == Seen()


def test_a_photo_is_known_wherever_its_folder_lies() -> None:
    assert seen_by("c1-ppwp-2014/ok.jpg") == seen_by("/data/photos/c1-ppwp-2014/ok.jpg") != Seen()


def test_the_digit_model_has_seen_the_forms_it_was_trained_and_calibrated_on(shared_dir: Path) -> None:
    known = set()
    for stem, prefix in SCANS.items():
        boxes = load_npz_boxes(shared_dir / "digits", stem)
        known |= {f"{prefix}-{box.group.split('LAMBALEK_')[-1].lower()}" for box in boxes if box.part != "test"}

    labels = load_labels(shared_dir / "realforms" / "labels.jsonl")

    for label in labels:
        form = Path(label.file).stem.removesuffix("-p1").removesuffix("-p2")
        assert seen_by(label.file).digits == (form in known), label.file
    assert {seen_by(label.file).digits for label in labels if label.form == "c1-ppwp-2019"} == {True, False}
    assert not any(seen_by(label.file).digits for label in labels if label.form == "c-hasil-ppwp-2024")


def test_every_photo_here_was_in_view_when_constants_were_chosen(shared_dir: Path) -> None:
    for label in load_labels(shared_dir / "realforms" / "labels.jsonl"):
        seen = seen_by(label.file)
        assert seen.constants
        # The geometry of 2024 comes from the printed form's own vectors, not from photos.
        assert seen.definition == (label.form not in (None, "c-hasil-ppwp-2024"))
