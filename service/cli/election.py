"""``turus election``: elections on this machine's database."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.errors import UsageProblem
from service.cli.read import Json

if TYPE_CHECKING:
    from service.elections.draft import ElectionDraft
    from service.elections.manage import ElectionView

app = typer.Typer(help="Pemilihan. / Elections.", no_args_is_help=True)

ElectionId = Annotated[str, typer.Argument(help="Kode pemilihan. / Id of the election.")]


@app.command("create")
def create(
    id: Annotated[str | None, typer.Option("--id", help="Kode, mis. ppwp-2024. / Id, a slug.")] = None,
    name: Annotated[str | None, typer.Option(help="Nama. / Name.")] = None,
    form: Annotated[list[str] | None, typer.Option(help="Kode formulir; boleh berulang. / Form id.")] = None,
    scope: Annotated[str, typer.Option(help="Wilayah; 0 nasional. / Region code; 0 the nation.")] = "0",
    candidate: Annotated[
        list[str] | None, typer.Option(help='"1=Nama" atau "1=Nama=isian". / "1=Name" or "1=Name=field".')
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help="Batas / limit: tps_max_voters=300, reserve_rate=0.02")
    ] = None,
    recap_field: Annotated[
        list[str] | None, typer.Option(help="Isian yang dijumlahkan. / Fields to add up; default: all.")
    ] = None,
    opens_at: Annotated[str | None, typer.Option(help="Mulai / begins: 2024-02-14T07:00+07:00")] = None,
    closes_at: Annotated[str | None, typer.Option(help="Berakhir / ends: 2024-03-20T23:59+07:00")] = None,
    erase_after: Annotated[
        str | None, typer.Option(help="Data pribadi dihapus sesudahnya. / Erase personal data then.")
    ] = None,
    from_file: Annotated[Path | None, typer.Option("--from", help="Berkas TOML. / A TOML file instead.")] = None,
    json: Json = False,
) -> None:
    """Buat pemilihan (draf); buka dengan `turus election open`. / Create an election, as a draft."""
    from service.accounts.admin import CONSOLE
    from service.cli.local import open_services
    from service.elections.manage import create_election

    if from_file is not None:
        draft = draft_from_toml(from_file.read_bytes())
    else:
        values = {
            "id": _needed(id, "--id"),
            "name": _needed(name, "--name"),
            "forms": form or [],
            "scope": scope,
            "candidates": [_candidate(each) for each in candidate or []],
            "limits": dict(map(_limit, limit or [])),
            "recap_fields": recap_field,
            "opens_at": opens_at,
            "closes_at": closes_at,
            "erase_after": erase_after,
        }
        draft = draft_from(values)
    services = open_services()
    try:
        _print([create_election(services, draft, CONSOLE)], json)
    finally:
        services.store.close()


@app.command("open")
def open_(election: ElectionId, json: Json = False) -> None:
    """Mulai terima foto. / Take photos from now on."""
    from service.accounts.admin import CONSOLE
    from service.cli.local import open_services
    from service.elections.manage import open_election

    services = open_services()
    try:
        _print([open_election(services, election, CONSOLE)], json)
    finally:
        services.store.close()


@app.command("close")
def close(election: ElectionId, json: Json = False) -> None:
    """Berhenti terima foto; pleno dan pemeriksaan berlanjut. / Take no more photos; the recap goes on."""
    from service.accounts.admin import CONSOLE
    from service.cli.local import open_services
    from service.elections.manage import close_election

    services = open_services()
    try:
        _print([close_election(services, election, CONSOLE)], json)
    finally:
        services.store.close()


@app.command("list")
def list_(json: Json = False) -> None:
    """Daftar pemilihan. / List the elections."""
    from service.cli.local import open_services
    from service.elections.manage import list_elections, view_election

    services = open_services()
    try:
        with services.store.read() as session:
            views = [view_election(session, e.id) for e in list_elections(session, None, 1000)]
        _print(views, json)
    finally:
        services.store.close()


def draft_from_toml(content: bytes) -> "ElectionDraft":
    """An election written as TOML (docs/recap.md).

    Raises:
        UsageProblem: it is not TOML, or has unknown or missing keys.
    """
    import tomllib

    try:
        values = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageProblem(f"Berkas TOML salah: {error}", f"The TOML file is wrong: {error}") from error
    return draft_from(values)


def draft_from(values: dict[str, Any]) -> "ElectionDraft":
    """An election from plain values; ``scope`` 0 is the nation, times are text or datetimes.

    Raises:
        UsageProblem: unknown or missing keys, or a value of the wrong kind.
    """
    from service.elections.draft import CandidateDraft, ElectionDraft
    from service.regions.codes import NATION, NATION_SHOWN

    values = dict(values)
    unknown = values.keys() - set(ElectionDraft.__slots__)
    missing = {"id", "name", "forms", "candidates"} - values.keys()
    if unknown or missing:
        said = f"unknown {sorted(unknown)}, missing {sorted(missing)}"
        raise UsageProblem(f"Isian pemilihan salah: {said}", f"The election's keys are wrong: {said}")
    try:
        scope = str(values.get("scope", NATION_SHOWN))
        values["scope"] = NATION if scope == NATION_SHOWN else scope
        values["candidates"] = tuple(CandidateDraft(**each) for each in values["candidates"])
        for name in ("opens_at", "closes_at", "erase_after"):
            values[name] = _time(values.get(name))
    except (TypeError, ValueError) as error:
        raise UsageProblem(f"Isian pemilihan salah: {error}", f"The election's values are wrong: {error}") from error
    return ElectionDraft(**values)


def _time(said: Any) -> datetime | None:
    if said is None or isinstance(said, datetime):
        return said
    return datetime.fromisoformat(said)


def _needed(value: str | None, option: str) -> str:
    if not value:
        raise UsageProblem(f"Beri {option}, atau --from BERKAS.toml.", f"Give {option}, or --from FILE.toml.")
    return value


def _candidate(said: str) -> dict[str, Any]:
    number, _, rest = said.partition("=")
    name, _, field = rest.partition("=")
    if not number.strip().isdecimal() or not name.strip():
        raise UsageProblem(f'Tulis calon sebagai "1=Nama", bukan {said!r}.', f'Write "1=Name", not {said!r}.')
    return {"number": int(number), "name": name.strip(), "field": field.strip() or None}


def _limit(said: str) -> tuple[str, float]:
    name, _, value = said.partition("=")
    try:
        return name.strip(), float(value) if "." in value else int(value)
    except ValueError as error:
        raise UsageProblem(f"Batas {said!r} bukan nama=angka.", f"The limit {said!r} is not name=number.") from error


def _print(views: "Sequence[ElectionView]", as_json: bool) -> None:
    import json as json_lines

    for view in views:
        election = view.election
        if as_json:
            values = {"id": election.id, "name": election.name, "state": election.state, "scope": election.scope or "0"}
            candidates = {candidate.number: candidate.name for candidate in view.candidates}
            print(json_lines.dumps({**values, "forms": election.forms, "candidates": candidates}, ensure_ascii=False))
        else:
            print(f"{election.id}  {election.state}  {election.scope or '0'}  {election.name}")
            for candidate in view.candidates:
                print(f"    {candidate.number:>3}  {candidate.name}  ({candidate.field})")
    if not views and not as_json:
        print("Belum ada pemilihan. / No election yet.")
