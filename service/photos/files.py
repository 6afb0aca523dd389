"""The two files of a photo: the view that people are shown, and the original that only the audit asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service.access import Action, Actor
from service.audit import Act, append, kecamatan_of
from service.blobs.port import original_key, view_key
from service.errors import ServiceError
from service.photos.view import find_photo, newest_part
from service.services import Services
from service.store.photos import Photo

_SUFFIXES = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "heif": ".heic", "tiff": ".tif", "pdf": ".pdf"}


@dataclass(frozen=True, slots=True)
class View:
    """The upright picture of one page or of a number on it, without any metadata.

    Attributes:
        tag: changes when the picture may have changed.
        load: reads the JPEG's bytes; call it only when the client does not have them.
    """

    tag: str
    load: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Original:
    """The file as it was sent.

    Attributes:
        path: a file that holds it.
        name: what to call it; made of the photo's id, never of what the client called it.
        dispose: call it when the file has been sent.
    """

    path: Path
    name: str
    dispose: Callable[[], None]


def find_view(services: Services, actor: Actor, photo_id: str, part: int | None = None) -> View:
    """The picture that people are shown. It holds no EXIF and no place: it was drawn anew from the pixels.

    Args:
        services: the process's services.
        actor: who asks.
        photo_id: photo.
        part: page of a PDF from 1, 0 for a photo, ``None`` for the first there is.

    Raises:
        ServiceError: ``not_found``, ``foreign_region``, ``photo_erased``; ``not_ready`` while unread; ``no_view`` when
            the reader could not make a picture of the file (from ``load``).
    """
    with services.store.read() as session:
        photo = find_photo(session, actor, photo_id)
        refuse_erased(photo)
        found = newest_part(session, photo_id, part)
    if found is None:
        raise ServiceError("not_ready" if photo.state == "received" else "no_view", details={"photo": photo_id})
    part = found[0]
    return View(found[1], lambda: load_view(services, photo_id, part))


def load_view(services: Services, photo_id: str, part: int) -> bytes:
    """The bytes of a view that is allowed to be seen, a JPEG.

    Raises:
        ServiceError: ``no_view`` when the reader could not make a picture of the file.
    """
    try:
        return services.blobs.get(view_key(photo_id, part))
    except ServiceError as error:
        if error.code == "blob_missing":
            raise ServiceError("no_view", details={"photo": photo_id}) from error
        raise


def take_original(services: Services, actor: Actor, photo_id: str) -> Original:
    """The file as sent, with whatever metadata the phone wrote; that it was taken goes into the audit first.

    Raises:
        ServiceError: ``not_found``, ``forbidden``, ``foreign_region``, ``photo_erased``, ``blob_missing``,
            ``storage_away``.
    """
    with services.store.read() as session:
        photo = find_photo(session, actor, photo_id, Action.SEE_ORIGINAL)
        refuse_erased(photo)
    scratch_dir = services.settings.spool_dir / "scratch"  # what a crash leaves there is swept with old uploads
    scratch_dir.mkdir(parents=True, exist_ok=True)
    path = services.blobs.local_path(original_key(photo.sha256), scratch_dir)

    def dispose() -> None:
        if path.parent == scratch_dir:  # a copy, not the stored file itself
            path.unlink(missing_ok=True)

    try:
        with services.store.write() as session:
            act = Act("photo.original_taken", f"photo:{photo.id}", kecamatan_of(photo.tps), actor)
            append(session, [act], services.now())
    except BaseException:
        dispose()
        raise
    return Original(path, f"turus-{photo.id}{_SUFFIXES.get(photo.format, '.bin')}", dispose)


def refuse_erased(photo: Photo) -> None:
    """Raises ``photo_erased`` where nothing is left to show."""
    if photo.erased_at is not None:
        raise ServiceError("photo_erased", details={"photo": photo.id})
