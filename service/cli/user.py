"""``turus user``: accounts, for whoever runs the server. The audit says ``console`` for what is done here."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from service.cli.errors import UsageProblem

if TYPE_CHECKING:
    from service.access import Role
    from service.accounts.activation import Invitation
    from service.accounts.import_list import ImportReport
    from service.services import Services
    from service.store.accounts import Account

app = typer.Typer(
    help="Akun: daftar, aktivasi, sesi, penghapusan / Accounts: registration, activation, sessions, erasure.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Who = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Id, nama masuk, atau nomor telepon. / Id, login or phone.")
]
Reason = Annotated[str, typer.Option(help="Alasan untuk audit, tanpa nama orang. / Reason for the audit; no names.")]
RoleName = Annotated[str, typer.Option("--role", help="Peran, mis. kpps. / Role, such as kpps.")]


@app.command("add")
def add(
    role: RoleName,
    scope: Annotated[str, typer.Option(help="Kode wilayah; 0 untuk nasional. / Region code; 0: the nation.")],
    phone: Annotated[str | None, typer.Option(help="Nomor telepon seluler. / Mobile phone number.")] = None,
    login: Annotated[str | None, typer.Option(help="Nama masuk. / Login.")] = None,
    name: Annotated[str | None, typer.Option(help="Nama orang. / The person's name.")] = None,
) -> None:
    """Daftarkan satu orang dan cetak tautan aktivasinya / Register one person and print the activation link."""
    from service.accounts.activation import register
    from service.accounts.admin import CONSOLE
    from service.accounts.registry import NewAccount

    services = _services()
    new = NewAccount(_role(role), "" if scope == "0" else scope, phone, login, name)
    account, invitation = register(services, CONSOLE, new)
    print(f"id: {account.id}")
    _print_invitation(invitation)


@app.command("list")
def list_accounts(
    scope: Annotated[str, typer.Option(help="Awal kode wilayah; 0: semua. / Region prefix; 0: all.")] = "0",
    role: Annotated[str | None, typer.Option("--role", help="Hanya peran ini. / Only this role.")] = None,
    state: Annotated[str | None, typer.Option(help="Keadaan / state: invited, active, disabled, erased.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Paling banyak. / At most.")] = 1000,
) -> None:
    """Sebutkan akun, nomor telepon disamarkan / List accounts, phone numbers masked."""
    from service.accounts.admin import CONSOLE
    from service.accounts.phones import masked_phone
    from service.accounts.registry import Filter, unseal
    from service.accounts.registry import list_accounts as find

    services = _services()
    wanted = Filter("" if scope == "0" else scope, _role(role) if role else None, state)
    for account in find(services, CONSOLE, wanted, limit):
        person = unseal(services, account)
        phone = masked_phone(person.phone) if person.phone else "-"
        shown = (account.id, account.role, account.scope or "0", account.state, account.login or "-", phone)
        print("\t".join([*shown, person.name or "-"]))


@app.command("import")
def import_list(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="XLSX atau CSV: TPS, nama, telepon. / TPS, name, phone.")
    ],
    out: Annotated[
        Path | None, typer.Option("--to", help="Daftar kode untuk dibagikan (.xlsx atau .csv). / Codes to hand out.")
    ] = None,
    role: RoleName = "kpps",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Periksa saja. / Only check.")] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="Kode baru juga bagi yang belum aktif. / New codes also for the inactive.")
    ] = False,
) -> int:
    """Daftarkan semua orang dalam daftar; semua atau tidak sama sekali / Register a whole list, or none of it."""
    from service.accounts.admin import CONSOLE
    from service.accounts.handout import handout_csv, handout_xlsx
    from service.accounts.import_list import import_accounts
    from service.accounts.tables import MAX_TABLE_BYTES

    if out is None and not dry_run:
        raise UsageProblem("Sebutkan --to untuk daftar kode, atau --dry-run.", "Give --to for the codes, or --dry-run.")
    if out is not None and (out.suffix.lower() not in (".xlsx", ".csv") or out.exists()):
        raise UsageProblem(
            f"--to harus berkas baru .xlsx atau .csv: {out}", f"--to must be a new .xlsx or .csv file: {out}"
        )
    with file.open("rb") as source:
        data = source.read(MAX_TABLE_BYTES + 1)
    services = _services()
    looked = import_accounts(services, CONSOLE, data, _role(role), dry_run=True, renew=renew)
    if out is None or dry_run or looked.bad:
        _print_report(looked)
        return 1 if looked.bad else 0
    with _private_file(out) as file_out:  # made first: codes are shown once, and must have somewhere to go
        report = import_accounts(services, CONSOLE, data, _role(role), renew=renew)
        make = handout_xlsx if out.suffix.lower() == ".xlsx" else handout_csv
        file_out.write(make(report.handouts))
    _print_report(report)
    print(f"{len(report.handouts)} kode / codes: {out}")
    return 0


@app.command("invite")
def invite_again(who: Who) -> None:
    """Buat tautan dan kode aktivasi baru / Make a new activation link and code."""
    from service.accounts.activation import invite
    from service.accounts.admin import CONSOLE

    services = _services()
    _print_invitation(invite(services, CONSOLE, _find(services, who).id))


@app.command("disable")
def disable(who: Who, reason: Reason) -> None:
    """Nonaktifkan akun dan akhiri semua sesinya / Shut an account out and end its sessions."""
    from service.accounts.admin import CONSOLE
    from service.accounts.registry import disable_account

    services = _services()
    print(disable_account(services, CONSOLE, _find(services, who).id, reason).state)


@app.command("enable")
def enable(who: Who, reason: Reason) -> None:
    """Aktifkan kembali akun; kuncian masuk dibuka / Let an account in again; undoes a lock, too."""
    from service.accounts.admin import CONSOLE
    from service.accounts.registry import enable_account

    services = _services()
    print(enable_account(services, CONSOLE, _find(services, who).id, reason).state)


@app.command("sessions")
def sessions(who: Who) -> None:
    """Sebutkan sesi yang masih berlaku / List sessions that can still be used."""
    from service.accounts.sessions import sessions_of

    services = _services()
    for row in sessions_of(services, _find(services, who).id):
        times = (row.last_used_at, row.expires_at, row.grace_until)
        print("\t".join([row.id, row.kind, row.label or "-", *(f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in times)]))


@app.command("revoke")
def revoke(who: Who, reason: Reason) -> None:
    """Akhiri semua sesi akun, mis. ponsel hilang / End all sessions of an account, as for a lost phone."""
    from service.accounts.admin import CONSOLE
    from service.accounts.registry import revoke_sessions

    services = _services()
    print(revoke_sessions(services, CONSOLE, _find(services, who).id, reason))


@app.command("erase")
def erase(
    reason: Annotated[str, typer.Option(help="Alasan untuk audit. / Reason for the audit.")] = "",
    who: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="Id, nama masuk, atau telepon. / Id, login or phone.")
    ] = None,
    expired: Annotated[
        bool, typer.Option("--expired", help="Semua yang masa simpannya habis. / All whose term is over.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Hitung saja. / Only count.")] = False,
) -> None:
    """Hapus data pribadi satu akun, atau semua yang habis masanya / Erase personal data, of one or all expired."""
    from service.accounts.admin import CONSOLE
    from service.accounts.privacy import erase_account, erase_expired

    if expired == (who is not None) or (who is not None and not reason) or (dry_run and not expired):
        raise UsageProblem(
            "Pilih: ACCOUNT dengan --reason, atau --expired (dengan --dry-run bila hanya menghitung).",
            "Give either ACCOUNT with --reason, or --expired (with --dry-run to count only).",
        )
    services = _services()
    if who is not None:
        print(erase_account(services, CONSOLE, _find(services, who).id, reason).state)
        return
    done = erase_expired(services, dry_run=dry_run)
    print(f"foto / photos: {done.photos}\nakun / accounts: {done.accounts}")


def _services() -> "Services":
    from service.cli.local import open_services

    return open_services()


def _role(name: str) -> "Role":
    from service.access import Role

    try:
        return Role(name)
    except ValueError as error:
        known = ", ".join(Role)
        raise UsageProblem(f"Peran tidak dikenal; yang ada: {known}", f"Unknown role; there are: {known}") from error


def _find(services: "Services", who: str) -> "Account":
    from service.accounts.registry import find_by_typed
    from service.errors import ServiceError
    from service.store.accounts import Account

    with services.store.read() as session:
        account = session.get(Account, who) or find_by_typed(session, services, who)
    if account is None:
        raise ServiceError("unknown_account")
    return account


def _print_invitation(made: "Invitation") -> None:
    from service.accounts.tokens import shown_code

    print(f"tautan / link: {made.link}")
    if made.code:
        print(f"kode / code: {shown_code(made.code)}")
    print(f"berlaku sampai / valid until: {made.expires_at:%Y-%m-%d %H:%M} UTC")


def _print_report(report: "ImportReport") -> None:
    from service.accounts.people_list import ROW_PROBLEMS

    for cell in report.bad:
        words_id, words_en = ROW_PROBLEMS[cell.code]
        print(f"baris / line {cell.line}: {cell.column}: {words_id} / {words_en}")
    if report.bad:
        print("Tidak ada yang disimpan. / Nothing was saved.")
    print(f"baris / rows: {report.rows}")
    print(f"baru / new: {report.created}")
    print(f"sudah ada / there already: {report.kept}")
    print(f"ganti nama / renamed: {report.renamed}")


@contextmanager
def _private_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner may read: whoever has the list can be anybody on it. Gone if anything fails."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        try:
            yield file
        except BaseException:
            path.unlink()
            raise
