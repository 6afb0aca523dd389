"""How long a read takes, compared with the bare decode of the same photo, on one thread.

The two are measured in turns, so that a busy machine slows both alike; medians are compared. The whole read is measured
from the path to the finished values, not added up from its stages.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

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
    decodes, reads, cpu = [], [], []
    stages: dict[str, list[float]] = {}
    for _ in range(repeats):
        decodes.append(_bare_decode_ms(data))
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
