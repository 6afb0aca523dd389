"""A real server for the client: the routes it uses, on a real port, over a database of its own."""

import hashlib
import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from PIL import Image
from sqlalchemy import func, select

from service.access import Role
from service.api import auth, photos, problems, receipts, uploads
from service.api.around import Around
from service.services import Services
from service.store.photos import Photo, Receipt
from service.uploads.intake import Intake
from tests.service.people import make_account, token_for
from tests.service.places import Places, open_election, small_country
from tests.service.uploads.wire import serving


@dataclass(frozen=True, slots=True)
class Stand:
    """The server and one KPPS of its first station."""

    url: str
    services: Services
    places: Places
    election: str
    token: str

    def photos(self) -> list[Photo]:
        with self.services.store.read() as session:
            return list(session.scalars(select(Photo).order_by(Photo.id)))

    def receipts(self) -> int:
        with self.services.store.read() as session:
            return session.scalar(select(func.count()).select_from(Receipt)) or 0

    def check_kept_once(self, data: bytes) -> None:
        (photo,) = self.photos()
        assert photo.sha256 == hashlib.sha256(data).hexdigest()
        assert self.services.blobs.get(f"originals/{photo.sha256}") == data
        assert self.receipts() == 1


@contextmanager
def standing(services: Services) -> Iterator[Stand]:
    places = small_country(services)
    election = open_election(services)
    token = token_for(services, make_account(services, Role.KPPS, places.tps[0]))
    with Intake(services, sweep_every_s=0) as intake:
        app = FastAPI()
        app.state.services = services
        app.state.intake = intake
        for router in (auth.router, uploads.router, photos.router, receipts.router):
            app.include_router(router)
        problems.install(app)
        app.add_middleware(Around, services=services)
        with serving(app) as url:
            yield Stand(url, services, places, election, token)


def jpeg(seed: int = 0, size_bytes: int = 40_000) -> bytes:
    """A JPEG of noise, different for each seed; readers ignore the bytes after its end that make it that large."""
    noise = random.Random(seed)
    buffer = io.BytesIO()
    Image.frombytes("L", (64, 48), noise.randbytes(64 * 48)).save(buffer, "JPEG")
    data = buffer.getvalue()
    return data + noise.randbytes(max(0, size_bytes - len(data)))


def write_photo(folder: Path, data: bytes, name: str = "foto.jpg") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
