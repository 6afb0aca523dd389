"""``turus recap``: totals, and whether they still follow from the decisions."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.read import Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.recap.check import Difference
    from service.recap.totals import RegionTotals

app = typer.Typer(help="Rekapitulasi: tampilkan, periksa, susun ulang. / The recap.", no_args_is_help=True)

ElectionId = Annotated[str, typer.Argument(help="Kode pemilihan. / Id of the election.")]
Region = Annotated[str, typer.Option(help="Wilayah; 0 semua. / Region code; 0 everything.")]

SHOWN = 20


@app.command("show")
def show(
    election: ElectionId,
    region: Annotated[str, typer.Argument(help="Wilayah; 0 nasional. / Region code; 0 the nation.")] = "0",
    json: Json = False,
) -> None:
    """Jumlah tiap bagian wilayah: terbaca dan terverifikasi. / Totals of a region's parts, read and verified."""
    from service.cli.local import open_services
    from service.elections.manage import candidates_of, find_election
    from service.recap.totals import region_totals
    from service.regions.codes import region_from_path

    services = open_services()
    try:
        with services.store.read() as session:
            found = region_totals(session, find_election(session, election), region_from_path(region))
            votes = [(candidate.number, candidate.field) for candidate in candidates_of(session, election)]
    finally:
        services.store.close()
    _print_totals(found, votes, json)


@app.command("check")
def check(election: ElectionId, region: Region = "0", json: Json = False) -> int:
    """Bandingkan rekap dengan keputusan; keluar 1 bila berbeda. / Compare with the decisions; exit 1 if it differs."""
    from service.cli.local import open_services
    from service.recap.check import check_recap
    from service.regions.codes import region_from_path

    services = open_services()
    try:
        found = check_recap(services, election, region_from_path(region), _progress)
    finally:
        services.store.close()
    _print_differences(found, json, "berbeda / different")
    return 1 if found else 0


@app.command("rebuild")
def rebuild(election: ElectionId, region: Region = "0", json: Json = False) -> None:
    """Susun ulang rekap dari keputusan, dan sebut yang dibetulkan. / Write the recap anew from the decisions."""
    from service.cli.local import open_services
    from service.recap.check import rebuild_recap
    from service.regions.codes import region_from_path

    services = open_services()
    try:
        found = rebuild_recap(services, election, region_from_path(region), None, _progress)
    finally:
        services.store.close()
    _print_differences(found, json, "dibetulkan / corrected")


def _progress(done: int, of: int) -> None:
    if done == of or done % 100 == 0:
        print(f"kecamatan {done}/{of}", file=sys.stderr)


def _print_differences(found: "Sequence[Difference]", as_json: bool, said: str) -> None:
    import json as json_lines
    from dataclasses import asdict

    if as_json:
        for difference in found:
            print(json_lines.dumps(asdict(difference)))
        return
    for difference in found[:SHOWN]:
        print(difference)
    print(f"{said}: {len(found)}")


def _print_totals(found: "RegionTotals", votes: "Sequence[tuple[int, str]]", as_json: bool) -> None:
    import json as json_lines
    from dataclasses import asdict

    from service.regions.codes import shown

    if as_json:
        region = {"code": shown(found.region.code), "name": found.region.name, "level": found.region.level}
        parts = [asdict(part) for part in found.parts]
        print(json_lines.dumps({"region": region, "parts": parts, "sum": asdict(found.sum)}, ensure_ascii=False))
        return
    lines = [(part.code, part.name, part.totals) for part in found.parts]
    lines.append((shown(found.region.code), f"JUMLAH / SUM {found.region.name}", found.sum))
    heads = "".join(f"{f'calon {number}':>22}" for number, _field in votes)
    print(f"{'':<15}{'':<32}{'TPS':>8}{'foto':>8}{'baca':>8}{'verif':>8}{heads}   (terbaca / verified)")
    for code, name, totals in lines:
        counts = totals.counts
        pairs = [(totals.read[field], totals.verified[field]) for _number, field in votes if field in totals.read]
        numbers = "".join(f"{f'{read} / {verified}':>22}" for read, verified in pairs)
        print(
            f"{code:<15}{name[:30]:<32}{counts['tps_total']:>8}{counts['tps_seen']:>8}{counts['tps_read']:>8}"
            f"{counts['tps_verified']:>8}{numbers}"
        )
