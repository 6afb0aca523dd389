"""From ``TURUS_BLOB_URL`` to a store."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from service.blobs import problems as problems
from service.blobs.local import LocalBlobs
from service.blobs.port import BlobStore
from service.errors import ServiceError
from service.settings import Settings


def open_blobs(settings: Settings) -> BlobStore:
    """The store that the settings name, ``file:///folder`` or ``s3://bucket/prefix``; nothing is connected yet.

    Raises:
        ServiceError: ``bad_settings`` for any other address.
    """
    url = urlsplit(settings.blobs)
    if url.scheme == "file" and url.netloc in ("", "localhost") and url.path:
        return LocalBlobs(Path(unquote(url.path)))
    if url.scheme == "s3" and url.netloc:
        from service.blobs.s3 import S3Blobs  # 40 ms that an installation with a disk need not spend

        return S3Blobs(url.netloc, url.path, settings.s3_endpoint)
    raise ServiceError("bad_settings", details={"TURUS_BLOB_URL": "file:///folder or s3://bucket/prefix"})
