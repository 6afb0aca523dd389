"""How long a read takes, compared with the bare decode of the same photo, on one thread.

The two are measured in turns, so that a busy machine slows both alike; medians are compared. The whole read is measured
from the path to the finished values, not added up from its stages.

``python -m ocr_pipeline.evaluation.speed [--repeats N] [PHOTO...]`` prints a row for each of :data:`DRAWN`, photos of
12 megapixels and about 3 MB with their limits, and for each photo that is named, which has no limit: how long its bare
decode takes depends on how well it compresses. The limit is put to processor time, which is the wall's time on an idle
machine and is hardly changed by a busy one. A refusal is shown as one: it is no reading, however fast.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from ocr_pipeline.forms.library import load_form
from ocr_pipeline.synthesis import SynthesisSettings, phone_12mp, synthesize
from ocr_pipeline.values import PageRead

KIB = 1024
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadTimes:
    """Times of one photo, all in milliseconds and medians over the repeats.

    Attributes:
        repeats: how many reads the medians are of.
        decode_ms: the bare decode: file in memory to full-size grey, OpenCV, one thread.
        read_ms: the whole read, from the path.
        read_best_ms: the fastest of them.
        cpu_ms: processor time of the whole read; not above ``read_ms`` while one thread works.
        ratio: read_ms / decode_ms.
        cpu_ratio: cpu_ms over the processor time of the bare decode.
        stages_ms: stage -> time, as the reader reports it.
        peak_rss_mib: largest resident memory of the process so far, MiB.
        outcome: outcome of the read, so that nobody times a refusal.
        reason: why it was refused, or ``None``.
    """

    repeats: int
    decode_ms: float
    read_ms: float
    read_best_ms: float
    cpu_ms: float
    ratio: float
    cpu_ratio: float
    stages_ms: dict[str, float]
    peak_rss_mib: float
    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class BatchTimes:
    """Many reads in one process.

    Attributes:
        n: photos read.
        photos_per_s: per second of wall time on one core.
        rss_mib: resident memory after each quarter of the batch, MiB; flat when nothing leaks.
        peak_rss_mib: largest resident memory of the process, MiB.
    """

    n: int
    photos_per_s: float
    rss_mib: tuple[float, ...]
    peak_rss_mib: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """A 12-megapixel photo to draw, and the largest ratio that is allowed for it."""

    name: str
    form: str
    page: int
    limit: float

    def write(self, folder: Path) -> Path:
        """Draws it."""
        settings = SynthesisSettings(photo=phone_12mp(np.random.default_rng([_SEED, 12])))
        photo = synthesize(load_form(self.form), [self.page], _SEED, settings)[0]
        path = folder / f"{self.form}-{self.page}.jpg"
        path.write_bytes(photo.shot.encode())
        return path


DRAWN = (
    Drawn("tag", "c-hasil-ppwp-2024", 2, 15.0),
    Drawn("no tag, wall sheet", "c1-plano-dpr-2019", 2, 20.0),
    Drawn("no tag, scan form", "c1-ppwp-2019", 2, 20.0),
)
DEFAULT_REPEATS = 7
_SEED = 12


class Page(Protocol):
    """A result that carries a reading."""

    @property
    def read(self) -> PageRead:
        """The reading."""
        ...


ReadFile = Callable[[str], Sequence[Page]]


def time_reads(read_file: ReadFile, path: str, repeats: int) -> ReadTimes:
    """Times whole reads and bare decodes of one photo in turns.

    Args:
        read_file: reads one path; called once before the clock starts, so that models are warm.
        path: a photo that OpenCV can decode.
        repeats: at least 1.

    Raises:
        OSError: the photo cannot be read from disk.
        ValueError: OpenCV cannot decode it.
    """
    data = np.frombuffer(Path(path).read_bytes(), np.uint8)
    cv2.setNumThreads(1)
    read_file(path)
    decodes, reads, cpu, decode_cpu = [], [], [], []
    stages: dict[str, list[float]] = {}
    for _ in range(repeats):
        cpu_began = time.process_time()
        decodes.append(_bare_decode_ms(data))
        decode_cpu.append((time.process_time() - cpu_began) * 1000)
        cpu_began, began = time.process_time(), time.perf_counter()
        page = read_file(path)[0].read
        reads.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - cpu_began) * 1000)
        for stage, took_ms in page.timing_ms.items():
            stages.setdefault(stage, []).append(took_ms)
    decode_ms, read_ms = statistics.median(decodes), statistics.median(reads)
    return ReadTimes(
        repeats=repeats,
        decode_ms=decode_ms,
        read_ms=read_ms,
        read_best_ms=min(reads),
        cpu_ms=statistics.median(cpu),
        ratio=read_ms / decode_ms,
        cpu_ratio=statistics.median(cpu) / statistics.median(decode_cpu),
        stages_ms={stage: statistics.median(times) for stage, times in stages.items()},
        peak_rss_mib=peak_rss_mib(),
        outcome=page.outcome,
        reason=page.reason,
    )


def time_batch(read_file: ReadFile, path: str, n: int) -> BatchTimes:
    """Reads one photo ``n`` times (at least 4) in this process and thread and watches its memory."""
    rss = []
    began = time.perf_counter()
    for k in range(1, n + 1):
        read_file(path)
        if k * 4 // n > (k - 1) * 4 // n:
            rss.append(rss_mib())
    return BatchTimes(n, n / (time.perf_counter() - began), tuple(rss), peak_rss_mib())


def _bare_decode_ms(data: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> float:
    began = time.perf_counter()
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    took_ms = (time.perf_counter() - began) * 1000
    if image is None:
        raise ValueError("OpenCV cannot decode this photo, so there is no bare decode to compare with")
    return took_ms


def rss_mib() -> float:
    """Resident memory of this process now, MiB; Linux only, elsewhere the peak."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return peak_rss_mib()
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


def peak_rss_mib() -> float:
    """Largest resident memory of this process so far, MiB."""
    import resource  # not on Windows, where nothing else here needs it

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / KIB


def measure(read_file: ReadFile, photos: Sequence[str], repeats: int) -> Iterator[tuple[str, float | None, ReadTimes]]:
    """Times every drawn photo, then every other one: its name, its limit if it has one, its times.

    Raises:
        OSError: a photo cannot be read from disk.
        ValueError: OpenCV cannot decode it.
    """
    for drawn in DRAWN:
        with tempfile.TemporaryDirectory() as folder:
            yield drawn.name, drawn.limit, time_reads(read_file, str(drawn.write(Path(folder))), repeats)
    for photo in photos:
        yield photo, None, time_reads(read_file, photo, repeats)


def row(name: str, limit: float | None, times: ReadTimes) -> str:
    """One line of the table; its columns are :data:`COLUMNS`."""
    said = "" if limit is None else f"at most {limit:g}: {'yes' if kept(limit, times) else 'NO'}"
    clock = f"{times.decode_ms:>9.1f} {times.read_ms:>8.0f} {times.ratio:>6.1f}"
    return (
        f"{clock} {times.cpu_ms:>7.0f} {times.cpu_ratio:>6.1f}  {times.reason or times.outcome:<13} {said:<16} {name}"
    )


COLUMNS = "decode ms  read ms  ratio  cpu ms  ratio  outcome       limit            photo"


def kept(limit: float, times: ReadTimes) -> bool:
    """Whether a photo was read, and within its limit."""
    return times.reason is None and times.cpu_ratio <= limit


def main(arguments: Sequence[str]) -> int:
    """Command line; 1 when a limit was not kept."""
    parser = argparse.ArgumentParser(prog="python -m ocr_pipeline.evaluation.speed", description=__doc__)
    parser.add_argument("photos", nargs="*", metavar="PHOTO")
    parser.add_argument("--repeats", type=int, default=DEFAULT_REPEATS)
    given = parser.parse_args(arguments)
    from ocr_pipeline.reader import Reader  # models load only when there is something to read

    print(COLUMNS)
    broken = False
    for name, limit, times in measure(Reader.load().read_file, given.photos, given.repeats):
        print(row(name, limit, times), flush=True)
        broken |= limit is not None and not kept(limit, times)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
