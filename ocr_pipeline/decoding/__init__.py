"""From what the picture says about each number to what is accepted: lattice, channels, arithmetic, decision."""

from ocr_pipeline.decoding.decode import decode
from ocr_pipeline.decoding.policy import Policy

__all__ = ["Policy", "decode"]
