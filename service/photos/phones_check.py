"""After a run of simulated phones: what the server really has, and what it cost in memory."""

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sqlalchemy import select

from service.blobs.port import original_key
from service.photos.phones import Run
from service.services import build_services
from service.settings import Settings
from service.store.photos import Photo, PhotoEvent, Receipt
from service.store.readings import Job
from service.uploads.receipts import public_key, verify_receipt

SAMPLE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Found:
    """What the database and the store hold.

    Attributes:
        arrived: stations with the very photo that their phone sent, and whose phone holds its receipt.
        intact: of these, those whose stored bytes hash to what the phone sent.
        once: of these, those with one photo, one receipt, one job and one event.
        receipts_genuine: of these, those whose receipt is signed by the server.
        strangers: photos that no phone sent.
    """

    arrived: int
    intact: int
    once: int
    receipts_genuine: int
    strangers: int


class Memory:
    """Watches a process's resident memory (Linux: ``/proc``) from a thread, MiB."""

    def __init__(self, pid: int) -> None:
        self._path = Path(f"/proc/{pid}/status")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.samples_mib: list[float] = []

    def __enter__(self) -> Self:
        self.samples_mib.append(self._now())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.samples_mib.append(self._now())

    def figures(self) -> dict[str, float]:
        """At the start, after each quarter of the time, at the end, and the most."""
        last = len(self.samples_mib) - 1
        names = ("start", "quarter", "half", "three_quarters", "end")
        found = {name: self.samples_mib[last * k // 4] for k, name in enumerate(names)}
        return {name: round(value, 1) for name, value in {**found, "peak": max(self.samples_mib)}.items()}

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            self.samples_mib.append(self._now())

    def _now(self) -> float:
        try:
            lines = self._path.read_text().splitlines()
        except OSError:  # the process is over
            return 0.0
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def check(settings: Settings, run: Run) -> Found:
    """Compares what the phones sent with what is there."""
    services = build_services(settings)
    with services.store.read() as session:
        photos = session.scalars(select(Photo)).all()
        receipts = session.scalars(select(Receipt)).all()
        jobs = Counter(session.scalars(select(Job.photo_id)))
        events = Counter(session.scalars(select(PhotoEvent.photo_id)))
    key = public_key(services.keys)
    receipts_of = Counter(receipt.photo_id for receipt in receipts)
    genuine = {receipt.photo_id for receipt in receipts if verify_receipt(receipt.body, receipt.signature, key)}
    held = {receipt.photo_id for receipt in receipts if receipt.id in set(run.receipts)}
    of_station = Counter(photo.tps for photo in photos)
    own = [photo for photo in photos if run.expected.get(photo.tps) == photo.sha256]
    arrived = [photo for photo in own if photo.id in held]
    found = Found(
        arrived=len(arrived),
        intact=sum(
            hashlib.sha256(services.blobs.get(original_key(photo.sha256))).hexdigest() == photo.sha256
            for photo in arrived
        ),
        once=sum(
            of_station[photo.tps] == receipts_of[photo.id] == jobs[photo.id] == events[photo.id] == 1
            for photo in arrived
        ),
        receipts_genuine=sum(photo.id in genuine for photo in arrived),
        strangers=len(photos) - len(own),
    )
    services.store.close()
    return found
