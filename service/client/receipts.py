"""Receipts: what they hold, whether they are genuine, and where they are kept."""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ReceiptInfo:
    """Proof that a photo was at the server at that time.

    Attributes:
        id: of the receipt.
        photo: id of the photo.
        sha256: of the file, lower-case hex.
        size_bytes: of the file.
        election: election.
        tps: station, 13 digits.
        page: page that the sender named.
        received_at: by the server's clock, UTC.
        on_behalf: sent by the PPK for a station.
        warnings: codes of what was odd, for example ``clock_off``.
        key: the server's public key, base64.
        raw: the receipt as the server answered it; keep it unchanged.
    """

    id: str
    photo: str
    sha256: str
    size_bytes: int
    election: str
    tps: str
    page: int | None
    received_at: datetime
    on_behalf: bool
    warnings: tuple[str, ...]
    key: str
    raw: Mapping[str, Any]

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """A receipt as the server answers it.

        Raises:
            KeyError: a member is missing.
        """
        return cls(
            id=raw["id"],
            photo=raw["photo"],
            sha256=raw["sha256"],
            size_bytes=raw["size_bytes"],
            election=raw["election"],
            tps=raw["tps"],
            page=raw.get("page"),
            received_at=datetime.fromisoformat(raw["received_at"]),
            on_behalf=raw["on_behalf"],
            warnings=tuple(warning["code"] for warning in raw["warnings"]),
            key=raw["key"],
            raw=raw,
        )


def verify_receipt(raw: Mapping[str, Any], server_key: str) -> bool:
    """Whether the server with this key signed exactly this receipt (Ed25519, RFC 8032).

    Args:
        raw: the receipt as answered or kept: the signature covers all its other members that are not null, as JSON
            with sorted keys and no spaces.
        server_key: 32 bytes, base64, from ``GET /receipts/key`` or as published.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    members = {name: value for name, value in raw.items() if name != "signature" and value is not None}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(server_key, validate=True))
        key.verify(base64.b64decode(str(raw.get("signature")), validate=True), text.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return members.get("key") == server_key


def save_receipt(receipt: ReceiptInfo, photo: Path) -> Path:
    """Writes the receipt beside its photo, as ``<photo>.receipt.json``, safely on disk when this returns.

    Another receipt that is there already is kept: this one then gets its id in its name.

    Raises:
        OSError: the folder cannot be written to.
    """
    text = json.dumps(dict(receipt.raw), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    path = photo.with_name(f"{photo.name}.receipt.json")
    if path.exists() and path.read_text(encoding="utf-8") != text:
        path = photo.with_name(f"{photo.name}.{receipt.id}.receipt.json")
    own = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with own.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        own.replace(path)
    finally:
        own.unlink(missing_ok=True)
    return path
