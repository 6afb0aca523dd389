"""Which model files ship with Turus, by name alone: nothing is loaded, so a web process may ask."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from ocr_pipeline.errors import ModelError

_MODEL_PREFIX = "digits-"
_SUFFIX = ".onnx"


def newest_digit_file() -> Traversable:
    """The ``.onnx`` file of the newest revision among the package data of ``models``.

    Raises:
        ModelError: there is none.
    """
    shipped = files("models").iterdir()
    found = [item for item in shipped if item.name.startswith(_MODEL_PREFIX) and item.name.endswith(_SUFFIX)]
    if not found:
        raise ModelError("tidak ada model angka", "no digit model among the package data of models")
    return max(found, key=lambda item: _revision(item.name))


def model_names() -> tuple[str, ...]:
    """Names of the models that the reader uses, for example ``("digits-2",)``.

    Raises:
        ModelError: a model is missing.
    """
    return (newest_digit_file().name.removesuffix(_SUFFIX),)


def _revision(file_name: str) -> tuple[int, str]:
    revision = file_name.removeprefix(_MODEL_PREFIX).removesuffix(_SUFFIX)
    return (int(revision) if revision.isdigit() else -1, revision)
