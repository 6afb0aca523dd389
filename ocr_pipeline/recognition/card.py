"""What a digit model's card promises, read without the model itself."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ocr_pipeline.errors import ModelError
from ocr_pipeline.recognition.shipped import model_names
from ocr_pipeline.values import CLASSES


@dataclass(frozen=True, slots=True)
class DigitCard:
    """What a digit model's card promises.

    Attributes:
        name: for example ``digits-2``; what the reader reports as its model.
        sha256: of the ONNX file, lower-case hex.
        temperature: logits are divided by it before the softmax; > 0.
        accept_probability: a box read below it is not accepted on digits alone; in (0, 1].
    """

    name: str
    sha256: str
    temperature: float
    accept_probability: float


def parse_card(name: str, text: str) -> DigitCard:
    """Read the fields the reader needs from a card.

    Args:
        name: the model's name, for messages and for :class:`DigitCard`.
        text: the card, TOML.

    Returns:
        The card.

    Raises:
        ModelError: not TOML, a field missing, or classes other than :data:`CLASSES`.
    """
    try:
        data: dict[str, Any] = tomllib.loads(text)
        classes = data["classes"]
        card = DigitCard(
            name=name,
            sha256=str(data["sha256"]),
            temperature=float(data["calibration"]["temperature"]),
            accept_probability=float(data["calibration"]["accept_probability"]),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"kartu {name}.toml tidak terbaca", f"{name}.toml: {error!r}") from error
    if classes != CLASSES or card.temperature <= 0:
        raise ModelError(f"kartu {name}.toml tidak sesuai", f"{name}.toml: classes {classes!r} or temperature is wrong")
    return card


@cache
def shipped_card() -> DigitCard:
    """The card of the shipped digit model; whether it belongs to its model is checked where that is loaded.

    Raises:
        ModelError: no model, no card, or a damaged one.
    """
    (name,) = model_names()
    try:
        text = (files("models") / f"{name}.toml").read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(f"kartu {name}.toml tidak ada", f"{name}.toml: {error}") from error
    return parse_card(name, text)
