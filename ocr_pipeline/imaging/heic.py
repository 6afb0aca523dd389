"""HEIC, the format of many phones, where the optional decoder ``pi-heif`` (extra ``heic``) is installed.

Decoded in a process of its own: fed with damaged files (found by fuzzing, pi-heif 1.4.0), libheif's bindings crash
instead of raising, and one bad file must never end a batch.
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging import heic_child
from ocr_pipeline.imaging.cv import Pixels
from ocr_pipeline.imaging.files import Limits, check_size

ADVICE: Final = "HEIC: pip install 'turus[heic]', or send the photo as JPEG"
"""Detail of the refusal where the decoder is missing."""

_TIMEOUT_S: Final = 60.0


def decode_heic(data: bytes, limits: Limits, *, colour: bool) -> Pixels:
    """Decode the primary picture of a HEIC file.

    The orientation is part of the format and libheif applies it; the EXIF tag beside it must not be applied again.

    Args:
        data: the file.
        limits: pixel limits, checked in the header first.
        colour: blue-green-red instead of grey.

    Returns:
        Upright pixels, shape (h, w) or (h, w, 3), uint8.

    Raises:
        PhotoRejected: ``too_large``, or ``unreadable_file`` (damaged, or :data:`ADVICE` without the decoder).
    """
    if not decoder_installed():
        raise PhotoRejected("unreadable_file", ADVICE)
    width_px, height_px, raw = _decode_apart(data, limits, heic_child.COLOUR if colour else heic_child.GREY)
    check_size(width_px, height_px, limits)
    pixels = np.frombuffer(bytearray(raw), np.uint8)
    if colour:
        return np.ascontiguousarray(pixels.reshape(height_px, width_px, 3)[..., ::-1])
    return pixels.reshape(height_px, width_px)


def decoder_installed() -> bool:
    """Whether HEIC can be read here."""
    return find_spec("pi_heif") is not None


def _decode_apart(data: bytes, limits: Limits, mode: str) -> tuple[int, int, bytes]:
    # -P: the script's own folder must not hide the standard library's modules.
    script = str(Path(heic_child.__file__))
    command = [sys.executable, "-P", script, mode, str(limits.pixels), str(limits.side_px)]
    try:
        child = subprocess.run(command, input=data, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise PhotoRejected("unreadable_file", "HEIC: decoding took too long") from error
    if child.returncode == heic_child.TOO_LARGE:
        raise PhotoRejected("too_large", child.stderr.decode(errors="replace").strip())
    if child.returncode != 0:
        raise PhotoRejected("unreadable_file", f"HEIC: the decoder ended with {child.returncode}")
    size, _, raw = child.stdout.partition(b"\n")
    width_px, height_px = (int(side) for side in size.split())
    return width_px, height_px, raw
