"""The country, election, people and photos of the fault runs, and what must be true of a station at the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from service.access import Role
from service.blobs.port import original_key
from service.regions.load import import_regions
from service.services import Services
from service.store.photos import Photo, Receipt
from service.store.readings import Decision, Job, Reading, StationReading
from service.store.recap import SLOTS, recap, value_column
from tests.service.people import make_account, token_for
from tests.service.places import open_election

DESAS = ("1871011001", "1871011002", "1871021001", "1871021002")
SAMPLES = Path(__file__).resolve().parents[2] / "samples"
PAGES = tuple(SAMPLES / f"tps-a-hal{page}.jpg" for page in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Station:
    """One station of the runs and the token of its KPPS."""

    tps: str
    token: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left in the database of one station, without ids and times: equal runs have equal outcomes."""

    numbers: tuple[tuple[Any, ...], ...]
    recap: tuple[Any, ...] | None


def build(services: Services, stations: int) -> tuple[str, list[Station]]:
    """Makes a city with that many stations over two kecamatan, an open election, and a KPPS for each station."""
    each = -(-stations // len(DESAS))
    names = "".join(f"{desa},DESA {desa},{each}\n" for desa in DESAS)
    head = "code,name,tps\n18,LAMPUNG,\n1871,KOTA BANDAR LAMPUNG,\n187101,KEDATON,\n187102,SUKARAME,\n"
    import_regions(services, (head + names).encode())
    election = open_election(services)
    codes = [f"{desa}{number:03d}" for number in range(1, each + 1) for desa in DESAS][:stations]
    return election, [Station(code, token_for(services, make_account(services, Role.KPPS, code))) for code in codes]


def photos_for(station: Station) -> list[bytes]:
    """The three sample pages, each made this station's own by a comment in the file: equal pictures, other bytes."""
    comment = f"turus fault run {station.tps}".encode()
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return [data[:2] + segment + data[2:] for data in (path.read_bytes() for path in PAGES)]


def finished(services: Services, election: str, tps: str, photos: int) -> bool:
    """Whether every photo of the station is read and its job is over."""
    with services.store.read() as session:
        here = select(func.count()).select_from(Photo).where(Photo.election_id == election, Photo.tps == tps)
        read = session.scalar(here.where(Photo.state == "read"))
        open_jobs = session.scalar(
            select(func.count())
            .select_from(Job)
            .join(Photo, Photo.id == Job.photo_id)
            .where(Photo.tps == tps, Job.state != "done")
        )
    return read == photos and open_jobs == 0


def outcome(services: Services, election: str, tps: str) -> Outcome:
    """The station's current decisions and its recap row."""
    with services.store.read() as session:
        decisions = session.scalars(
            select(Decision).where(Decision.election_id == election, Decision.tps == tps).order_by(Decision.seq)
        ).all()
        latest = {d.field: (d.field, d.kind, d.outcome, d.value, d.as_written, tuple(d.why)) for d in decisions}
        values = [recap.c[value_column(slot)] for slot in range(SLOTS)]
        row = session.execute(
            select(recap.c.verdict, recap.c.verified, recap.c.review, *values).where(
                recap.c.election_id == election, recap.c.tps == tps
            )
        ).first()
    return Outcome(tuple(sorted(latest.values())), None if row is None else tuple(row))


def faults_of(services: Services, election: str, tps: str, sent: Sequence[tuple[str, bytes]]) -> list[str]:
    """What is lost or doubled at a station; empty when every photo is there once, intact, and read once.

    Args:
        services: of the system under test.
        election: election.
        tps: station.
        sent: SHA-256 and bytes of what was sent.
    """
    found: list[str] = []
    with services.store.read() as session:
        photos = session.scalars(select(Photo).where(Photo.election_id == election, Photo.tps == tps)).all()
        by_sha = {photo.sha256: photo for photo in photos}
        if len(photos) != len(by_sha):
            found.append(f"{len(photos)} rows for {len(by_sha)} photos")
        for sha256, data in sent:
            photo = by_sha.get(sha256)
            if photo is None:
                found.append(f"lost: {sha256[:12]}")
                continue
            if services.blobs.get(original_key(sha256)) != data:
                found.append(f"bytes differ: {sha256[:12]}")
            for what, table in (("readings", Reading), ("receipts", Receipt), ("jobs", Job)):
                count = session.scalar(select(func.count()).select_from(table).where(table.photo_id == photo.id))
                if count != 1:
                    found.append(f"{count} {what} of {sha256[:12]}")
        found.extend(f"unknown photo: {sha256[:12]}" for sha256 in set(by_sha) - {sha for sha, _ in sent})
        inputs = session.scalars(
            select(StationReading.inputs).where(StationReading.election_id == election, StationReading.tps == tps)
        ).all()
        if len(inputs) != len(set(inputs)):
            found.append("a station was decided twice from the same readings")
    return found
