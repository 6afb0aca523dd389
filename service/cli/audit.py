"""``turus audit``: check the chains, export them, seal them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from service.audit.verify import Verified

app = typer.Typer(
    help="Jejak audit: periksa, salin, segel. / The audit trail: verify, export, seal.", no_args_is_help=True
)

ChainOption = Annotated[
    str | None,
    typer.Option(help="Satu rantai: 6 angka kecamatan, atau 0. / One chain: a kecamatan's 6 digits, or 0."),
]


@app.command("verify")
def verify(
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Periksa salinan. / Check an export, not the database."),
    ] = None,
) -> int:
    """Periksa semua rantai; keluar 1 bila ada yang salah. / Check all chains; exit 1 when something is wrong."""
    from service.audit.verify import parse_export, verify_database, verify_links
    from service.cli.errors import UsageProblem
    from service.cli.local import open_services

    if file is not None:
        with file.open(encoding="utf-8") as lines:
            try:
                result = verify_links(parse_export(lines))
            except ValueError as error:
                raise UsageProblem(f"Berkas salinan rusak: {error}", f"The export is damaged: {error}") from error
    else:
        services = open_services()
        with services.store.read() as session:
            result = verify_database(session)
    return _report(result)


@app.command("export")
def export(
    to: Annotated[Path, typer.Option("--to", help="Berkas tujuan. / File to write.")],
    chain: ChainOption = None,
) -> None:
    """Salin kejadian sebagai baris JSON. / Write the events as lines of JSON."""
    from service.audit.verify import export_lines
    from service.cli.local import open_services

    services = open_services()
    count = 0
    with services.store.read() as session, to.open("w", encoding="utf-8") as out:
        for line in export_lines(session, chain):
            out.write(line + "\n")
            count += 1
    print(f"{count} kejadian disalin ke {to}. / {count} events written to {to}.")


@app.command("seal")
def seal() -> None:
    """Segel semua rantai sekarang dan cetak akarnya. / Seal all chains now and print the root."""
    from service.audit.seal import seal as seal_now
    from service.cli.local import open_services

    services = open_services()
    with services.store.write() as session:
        made = seal_now(session, services.now())
    if made is None:
        print("Tidak ada yang berubah sejak segel terakhir. / Nothing changed since the last seal.")
    else:
        print(f"{made.seq} {made.at.isoformat()} {made.root}")


def _report(result: "Verified") -> int:
    print(
        f"{result.events} kejadian, {len(result.heads)} rantai. / {result.events} events, {len(result.heads)} chains."
    )
    for flaw in result.flaws[:50]:
        print(f"  {flaw.chain} #{flaw.seq}: {flaw.problem}", file=sys.stderr)
    if result.flaws:
        print(f"{len(result.flaws)} tidak cocok. / {len(result.flaws)} do not fit.", file=sys.stderr)
        return 1
    print("Semua cocok. / All fit.")
    return 0
