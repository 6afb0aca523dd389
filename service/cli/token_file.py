"""Where the command line keeps the token of a server: one file that only its owner can read."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from service.cli.errors import UsageProblem

DEFAULT_SERVER = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """A server and how to get in. Not printed, because of the token.

    Attributes:
        server: its address.
        token: device token.
        key: the key it signs receipts with, base64, as it was when the token was kept.
    """

    server: str | None
    token: str
    key: str | None = None


def default_path() -> Path:
    """``$XDG_CONFIG_HOME/turus/token.json``, by default in ``~/.config``."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "turus" / "token.json"


def save(kept: Kept, path: Path) -> None:
    """Writes the file so that nobody else can read it (mode 0600), replacing what was there.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    own = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(kept), file)
        own.replace(path)
    finally:
        own.unlink(missing_ok=True)


def find(path: Path | None) -> Kept:
    """The token to use: of the file named, else ``TURUS_TOKEN``, else of :func:`default_path`.

    Args:
        path: a file with what :func:`save` wrote, or with nothing but the token.

    Raises:
        UsageProblem: there is none.
        OSError: the file cannot be read.
    """
    token = os.environ.get("TURUS_TOKEN", "").strip()
    if path is None and token:
        return Kept(None, token)
    chosen = path or default_path()
    if path is None and not chosen.exists():
        raise UsageProblem(
            "Belum masuk. Jalankan `turus activate KODE --server ALAMAT` atau `turus login NAMA --server ALAMAT`.",
            "Not logged in. Run `turus activate CODE --server ADDRESS` or `turus login NAME --server ADDRESS`.",
        )
    text = chosen.read_text(encoding="utf-8").strip()
    if not text.startswith("{"):
        return Kept(None, text)
    try:
        values: dict[str, Any] = json.loads(text)
        return Kept(values["server"], values["token"], values.get("key"))
    except (ValueError, KeyError) as error:
        raise UsageProblem(
            f"{chosen} rusak. Hapus lalu masuk lagi.", f"{chosen} is damaged. Delete it and log in again."
        ) from error


def warn_if_plain(server: str) -> str | None:
    """A warning for an address over which the token would travel in the clear."""
    from urllib.parse import urlsplit

    parts = urlsplit(server)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        return (
            "Peringatan: alamat http tanpa https; token dapat dibaca di jaringan. / "
            "Warning: http without https; the token can be read on the network."
        )
    return None
