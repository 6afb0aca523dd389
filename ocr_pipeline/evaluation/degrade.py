"""Degraded copies of real photos, to find out how the reader fails: ten faults of fixed strength and seed.

Copies of one photo are not independent of it or of each other: they find ways to fail, they do not narrow a bound.
"""

import json
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.errors import TurusError
from ocr_pipeline.synthesis.camera import blur_motion

Picture = NDArray[np.uint8]
Degradation = Callable[[Picture, np.random.Generator], Picture]

JPEG_QUALITY_OF_COPIES = 92
COORDINATES = ("quads_photo", "map", "size_px", "sha256")
"""Keys of a label that no longer hold for a changed picture."""


class DegradeError(TurusError):
    """A photo named in a labels file cannot be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            "unreadable_file",
            f"Foto {path} tidak dapat dibaca. Periksa berkas label.",
            f"Photo {path} cannot be read. Check the labels file.",
        )


def blur(sigma_px: float) -> Degradation:
    """Gaussian blur of a standard deviation in px at 1,000 px width."""

    def apply(picture: Picture, rng: np.random.Generator) -> Picture:
        return _uint8(cv2.GaussianBlur(picture, (0, 0), sigma_px * picture.shape[1] / 1000))

    return apply


def motion(length_px: float) -> Degradation:
    """Motion blur along a straight path, length in px at 1,000 px width, direction by chance."""

    def apply(picture: Picture, rng: np.random.Generator) -> Picture:
        length = length_px * picture.shape[1] / 1000
        return _uint8(blur_motion(picture.astype(np.float32), length, float(rng.uniform(0, 180))))

    return apply


def downscale(factor: float) -> Degradation:
    """A smaller photo: the only degradations that change the picture's size."""

    def apply(picture: Picture, rng: np.random.Generator) -> Picture:
        size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
        return _uint8(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))

    return apply


def dark_with_noise(gain: float, noise: float) -> Degradation:
    """Under-exposed by ``gain``, then sensor noise of standard deviation ``noise`` grey levels."""

    def apply(picture: Picture, rng: np.random.Generator) -> Picture:
        grain = rng.standard_normal(picture.shape, dtype=np.float32) * noise
        return _uint8(picture.astype(np.float32) * gain + grain)

    return apply


def low_contrast(gain: float, lift: float) -> Degradation:
    """Washed out: ``gain * value + lift``."""

    def apply(picture: Picture, rng: np.random.Generator) -> Picture:
        return _uint8(picture.astype(np.float32) * gain + lift)

    return apply


def jpeg(quality: int) -> Degradation:
    """Compressed once more at a low quality."""

    def apply(picture: Picture, rng: np.random.Generator) -> Picture:
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        flag = cv2.IMREAD_GRAYSCALE if picture.ndim == 2 else cv2.IMREAD_COLOR
        return _uint8(cv2.imdecode(data, flag))

    return apply


def tilt(turn_deg: float, perspective: float) -> Degradation:
    """Turned by about ``turn_deg`` either way, one side shorter by ``perspective``; nothing leaves the frame."""

    def apply(picture: Picture, rng: np.random.Generator) -> Picture:
        turn = np.deg2rad(turn_deg) * rng.choice((-1, 1)) * rng.uniform(0.8, 1.0)
        height, width = picture.shape[:2]
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float) - 0.5
        side = int(rng.integers(4))
        shorter = corners.copy()
        for corner in (side, (side + 1) % 4):
            axis = 0 if side % 2 == 0 else 1
            shorter[corner, axis] *= 1 - perspective
        spread = shorter * (width, height)
        turned = spread @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        turned -= (turned.min(axis=0) + turned.max(axis=0)) / 2
        fit = float((np.array([width, height]) / np.ptp(turned, axis=0)).min())
        target = turned * fit + np.array([width, height]) / 2
        source = (corners + 0.5) * (width, height)
        change = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
        return _uint8(cv2.warpPerspective(picture, change, (width, height), borderValue=(90, 90, 90)))

    return apply


def both(first: Degradation, second: Degradation) -> Degradation:
    """One after the other."""

    def apply(picture: Picture, rng: np.random.Generator) -> Picture:
        return second(first(picture, rng), rng)

    return apply


DEGRADATIONS: Mapping[str, Degradation] = MappingProxyType(
    {
        "blur_1.5": blur(1.5),
        "blur_2.2": blur(2.2),
        "motion_9": motion(9),
        "downscale_0.6": downscale(0.6),
        "downscale_0.45": downscale(0.45),
        "dark_noise": dark_with_noise(0.35, 5),
        "low_contrast": low_contrast(0.35, 110),
        "jpeg_12": jpeg(12),
        "tilt_perspective": tilt(8, 0.12),
        "tilt_blur": both(tilt(5, 0.08), blur(1.5)),
    }
)
"""Name -> degradation: takes shape (h, w) or (h, w, 3), uint8, BGR, and a generator; returns the same kind of array."""


def degrade_dataset(labels_path: Path, out_dir: Path, forms: Collection[str] | None = None) -> Path:
    """Writes degraded copies of every labelled photo, with labels for them; same input, same pixels.

    Photos that must be rejected are left out: a worse copy of them proves nothing.

    Args:
        labels_path: a labels file of the reading contract.
        out_dir: folder for the copies; keep it outside version control, the photos are other people's.
        forms: form ids to keep, or ``None`` for all.

    Returns:
        Path of the copies' labels file: the labels with ``degradation`` and ``original`` added.

    Raises:
        DegradeError: a photo cannot be read.
        OSError: a folder cannot be written.
    """
    lines = []
    for text in labels_path.read_text(encoding="utf-8").splitlines():
        label = json.loads(text) if text.strip() else {"expect": "rejected"}
        if label.get("expect") == "rejected" or (forms is not None and label["form"] not in forms):
            continue
        kept = {key: value for key, value in label.items() if key not in COORDINATES}
        for name, file in _write_copies(labels_path.parent / label["file"], Path(label["file"]), out_dir).items():
            lines.append(
                json.dumps(kept | {"file": file, "degradation": name, "original": label["file"]}, ensure_ascii=False)
            )
    out = out_dir / "labels.jsonl"
    out_dir.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return out


def _write_copies(photo: Path, relative: Path, out_dir: Path) -> dict[str, str]:
    picture = cv2.imread(str(photo), cv2.IMREAD_COLOR)
    if picture is None:
        raise DegradeError(photo)
    files = {}
    for name, degradation in DEGRADATIONS.items():
        rng = np.random.default_rng([zlib.crc32(relative.as_posix().encode()), zlib.crc32(name.encode())])
        file = relative.parent / f"{relative.stem}--{name}.jpg"
        (out_dir / file).parent.mkdir(parents=True, exist_ok=True)
        copy = degradation(np.asarray(picture, np.uint8), rng)
        _, data = cv2.imencode(".jpg", copy, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY_OF_COPIES])
        (out_dir / file).write_bytes(data.tobytes())
        files[name] = file.as_posix()
    return files


def _uint8(picture: object) -> Picture:
    array = np.asarray(picture)
    return array if array.dtype == np.uint8 else np.clip(np.rint(array), 0, 255).astype(np.uint8)
