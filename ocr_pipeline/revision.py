"""What a reading was made with, as one short text. Loads neither OpenCV nor ONNX Runtime: web processes ask too."""

import hashlib
from functools import cache
from typing import Final

from ocr_pipeline.forms.library import form_ids, load_form
from ocr_pipeline.recognition.shipped import model_names

PIPELINE_REV: Final = "2"
"""Changes with anything that can change a number: stages, constants. Models have revisions of their own."""

LONGEST_REVISION: Final = 120
"""Characters of :func:`reader_revision` at most; a longer list of forms is replaced by its hash."""


def reader_revision() -> str:
    """Pipeline revision, models and every form that the process knows, for example ``2+digits-2+forms-0123456789ab``.

    Two readings of one file under one revision are equal; another revision is a reason to read again.

    Raises:
        ModelError: a model is missing.
        DefinitionError: a form of the library is wrong.
    """
    return _revision(form_ids())


@cache
def _revision(known: tuple[str, ...]) -> str:
    forms = [f"{form_id}@{load_form(form_id).rev}" for form_id in known]
    return join_revision(PIPELINE_REV, model_names(), forms)


def join_revision(pipeline_rev: str, models: tuple[str, ...], forms: list[str]) -> str:
    """The parts joined with ``+``; the forms as ``forms-`` and 12 hex digits of SHA-256 where it would be too long."""
    whole = "+".join([pipeline_rev, *models, *forms])
    if len(whole) <= LONGEST_REVISION:
        return whole
    digest = hashlib.sha256("+".join(forms).encode()).hexdigest()[:12]
    return "+".join([pipeline_rev, *models, f"forms-{digest}"])
