"""Where the bytes of unfinished uploads lie: as parts, each written once and never changed.

A part holds the bytes from one offset on. It counts only when it is safe (synced, under its final name), and its name
says which bytes it holds. Two connections that send the same stretch make two parts and harm nothing; what counts is
how far the parts reach without a gap. On a disk a part is a file, in an S3 store an object, so that any web process
can go on with an upload that another began.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from service.blobs.local import LocalBlobs, sync_folder
from service.blobs.port import BlobStore
from service.blobs.problems import disk_error
from service.errors import ServiceError
from service.services import Services

_NAME: Final = re.compile(r"(\d{12})-(\d{12})-[0-9a-f]{16}", re.ASCII)
_PIECE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part that is safe: the bytes from ``start`` up to ``end``, under ``name``."""

    start: int
    end: int
    name: str


class Spool(Protocol):
    """Parts of uploads. Methods raise ServiceError ``disk_full`` or ``storage_away``."""

    def keep(self, upload_id: str, start: int, path: Path) -> None:
        """Makes the file's bytes a part that begins at ``start``; when it returns they are safe."""

    def parts(self, upload_id: str) -> Sequence[Stretch]:
        """The parts of an upload, in no order."""

    def read_part(self, upload_id: str, part: Stretch) -> Iterator[bytes]:
        """The bytes of a part."""

    def delete(self, upload_id: str) -> None:
        """Drops an upload's parts; none is no error."""

    def uploads(self) -> Iterable[str]:
        """Ids of all uploads that have parts, for the sweeper."""


class LocalSpool:
    """Parts as files ``<root>/<upload id>/<start>-<end>-<random>``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def keep(self, upload_id: str, start: int, path: Path) -> None:
        """Syncs the file and gives it its final name, on the same disk."""
        with disk_errors():
            folder = self._root / upload_id
            is_new = not folder.is_dir()
            folder.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as file:
                os.fsync(file.fileno())
                size = os.fstat(file.fileno()).st_size
            path.replace(folder / _part_name(start, size))
            sync_folder(folder)
            if is_new:
                sync_folder(self._root)

    def parts(self, upload_id: str) -> Sequence[Stretch]:
        """The parts whose size is what their name says."""
        with disk_errors():
            try:
                entries = list(os.scandir(self._root / upload_id))
            except FileNotFoundError:
                return []
            named = [(entry, _stretch(entry.name)) for entry in entries]
            return [part for entry, part in named if part and entry.stat().st_size == part.end - part.start]

    def read_part(self, upload_id: str, part: Stretch) -> Iterator[bytes]:
        """The bytes of a part."""
        with disk_errors(), (self._root / upload_id / part.name).open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    def delete(self, upload_id: str) -> None:
        """Drops an upload's folder."""
        shutil.rmtree(self._root / upload_id, ignore_errors=True)

    def uploads(self) -> Iterable[str]:
        """Names of the folders."""
        if not self._root.is_dir():
            return []
        return sorted(entry.name for entry in os.scandir(self._root) if entry.is_dir())


class ObjectSpool:
    """Parts as objects ``spool/<upload id>/<start>-<end>-<random>`` of the blob store."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def keep(self, upload_id: str, start: int, path: Path) -> None:
        """Stores the file as an object."""
        with disk_errors():
            size = path.stat().st_size
        self._blobs.put_file(self._key(upload_id, _part_name(start, size)), path)
        path.unlink(missing_ok=True)

    def parts(self, upload_id: str) -> Sequence[Stretch]:
        """The objects of an upload."""
        prefix = self._key(upload_id, "")
        found = (_stretch(key.removeprefix(prefix)) for key in self._blobs.keys(prefix))
        return [part for part in found if part is not None]

    def read_part(self, upload_id: str, part: Stretch) -> Iterator[bytes]:
        """The bytes of a part."""
        yield self._blobs.get(self._key(upload_id, part.name))

    def delete(self, upload_id: str) -> None:
        """Erases an upload's objects."""
        prefix = self._key(upload_id, "")
        for key in list(self._blobs.keys(prefix)):
            self._blobs.delete(key)

    def uploads(self) -> Iterable[str]:
        """Ids found in the objects' names."""
        return sorted({key.split("/")[1] for key in self._blobs.keys("spool/")})

    def _key(self, upload_id: str, name: str) -> str:
        return f"spool/{upload_id}/{name}"


def open_spool(services: Services) -> Spool:
    """Beside the database where photos lie on this machine's disk, else in the photo store itself."""
    if isinstance(services.blobs, LocalBlobs):
        return LocalSpool(services.settings.spool_dir / "parts")
    return ObjectSpool(services.blobs)


def reach(parts: Iterable[Stretch]) -> int:
    """How many bytes from the beginning the parts hold without a gap."""
    end = 0
    for part in sorted(parts, key=lambda part: part.start):
        if part.start <= end:
            end = max(end, part.end)
    return end


def cover(parts: Sequence[Stretch], up_to: int) -> list[tuple[Stretch, int]]:
    """Which parts to read for the bytes from 0 to ``up_to``, each with the number of its first bytes to skip.

    Raises:
        ServiceError: ``storage_away`` where there is a gap: parts that were safe are gone.
    """
    chosen: list[tuple[Stretch, int]] = []
    position = 0
    while position < up_to:
        best = max((part for part in parts if part.start <= position), key=lambda part: part.end, default=None)
        if best is None or best.end <= position:
            raise ServiceError("storage_away", details={"cause": "parts are missing"})
        chosen.append((best, position - best.start))
        position = best.end
    return chosen


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turns an error of the disk into ``disk_full`` or ``storage_away``."""
    try:
        yield
    except OSError as error:
        raise disk_error(error) from error


def _part_name(start: int, size: int) -> str:
    return f"{start:012d}-{start + size:012d}-{secrets.token_hex(8)}"


def _stretch(name: str) -> Stretch | None:
    match = _NAME.fullmatch(name)
    return Stretch(int(match[1]), int(match[2]), name) if match else None
