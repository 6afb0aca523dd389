"""What the service needs of a photo storage."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class BlobStore(Protocol):
    """Bytes under keys. ``originals/<sha256>`` are photos as sent; ``views/...`` can be made again from them.

    Every method raises ``ServiceError``: ``storage_away`` when the storage does not answer (try again), ``disk_full``
    when there is no room. ``get`` and ``open_local`` raise ``blob_missing`` for a key that is not there.
    """

    def put_file(self, key: str, path: Path) -> None:
        """Stores a file's bytes under the key; when it returns they are safe (fsynced, or acknowledged by the store).

        Storing the same key again is no error and changes nothing. ``path`` stays where it is unless the store can
        simply rename it; callers must not use it afterwards.
        """

    def put_bytes(self, key: str, data: bytes) -> None:
        """Stores small bytes; may replace what was there (for views)."""

    def exists(self, key: str) -> bool:
        """Whether there is something under the key."""

    def get(self, key: str) -> bytes:
        """All bytes under the key."""

    def size(self, key: str) -> int:
        """Their number, without reading them."""

    def local_path(self, key: str, scratch_dir: Path) -> Path:
        """A file holding the bytes: the stored one itself, or a copy in ``scratch_dir`` that the caller deletes."""

    def delete(self, key: str) -> None:
        """Erases, for the retention rules only; a missing key is no error."""

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys below a prefix, for the reconciler and for backups."""

    def free_bytes(self) -> int | None:
        """Room left; ``None`` where nobody can say."""

    def check(self) -> None:
        """Returns when the storage answers, for readiness."""


def original_key(sha256: str) -> str:
    """Key of a photo as it was sent."""
    return f"originals/{sha256}"


def view_key(photo_id: str, part: int) -> str:
    """Key of the upright picture without metadata that people are shown."""
    return f"views/{photo_id}-{part}.jpg"
