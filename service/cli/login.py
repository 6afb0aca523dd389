"""``turus activate``, ``turus login``, ``turus logout``: a token for ``turus send``, kept in a file."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import token_file
from service.cli.errors import print_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.client import LoginInfo, TurusClient

Server = Annotated[str | None, typer.Option(metavar="URL", help="Alamat server. / The server's address.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="Berkas token. Bawaan: ~/.config/turus/token.json / Token file; default as shown.",
    ),
]
Device = Annotated[str, typer.Option(metavar="NAME", help="Nama perangkat ini. / Name of this device.")]

_FAILED_EXIT = 1


def activate(
    code: Annotated[
        str,
        typer.Argument(
            metavar="CODE|LINK|-",
            help="Kode atau tautan sekali pakai; - membacanya dari stdin. / One-time code or link; - reads stdin.",
        ),
    ],
    server: Server = None,
    phone: Annotated[str | None, typer.Option(help="Nomor ponsel, untuk kode. / Phone number, with a code.")] = None,
    with_password: Annotated[
        bool, typer.Option("--with-password", help="Buat kata sandi juga. / Also choose a password.")
    ] = False,
    device: Device = "",
    token_path: TokenFile = None,
) -> int:
    """Aktifkan akun di perangkat ini / Activate an account on this device."""
    text = (sys.stdin.readline() if code == "-" else code).strip()
    link_server, token = _split_link(text)
    password = _ask_password(confirm=True) if with_password else None

    def enter(client: "TurusClient") -> "LoginInfo":
        if token is not None:
            return client.activate(token=token, password=password, device=device)
        if phone is None:  # a long secret without its link
            return client.activate(token=text, password=password, device=device)
        return client.activate(code=text, phone=phone, password=password, device=device)

    return _enter(server or link_server, token_path, enter)


def login(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Nama masuk atau nomor ponsel. / Login or phone number.")],
    server: Server = None,
    device: Device = "",
    token_path: TokenFile = None,
) -> int:
    """Masuk dengan kata sandi; dari stdin bila bukan terminal / Log in with a password; from stdin if piped."""
    password = _ask_password(confirm=False)
    return _enter(server, token_path, lambda client: client.log_in(name, password, device))


def logout(
    token_path: TokenFile = None,
) -> int:
    """Akhiri sesi dan hapus token / End the session and delete the token."""
    from service.client import ClientProblem, Patience, TurusClient

    kept = token_file.find(token_path)
    try:
        with TurusClient(kept.server or _default_server(), kept.token, patience=Patience(patience_s=20)) as client:
            client.log_out()
    except ClientProblem as error:
        if error.code not in ("not_logged_in", "session_ended"):
            print_error(error.code, error.message_id, error.message_en)
            return _FAILED_EXIT
    path = token_path or token_file.default_path()
    path.unlink(missing_ok=True)
    print("Sudah keluar. / Logged out.")
    return 0


def _enter(server: str | None, token_path: Path | None, enter: "Callable[[TurusClient], LoginInfo]") -> int:
    from httpx2 import TransportError

    from service.client import CannotReach, ClientProblem, Patience, TurusClient

    address = server or _default_server()
    warning = token_file.warn_if_plain(address)
    if warning:
        print(warning, file=sys.stderr)
    path = token_path or token_file.default_path()
    try:
        with TurusClient(address, patience=Patience(patience_s=20)) as client:
            key = client.server_key()
            session = enter(client)
    except ClientProblem as error:
        print_error(error.code, error.message_id, error.message_en)
        return _FAILED_EXIT
    except TransportError as error:
        problem = CannotReach(type(error).__name__)
        print_error(problem.code, problem.message_id, problem.message_en)
        return _FAILED_EXIT
    token_file.save(token_file.Kept(address, session.token, key), path)
    until = session.expires_at.date().isoformat()
    print(f"Masuk sebagai {session.role}, wilayah {session.scope or 'nasional'}, sampai {until}. Token: {path}")
    print(f"Logged in as {session.role}, region {session.scope or 'nation'}, until {until}. Token: {path}")
    return 0


def _split_link(text: str) -> tuple[str | None, str | None]:
    """Server and token of an activation link; two ``None`` for a bare code."""
    from urllib.parse import urlsplit

    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.fragment:
        return None, None
    return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/activate')}", parts.fragment


def _ask_password(*, confirm: bool) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password: str = typer.prompt("Kata sandi / Password", hide_input=True, confirmation_prompt=confirm)
    return password


def _default_server() -> str:
    return os.environ.get("TURUS_SERVER") or token_file.DEFAULT_SERVER
