"""What a process is made of: built once at its start, handed to everything, never looked up in a global."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ocr_pipeline.forms.library import use_folder
from service.blobs.open import open_blobs
from service.blobs.port import BlobStore
from service.keys import Keys, load_keys
from service.settings import Settings
from service.store import tables as tables  # every table must be known before the first query
from service.store.engine import Store


def utc_now() -> datetime:
    """The server's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """The parts every process shares. Tests put their own clock in."""

    settings: Settings
    store: Store
    blobs: BlobStore
    keys: Keys
    now: Callable[[], datetime] = field(default=utc_now)


def build_services(settings: Settings) -> Services:
    """Opens the database and the blob store (both lazily), adds one's own forms, and loads or makes the keys.

    Raises:
        DefinitionError: a form in ``forms_dir`` is wrong.
        OSError: ``forms_dir`` cannot be read.
        ServiceError: ``bad_settings`` when an address or key cannot be used.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if settings.forms_dir is not None:
        use_folder(settings.forms_dir)
    return Services(
        settings=settings,
        store=Store(settings.database),
        blobs=open_blobs(settings),
        keys=load_keys(settings),
    )
