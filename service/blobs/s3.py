"""Photos in an S3-compatible store, through obstore.

Credentials and region come from where every S3 program looks for them (``AWS_ACCESS_KEY_ID``, ``AWS_REGION``, the
machine's role, ...). Tried on moto's server, which is a stand-in: no real S3 store was to be had.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import S3Store

from service.errors import ServiceError

_TIMEOUT: Final = timedelta(seconds=30)
_CONNECT_TIMEOUT: Final = timedelta(seconds=5)
_RETRY_FOR: Final = timedelta(seconds=10)
_RETRIES: Final = 3


class S3Blobs:
    """A :class:`service.blobs.port.BlobStore` in a bucket. Acknowledged by the store means safe."""

    def __init__(self, bucket: str, prefix: str = "", endpoint: str | None = None) -> None:
        """Connects lazily.

        Args:
            bucket: name; it must exist.
            prefix: put before every key.
            endpoint: address of a store that is not Amazon's.
        """
        plain = endpoint is not None and endpoint.startswith("http://")
        self._store = S3Store(
            bucket,
            prefix=prefix.strip("/") or None,
            config={
                # The store compares the bytes it got with this sum, so a flipped bit on the way is a failed put.
                "checksum_algorithm": "SHA256",
                "virtual_hosted_style_request": endpoint is None,
                **({"endpoint": endpoint} if endpoint else {}),
            },
            client_options={"timeout": _TIMEOUT, "connect_timeout": _CONNECT_TIMEOUT, "allow_http": plain},
            retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRY_FOR},
        )

    def put_file(self, key: str, path: Path) -> None:
        """Stores a file's bytes; ``path`` stays."""
        with _store_errors():
            if not self.exists(key):
                obstore.put(self._store, key, path)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Stores small bytes, in place of what was there."""
        with _store_errors():
            obstore.put(self._store, key, data)

    def exists(self, key: str) -> bool:
        """Whether there is something under the key."""
        try:
            self.size(key)
        except ServiceError as error:
            if error.code == "blob_missing":
                return False
            raise
        return True

    def get(self, key: str) -> bytes:
        """All bytes under the key."""
        with _store_errors(key):
            return bytes(obstore.get(self._store, key).bytes())

    def size(self, key: str) -> int:
        """Their number."""
        with _store_errors(key):
            return int(obstore.head(self._store, key)["size"])

    def local_path(self, key: str, scratch_dir: Path) -> Path:
        """A copy in ``scratch_dir``, for the caller to delete."""
        target = scratch_dir / f"blob-{secrets.token_hex(8)}"
        try:
            with _store_errors(key), target.open("xb") as file:
                for piece in obstore.get(self._store, key).stream():
                    file.write(piece)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return target

    def delete(self, key: str) -> None:
        """Erases; a missing key is no error."""
        try:
            with _store_errors(key):
                obstore.delete(self._store, key)
        except ServiceError as error:
            if error.code != "blob_missing":
                raise

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys that begin with the prefix. S3 lists by folders, so the rest of the prefix is compared here."""
        folder = prefix.rpartition("/")[0]
        with _store_errors():
            for page in obstore.list(self._store, folder or None):
                yield from (item["path"] for item in page if item["path"].startswith(prefix))

    def free_bytes(self) -> int | None:
        """Nobody can say."""
        return None

    def check(self) -> None:
        """Returns when the store answers a question for a key that is not there."""
        self.exists("check/none")


@contextmanager
def _store_errors(key: str | None = None) -> Iterator[None]:
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        if key is not None:
            raise ServiceError("blob_missing", details={"key": key}) from error
        raise ServiceError("storage_away", details={"cause": "NotFound"}) from error
    except (AlreadyExistsError, PreconditionError):
        return  # equal keys mean equal bytes
    except (BaseError, OSError) as error:
        # Not the error's text: it can hold addresses and request ids of the store.
        raise ServiceError("storage_away", details={"cause": type(error).__name__}) from error
