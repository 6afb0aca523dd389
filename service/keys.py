"""Keys, all derived from one secret: sealing personal data, looking up phone numbers, signing receipts.

The secret is 32 bytes. On one machine it is made once and kept in ``data_dir/secret.key`` (mode 0600); several
machines share it as ``TURUS_SECRET_KEY``. Losing it makes names and phone numbers unreadable, and new receipts look
foreign; photos and results need no key.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service.errors import ServiceError, register
from service.settings import Settings

register(
    {
        "bad_settings": (
            500,
            "Pengaturan TURUS_... salah; lihat rinciannya.",
            "A TURUS_... setting is wrong; see the details.",
        )
    }
)

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Keys for one purpose each; never printed.

    Attributes:
        seal: encrypts names and phone numbers at rest (Fernet: AES-128-CBC with HMAC-SHA256).
        lookup: for :meth:`lookup_hash`.
        receipts: signs receipts (Ed25519).
    """

    seal: Fernet
    lookup: bytes
    receipts: Ed25519PrivateKey

    def lookup_hash(self, value: str) -> str:
        """A keyed hash (HMAC-SHA256, hex) by which a value can be found without being stored."""
        return hmac.new(self.lookup, value.encode(), hashlib.sha256).hexdigest()


def keys_from_secret(secret: bytes) -> Keys:
    """Derives every key from the secret (HKDF-SHA256, RFC 5869).

    Raises:
        ValueError: the secret is not 32 bytes long.
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"the secret key must be {SECRET_BYTES} bytes, not {len(secret)}")

    def derive(purpose: bytes) -> bytes:
        return HKDF(hashes.SHA256(), SECRET_BYTES, salt=None, info=b"turus/" + purpose).derive(secret)

    return Keys(
        seal=Fernet(base64.urlsafe_b64encode(derive(b"seal"))),
        lookup=derive(b"lookup"),
        receipts=Ed25519PrivateKey.from_private_bytes(derive(b"receipts")),
    )


def load_keys(settings: Settings) -> Keys:
    """The keys of this installation; the secret is made if there is none.

    Raises:
        ServiceError: ``bad_settings`` when the secret is not 32 bytes of base64.
    """
    given = settings.secret_key
    try:
        if given is not None:
            return keys_from_secret(base64.urlsafe_b64decode(given.get_secret_value()))
        return keys_from_secret(base64.urlsafe_b64decode(_kept_secret(settings.data_dir / "secret.key")))
    except (ValueError, binascii.Error) as error:
        raise ServiceError("bad_settings", details={"TURUS_SECRET_KEY": str(error)}) from error


def _kept_secret(path: Path) -> bytes:
    """The secret in the file, made on first use; two processes starting at once agree on one."""
    if not path.exists():
        own = path.with_name(f"secret-{secrets.token_hex(8)}.tmp")
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(own, path)  # the first one wins
        except FileExistsError:
            pass
        finally:
            own.unlink()
    return path.read_bytes()
