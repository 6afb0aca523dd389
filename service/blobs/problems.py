"""Codes of the photo storage, and how errors of disks become them."""

import errno

from service.errors import ServiceError, register

register(
    {
        "blob_missing": (
            404,
            "Berkas ini tidak ada di penyimpanan. Hubungi pengelola server.",
            "This file is not in the storage. Ask whoever runs the server.",
        ),
    }
)

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def disk_error(error: OSError) -> ServiceError:
    """``disk_full`` when there is no room, else ``storage_away``; the path is not told."""
    code = "disk_full" if error.errno in _NO_ROOM else "storage_away"
    return ServiceError(code, details={"cause": errno.errorcode.get(error.errno or 0, "unknown")})
