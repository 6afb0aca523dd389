"""Photos in a folder of this machine's disk.

A file appears under its name only when its bytes are on the disk: written under another name, synced, linked, and the
folder synced too. A machine that loses power keeps every photo that was acknowledged.
"""

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from service.blobs.problems import disk_error
from service.errors import ServiceError

_KEY: Final = re.compile(r"[a-z0-9_-]+(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+", re.ASCII)
_TEMPORARY: Final = ".tmp-"


class LocalBlobs:
    """A :class:`service.blobs.port.BlobStore` in a folder, which may be shared by several processes.

    ``originals/<name>`` lies in ``originals/<2 hex digits>/<name>``: a folder with a million files is slow to list.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def put_file(self, key: str, path: Path) -> None:
        """Stores a file's bytes; ``path`` stays, as a second name for the same bytes where the disk allows that."""
        target = self._path(key)
        with _storage_errors():
            if not target.exists():
                self._make_folder(target.parent)
                self._link(path, target)
            sync_folder(target.parent)  # also when it was there: whoever put it may not have got this far

    def put_bytes(self, key: str, data: bytes) -> None:
        """Stores small bytes, in place of what was there."""
        target = self._path(key)
        with _storage_errors():
            self._make_folder(target.parent)
            with self._temporary(target) as own:
                own.write_bytes(data)
                _sync_file(own)
                own.replace(target)
            sync_folder(target.parent)

    def exists(self, key: str) -> bool:
        """Whether there is something under the key."""
        with _storage_errors():
            return self._path(key).is_file()

    def get(self, key: str) -> bytes:
        """All bytes under the key."""
        with _storage_errors(key):
            return self._path(key).read_bytes()

    def size(self, key: str) -> int:
        """Their number."""
        with _storage_errors(key):
            return self._path(key).stat().st_size

    def local_path(self, key: str, scratch_dir: Path) -> Path:
        """The stored file itself: the caller must neither change nor delete it."""
        with _storage_errors(key):
            path = self._path(key)
            path.stat()
            return path

    def delete(self, key: str) -> None:
        """Erases; a missing key is no error."""
        with _storage_errors():
            path = self._path(key)
            path.unlink(missing_ok=True)
            if path.parent.exists():
                sync_folder(path.parent)

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys below a prefix, one folder at a time."""
        with _storage_errors():
            for top in sorted(path for path in self.root.glob("*") if path.is_dir()):
                for shard in sorted(path for path in top.iterdir() if path.is_dir()):
                    for entry in os.scandir(shard):
                        key = f"{top.name}/{entry.name}"
                        if not entry.name.startswith(_TEMPORARY) and key.startswith(prefix):
                            yield key

    def free_bytes(self) -> int | None:
        """Room left on the disk for us."""
        with _storage_errors():
            return shutil.disk_usage(_existing(self.root)).free

    def check(self) -> None:
        """Returns when the folder can be written to."""
        with _storage_errors():
            self._make_folder(self.root)
            if not os.access(self.root, os.W_OK | os.X_OK):
                raise PermissionError

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key: {key!r}")  # keys are ours: a programming error
        top, name = key.split("/", 1)
        shard = name[:2] if top == "originals" else hashlib.sha256(name.encode()).hexdigest()[:2]
        return self.root / top / shard / name

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)

    def _link(self, path: Path, target: Path) -> None:
        _sync_file(path)
        try:
            os.link(path, target)
        except FileExistsError:
            return  # another request was first; equal keys mean equal bytes
        except FileNotFoundError:
            raise
        except OSError as error:
            if disk_error(error).code == "disk_full":
                raise
            self._copy(path, target)  # another disk, or one without links

    def _copy(self, path: Path, target: Path) -> None:
        with self._temporary(target) as own:
            shutil.copyfile(path, own)
            _sync_file(own)
            own.replace(target)

    @contextmanager
    def _temporary(self, target: Path) -> Iterator[Path]:
        own = target.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}")
        try:
            yield own
        finally:
            own.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder safe against a loss of power (``fsync`` of the folder, POSIX)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


@contextmanager
def _storage_errors(key: str | None = None) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if key is not None:
            raise ServiceError("blob_missing", details={"key": key}) from error
        raise disk_error(error) from error
    except OSError as error:
        raise disk_error(error) from error
