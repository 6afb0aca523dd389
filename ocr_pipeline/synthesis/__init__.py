"""Draws a form definition, fills it by hand, and photographs it, with the truth.

Everything follows from the form definition and a seed; no picture, font or handwriting of anyone else is used.
"""

from ocr_pipeline.synthesis.dataset import SynthesisSettings, SyntheticPhoto, synthesize, write_dataset
from ocr_pipeline.synthesis.photograph import PhotoSettings, Shot, photograph
from ocr_pipeline.synthesis.presets import LEVELS, Level, phone_12mp, random_settings, single_factor

__all__ = [
    "LEVELS",
    "Level",
    "PhotoSettings",
    "Shot",
    "SynthesisSettings",
    "SyntheticPhoto",
    "phone_12mp",
    "photograph",
    "random_settings",
    "single_factor",
    "synthesize",
    "write_dataset",
]
