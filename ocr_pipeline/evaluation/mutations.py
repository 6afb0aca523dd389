"""What must never be read: damaged files and pictures that are no form, through the real reader.

``python -m ocr_pipeline.evaluation.mutations [--files N] [--pictures M] [--seed S]`` mutates the drawn photos of
``samples/`` in every kind of file that Turus takes, adds pictures that are no form (:mod:`.non_forms`), reads all of
them and prints how it went. A damaged file may still hold the picture of its form: then every accepted number must be
the one that was written. A picture that is no form must give no number at all.
"""

import argparse
import io
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps

from ocr_pipeline.errors import REASONS
from ocr_pipeline.evaluation.non_forms import drawn_non_forms, packaged_pictures
from ocr_pipeline.values import PageRead

SAMPLES = Path(__file__).parents[2] / "samples"
FILES, PICTURES = 1000, 200
_PACKAGED_SHARE = 0.25

ReadFile = Callable[[str], Sequence[PageRead]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One drawn photo and what is written on it.

    Attributes:
        name: of its file.
        data: the file.
        form: form id.
        page: printed page.
        values: field -> what its boxes mean, ``None`` where they are empty.
    """

    name: str
    data: bytes
    form: str
    page: int
    values: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Case:
    """A file to read.

    Attributes:
        kind: which mutation made it, or ``picture``.
        name: of the file, with the extension that it claims.
        data: the file.
        truth: the photo it was made of, or ``None`` where no number is in it.
    """

    kind: str
    name: str
    data: bytes
    truth: Sample | None


@dataclass(frozen=True, slots=True)
class Finding:
    """How one case went.

    Attributes:
        case: the case.
        reasons: of the refused pages.
        numbers: numbers that have a value.
        accepted: those accepted without a person.
        silent: those accepted and wrong.
        crash: the exception that the reader let out, or ``None``.
        seconds: processor time of reading the file, which other programs do not lengthen; that of the HEIC decoder, a
            process of its own, is not in it.
    """

    case: Case
    reasons: tuple[str, ...]
    numbers: int
    accepted: int
    silent: int
    crash: str | None
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether it broke a promise: a crash, a silent error, an unknown reason, or a number out of nothing."""
        invented = self.case.truth is None and self.numbers > 0
        return bool(self.crash or self.silent or invented or set(self.reasons) - REASONS.keys())


Mutation = Callable[[Sample, Sequence[Sample], np.random.Generator], tuple[bytes, str]]
"""From a photo (and the others) to a file and the extension it claims."""


def load_samples(folder: Path = SAMPLES) -> list[Sample]:
    """The drawn photos of a folder with a ``truth.jsonl``, and their copies in other kinds of file beside them.

    Raises:
        OSError: a file is missing.
    """
    lines = (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    samples = []
    for truth in map(json.loads, lines):
        for path in sorted(folder.glob(f"{Path(truth['file']).stem}.*")):
            samples.append(Sample(path.name, path.read_bytes(), truth["form"], truth["page"], truth["values"]))
    return samples


def mutated(samples: Sequence[Sample], count: int, seed: int) -> Iterator[Case]:
    """Mutated files, every kind in turn; the same seed makes the same files."""
    kinds = list(MUTATIONS.items())
    for k in range(count):
        kind, mutate = kinds[k % len(kinds)]
        rng = np.random.default_rng([seed, k])
        sample = samples[int(rng.integers(len(samples)))]
        data, extension = mutate(sample, samples, rng)
        truth = None if kind in NOTHING_IN_IT else sample
        yield Case(kind, f"{k:04d}-{kind}.{extension}", data, truth)


def no_forms(count: int, seed: int) -> Iterator[Case]:
    """Pictures that are no form: a quarter from installed packages, as far as there are any, the rest drawn."""
    packaged = packaged_pictures(most=round(_PACKAGED_SHARE * count))
    for path in packaged:
        yield Case("picture", f"packaged-{path.name}", path.read_bytes(), None)
    for name, picture in drawn_non_forms(count - len(packaged), seed):
        yield Case("picture", f"{name}.png", bytes(cv2.imencode(".png", picture)[1]), None)


def examine(read: ReadFile, case: Case, folder: Path) -> Finding:
    """Reads one case from a file in ``folder``."""
    path = folder / case.name
    path.write_bytes(case.data)
    start = time.process_time()
    try:
        pages, crash = read(str(path)), None
    except Exception as error:
        pages, crash = (), f"{type(error).__name__}: {error}"
    seconds = time.process_time() - start
    path.unlink()
    reasons = tuple(page.reason for page in pages if page.reason is not None)
    given = [(page, number) for page in pages for number in page.numbers.values()]
    accepted = [(page, number) for page, number in given if number.decision == "accepted"]
    silent = sum(not _is_true(case.truth, page, number.field, number.value) for page, number in accepted)
    with_value = sum(number.value is not None for _, number in given)
    return Finding(case, reasons, with_value, len(accepted), silent, crash, seconds)


def report(findings: Sequence[Finding]) -> str:
    """The findings as a table: one line a mutation, then reasons, times, and every failure by name."""
    heads = ("kind", "files", "refused", "numbers", "accepted", "silent", "crashed", "failed")
    rows: list[tuple[str, ...]] = [heads]
    kinds = dict.fromkeys(f.case.kind for f in findings)
    for kind, own in [*((k, [f for f in findings if f.case.kind == k]) for k in kinds), ("all", list(findings))]:
        refused = sum(f.crash is None and f.numbers == 0 and bool(f.reasons) for f in own)
        sums = (sum(f.numbers for f in own), sum(f.accepted for f in own), sum(f.silent for f in own))
        crashed, failed = sum(f.crash is not None for f in own), sum(f.failed for f in own)
        rows.append((kind, *map(str, (len(own), refused, *sums, crashed, failed))))
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:]]))
    return "\n".join([*lines, "", *_reasons(findings), *_times(findings), *_failures(findings)])


def _reasons(findings: Sequence[Finding]) -> Iterator[str]:
    for title, pictures in (("reasons, files", False), ("reasons, pictures", True)):
        counts = Counter(r for f in findings if (f.case.kind == "picture") == pictures for r in f.reasons)
        yield f"{title}: " + ", ".join(f"{reason} {count}" for reason, count in counts.most_common())


def _times(findings: Sequence[Finding]) -> Iterator[str]:
    for title, pictures in (("files", False), ("pictures", True)):
        refused = [f for f in findings if f.reasons and not f.numbers and (f.case.kind == "picture") == pictures]
        if refused:
            median, late = np.percentile([1000 * f.seconds for f in refused], (50, 95))
            slow = max(refused, key=lambda f: f.seconds)
            longest = f"longest {1000 * slow.seconds:.0f} ms ({slow.case.name})"
            yield f"refusal of {title}, processor time: median {median:.0f} ms, 95 % {late:.0f} ms, {longest}"


def _failures(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        if finding.failed:
            what = finding.crash or f"{finding.numbers} numbers, {finding.accepted} accepted, {finding.silent} silent"
            yield f"FAILED {finding.case.name}: {what} {' '.join(finding.reasons)}"


def _is_true(truth: Sample | None, page: PageRead, field: str, value: int | None) -> bool:
    return truth is not None and (page.form, page.page) == (truth.form, truth.page) and truth.values.get(field) == value


def _picture(sample: Sample) -> Image.Image:
    """The photo upright, from one of the kinds of file that Pillow reads."""
    with Image.open(io.BytesIO(sample.data)) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def _encoded(image: Image.Image, container: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, container, **options)
    return buffer.getvalue()


CONTAINERS: Mapping[str, Callable[[Image.Image], bytes]] = MappingProxyType(
    {
        "jpg": lambda image: _encoded(image, "JPEG", quality=88),
        "jpeg": lambda image: _encoded(image.convert("L"), "JPEG", quality=80, progressive=True),
        "jpe": lambda image: _encoded(image.convert("CMYK"), "JPEG", quality=88),
        "png": lambda image: _encoded(image.quantize(64), "PNG", compress_level=1),
        "webp": lambda image: _encoded(image, "WEBP", quality=80, method=0),
        "tif": lambda image: _encoded(image, "TIFF", compression="tiff_lzw"),
        "tiff": lambda image: _encoded(image.convert("1"), "TIFF", compression="group4"),
        "bmp": lambda image: _encoded(image, "BMP"),
        "gif": lambda image: _encoded(image.convert("L"), "GIF"),
        "pdf": lambda image: _encoded(image, "PDF", quality=85),
        "avif": lambda image: _encoded(image, "AVIF", quality=70, speed=10),
        "jp2": lambda image: _encoded(image, "JPEG2000", quality_mode="rates", quality_layers=[20]),
    }
)
"""Extension -> how the kind of file that usually has it is written. HEIC has no writer here: see :func:`_some_file`."""


def _some_file(sample: Sample, rng: np.random.Generator) -> tuple[bytes, str]:
    """The photo in some kind of file; a sample that is a HEIC stays one, because only decoders of it are at hand."""
    if sample.name.endswith(".heic"):
        return sample.data, "heic"
    extension = str(rng.choice(list(CONTAINERS)))
    if extension == "jpg":
        return sample.data, extension
    return CONTAINERS[extension](_picture(sample)), extension


def _as_jpeg(sample: Sample, samples: Sequence[Sample]) -> Sample:
    """The sample itself, or the JPEG that a HEIC was made of: Pillow cannot open that."""
    stem = Path(sample.name).stem
    return next(s for s in samples if s.name == f"{stem}.jpg")


def _cut(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    data, extension = _some_file(sample, rng)
    return data[: int(len(data) * rng.uniform(0.01, 0.999))], extension


def _cut_and_closed(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    """Cut off, then made to look whole: an end marker, or as many zeros as are missing."""
    data, extension = _some_file(sample, rng)
    kept = data[: int(len(data) * rng.uniform(0.1, 0.98))]
    return kept + (b"\xff\xd9" if rng.random() < 0.5 else bytes(len(data) - len(kept))), extension


def _flipped(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    data, extension = _some_file(sample, rng)
    return _with_flips(data, len(data), int(rng.integers(1, 40)), rng), extension


def _flipped_head(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    data, extension = _some_file(sample, rng)
    return _with_flips(data, 600, int(rng.integers(1, 8)), rng), extension


def _with_flips(data: bytes, within: int, flips: int, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for at in rng.integers(0, min(within, len(data)), flips):
        changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _blanked(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    """A block of zeros or of noise, as a bad sector leaves it."""
    data, extension = _some_file(sample, rng)
    length = int(min(len(data) // 2, 2 ** rng.uniform(2, 16)))
    at = int(rng.integers(0, len(data) - length))
    block = bytes(length) if rng.random() < 0.5 else rng.bytes(length)
    return data[:at] + block + data[at + length :], extension


def _shifted(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    """A block lost or doubled in transfer."""
    data, extension = _some_file(sample, rng)
    length, at = int(rng.integers(1, 4096)), int(rng.integers(0, len(data)))
    return (data[:at] + data[at + length :] if rng.random() < 0.5 else data[: at + length] + data[at:]), extension


def _foreign_head(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    """The first bytes of another kind of file."""
    data, extension = _some_file(sample, rng)
    head, _ = _some_file(_as_jpeg(sample, samples), rng)
    length = int(rng.choice((4, 16, 64, 512)))
    return head[:length] + data[length:], extension


def _joined(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    """Two files of one photo in one: readers of some kinds take the first of them, of others the last."""
    data, extension = _some_file(sample, rng)
    return data + _some_file(sample, rng)[0], extension


def _spliced(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    """The beginning of one file, and the end of a smaller copy of the same photo."""
    extension = str(rng.choice(list(CONTAINERS)))
    image = _picture(_as_jpeg(sample, samples))
    one, other = CONTAINERS[extension](image), CONTAINERS[extension](image.reduce(2))
    share = rng.uniform(0.2, 0.8)
    return one[: int(share * len(one))] + other[int(share * len(other)) :], extension


def _misnamed(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    data, _ = _some_file(sample, rng)
    return data, str(rng.choice(["png", "jpg", "pdf", "txt", "heic", "docx", "mp4", "JPG"]))


def _encoded_again(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    """A JPEG of any quality, as messengers make of it."""
    quality = int(rng.integers(1, 95))
    return _encoded(
        _picture(_as_jpeg(sample, samples)), "JPEG", quality=quality, subsampling=int(rng.integers(3))
    ), "jpg"


def _resized(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    image = _picture(_as_jpeg(sample, samples))
    factors = 2 ** rng.uniform(-4.5, 1.2) * 2 ** rng.uniform(-0.4, 0.4, 2)
    size = [max(1, round(side * factor)) for side, factor in zip(image.size, factors, strict=True)]
    return _encoded(image.resize((size[0], size[1]), Image.Resampling.BILINEAR), "JPEG", quality=85), "jpg"


def _turned(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    """Any EXIF orientation, also those that mirror the page."""
    exif = Image.Exif()
    exif[0x0112] = int(rng.integers(1, 9))
    return _encoded(_picture(_as_jpeg(sample, samples)), "JPEG", quality=85, exif=exif.tobytes()), "jpg"


def _repainted(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    """Mirrored, inverted, or cut in strips that were shuffled."""
    image = np.asarray(_picture(_as_jpeg(sample, samples)))
    strips = np.array_split(np.arange(len(image)), 12)
    shuffled = np.concatenate([strips[i] for i in rng.permutation(12)])
    changed = (image[:, ::-1], 255 - image, image[shuffled])[int(rng.integers(3))]
    return _encoded(Image.fromarray(np.ascontiguousarray(changed)), "JPEG", quality=85), "jpg"


def _cropped(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    image = _picture(_as_jpeg(sample, samples))
    low = rng.uniform(0, 0.6, 2)
    high = low + rng.uniform(0.15, 1, 2) * (1 - low)
    box = [round(share * image.size[i % 2]) for i, share in enumerate((*low, *high))]
    return _encoded(image.crop((box[0], box[1], box[2] + 1, box[3] + 1)), "JPEG", quality=85), "jpg"


def _no_picture(sample: Sample, samples: Sequence[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    """Text, an archive, a web page, a program, noise, or nothing, under the name of a photo."""
    text, page = b"Jumlah suara sah: 245\n" * 40, b"<!doctype html><p>245</p>"
    noise = rng.bytes(2000)
    contents = (b"", text, page, noise, b"PK\x03\x04" + noise, b"\x7fELF" + noise, b"%PDF-1.7\n" + noise)
    return contents[int(rng.integers(len(contents)))], str(rng.choice(["jpg", "png", "pdf", "heic"]))


MUTATIONS: Mapping[str, Mutation] = MappingProxyType(
    {
        "cut": _cut,
        "cut-and-closed": _cut_and_closed,
        "flipped": _flipped,
        "flipped-head": _flipped_head,
        "blanked": _blanked,
        "shifted": _shifted,
        "foreign-head": _foreign_head,
        "joined": _joined,
        "spliced": _spliced,
        "misnamed": _misnamed,
        "encoded-again": _encoded_again,
        "resized": _resized,
        "turned": _turned,
        "repainted": _repainted,
        "cropped": _cropped,
        "no-picture": _no_picture,
    }
)
"""Every mutation, by the name in the report."""
NOTHING_IN_IT = frozenset({"no-picture"})


def main(arguments: Sequence[str]) -> int:
    """Command line; see the module. Exit code 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m ocr_pipeline.evaluation.mutations", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=Path, default=SAMPLES)
    given = parser.parse_args(arguments)
    from ocr_pipeline.reader import Reader  # models load only when there is something to read

    reader = Reader.load()
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        for cases in (
            mutated(load_samples(given.samples), given.files, given.seed),
            no_forms(given.pictures, given.seed),
        ):
            for case in cases:
                findings.append(examine(lambda path: [r.read for r in reader.read_file(path)], case, Path(folder)))
    print(report(findings))
    return int(any(finding.failed for finding in findings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
