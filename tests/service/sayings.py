"""Readings and photos made up for tests: what the machine says of a station, without any picture."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import func, select

from ocr_pipeline.values import DecodedNumbers, NumberRead
from service.access import Role
from service.decisions.record import NumberChange, record_machine
from service.ids import new_id
from service.recap.apply import lock_station
from service.services import Services
from service.store.photos import Photo
from service.store.readings import StationReading
from tests.service.people import make_account

FULL: Mapping[str, int] = {
    "paslon_1": 100, "paslon_2": 60, "paslon_3": 40, "sah": 200, "tidak_sah": 10, "total": 210,
    "dpt_l": 120, "dpt_p": 130, "dpt_j": 250,
    "pengguna_dpt_l": 100, "pengguna_dpt_p": 105, "pengguna_dpt_j": 205,
    "pengguna_dptb_l": 2, "pengguna_dptb_p": 1, "pengguna_dptb_j": 3,
    "pengguna_dpk_l": 1, "pengguna_dpk_p": 1, "pengguna_dpk_j": 2,
    "pengguna_l": 103, "pengguna_p": 107, "pengguna_j": 210,
    "surat_diterima": 255, "surat_digunakan": 210, "surat_dikembalikan": 0, "surat_tidak_digunakan": 45,
    "disabilitas_l": 0, "disabilitas_p": 1, "disabilitas_j": 1,
}  # fmt: skip
"""Every number of c-hasil-ppwp-2024, with all arithmetic in order."""


def number(field: str, value: int | None, *why: Any) -> NumberRead:
    """A number as the machine says it: accepted without reasons, else for a person."""
    written = "___" if value is None else str(value).rjust(3, "X")
    return NumberRead(
        field, value, written, 0.5 if why else 0.9999, "review" if why else "accepted", why, {}, np.zeros((4, 2))
    )


def add_photo(services: Services, election: str, tps: str, sender: str | None = None, **columns: Any) -> str:
    """A photo that lies under a station; its bytes do not exist. Returns its id.

    Without a sender, an officer of the station is made; ``columns`` are what the row has instead of the usual.
    """
    row: dict[str, Any] = {
        "id": new_id(),
        "election_id": election,
        "tps_sent": tps,
        "tps": tps,
        "sha256": new_id() * 2,
        "size_bytes": 1,
        "format": "jpeg",
        "received_at": services.now(),
        "sender_id": sender or make_account(services, Role.KPPS, tps),
        "on_behalf": False,
        "channel": "put",
        "state": "read",
        "capture": {},
    }
    row |= columns
    photo = Photo(kecamatan=row["tps"][:6], **row)
    with services.store.write() as session:
        session.add(photo)
    return photo.id


def machine_says(
    services: Services, election: str, tps: str, numbers: Mapping[str, int | NumberRead | None]
) -> tuple[NumberChange, ...]:
    """Records a new station reading: plain values are accepted, :func:`number` says anything else."""
    read = {name: value if isinstance(value, NumberRead) else number(name, value) for name, value in numbers.items()}
    mine = (StationReading.election_id == election, StationReading.tps == tps)
    with services.store.write() as session:
        lock_station(session, election, tps, services.now())
        reading = StationReading(
            id=new_id(),
            election_id=election,
            tps=tps,
            seq=(session.scalar(select(func.max(StationReading.seq)).where(*mine)) or 0) + 1,
            inputs=new_id(),
            form_id="c-hasil-ppwp-2024",
            reader_rev="test",
            verdict="consistent",
            body={},
            created_at=services.now(),
        )
        session.add(reading)
        return record_machine(session, services, election, tps, reading, DecodedNumbers(read, (), "consistent"))
