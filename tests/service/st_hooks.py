"""What schemathesis must be told about this API: how the bytes of a resumable upload are sent."""

from typing import Any

import schemathesis
from schemathesis import SerializationContext


@schemathesis.serializer("application/offset+octet-stream")
def offset_bytes(context: SerializationContext, value: Any) -> bytes | None:
    """Bytes as they are; anything else as text."""
    return value if isinstance(value, bytes) else str(value).encode()
