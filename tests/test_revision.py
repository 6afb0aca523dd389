import subprocess
import sys

from ocr_pipeline.forms.library import form_ids, load_form
from ocr_pipeline.revision import LONGEST_REVISION, PIPELINE_REV, join_revision, reader_revision
from ocr_pipeline.station import default_policy

WEB_MODULES = (
    "ocr_pipeline.revision",
    "ocr_pipeline.station",
    "ocr_pipeline.evidence_codec",
    "ocr_pipeline.imaging.probe",
    "ocr_pipeline.recognition.handwriting",
)


def test_the_revision_names_the_pipeline_the_models_and_every_form() -> None:
    parts = reader_revision().split("+")
    assert parts[0] == PIPELINE_REV
    assert parts[1].startswith("digits-")
    forms = [f"{form_id}@{load_form(form_id).rev}" for form_id in form_ids()]
    assert "+".join(parts) == join_revision(PIPELINE_REV, (parts[1],), forms)


def test_the_shipped_revision_is_the_known_one() -> None:
    """Readings are stored under this text: changing it by accident would have every page read again."""
    assert reader_revision() == "2+digits-2+forms-8c1291d199b6"


def test_a_long_list_of_forms_is_shortened_and_still_tells_revisions_apart() -> None:
    forms = [f"c-hasil-dprd-kab-kota-{year}@1" for year in range(2004, 2064, 5)]
    text = join_revision("1", ("digits-1",), forms)
    assert len(text) <= LONGEST_REVISION
    assert text.startswith("1+digits-1+forms-")
    assert len(text.rpartition("-")[2]) == 12
    assert join_revision("1", ("digits-1",), [*forms[:-1], forms[-1].replace("@1", "@2")]) != text


def test_a_web_process_loads_neither_opencv_nor_onnx_runtime() -> None:
    """In a fresh interpreter: imports, the revision and the policy."""
    script = f"""
import sys
import {", ".join(WEB_MODULES)}
ocr_pipeline.revision.reader_revision()
ocr_pipeline.station.default_policy()
print(sorted({{"cv2", "onnxruntime"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_policy_without_the_model_is_the_policy_of_the_model() -> None:
    from ocr_pipeline.recognition.digits import load_digit_model
    from ocr_pipeline.station import policy_of

    assert default_policy() == policy_of(load_digit_model().card)
