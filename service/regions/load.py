"""Regions and stations into the database: all of a file or nothing, and the same file twice changes nothing."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from service.access import Actor
from service.audit import NATIONAL, Act, append
from service.regions.codes import NATION, NATION_NAME, level_of, parent_of
from service.regions.files import RegionFile, bad_region_file, parse_regions
from service.services import Services
from service.store.regions import Region, Tps

Progress = Callable[[str, int], None]
"""Told the name of each step and how many rows it has."""

_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do.

    Attributes:
        regions_new: regions that were not known.
        regions_renamed: known regions whose name differs in the file.
        stations_new: stations that were not known.
        stations_not_in_file: known stations of the file's desas that the file does not name; they stay.
        regions: regions known afterwards, the nation included.
        stations: stations known afterwards.
        dry_run: nothing was stored.
    """

    regions_new: int
    regions_renamed: int
    stations_new: int
    stations_not_in_file: int
    regions: int
    stations: int
    dry_run: bool


class _DryRunError(Exception):
    """Ends the transaction without keeping anything."""


def import_regions(
    services: Services,
    content: bytes,
    actor: Actor | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Stores the regions and stations of a file (:func:`service.regions.files.parse_regions`), in one transaction.

    New ones are added, names follow the file, nothing is ever removed: photos may hang on it.

    Args:
        services: the process's services.
        content: the file's bytes.
        actor: who imports; ``None`` for the command line on the server itself.
        dry_run: does everything and keeps nothing.
        progress: told each step.

    Raises:
        ServiceError: ``bad_region_file`` with the rows that are wrong.
    """
    tell = progress or (lambda _step, _rows: None)
    tell("read", len(content))
    file = parse_regions(content)
    report: ImportReport | None = None
    try:
        with services.store.write() as session:
            report = _import(session, file, tell)
            if dry_run:
                raise _DryRunError
            details = {
                "sha256": hashlib.sha256(content).hexdigest(),
                "regions_new": report.regions_new,
                "regions_renamed": report.regions_renamed,
                "stations_new": report.stations_new,
            }
            append(session, [Act("regions.imported", "regions:all", NATIONAL, actor, None, details)], services.now())
    except _DryRunError:
        pass
    assert report is not None
    return replace(report, dry_run=dry_run)


def _import(session: Session, file: RegionFile, tell: Progress) -> ImportReport:
    known = {row.code: row.name for row in session.execute(select(Region.code, Region.name))}
    _refuse_orphans(file, known.keys())
    names = {NATION: NATION_NAME, **file.names}
    new = [code for code in names if code not in known]
    renamed = [code for code in names if code in known and known[code] != names[code]]
    tell("regions", len(names))
    _insert(
        session,
        "region",
        ("code", "parent", "level", "name", "tps_count"),
        ((code, parent_of(code), level_of(code), names[code], 0) for code in sorted(new)),
    )
    if renamed:
        session.execute(
            text("UPDATE region SET name = :name WHERE code = :code"),
            [{"code": code, "name": names[code]} for code in renamed],
        )
    stations_before = session.scalar(select(func.count()).select_from(Tps)) or 0
    codes = list(file.tps_codes())
    tell("stations", len(codes))
    of_desas = _known_stations(session, sorted(file.stations)) if stations_before else set()
    fresh = [code for code in codes if code not in of_desas]
    _insert(
        session,
        "tps",
        ("code", "desa", "kecamatan", "number"),
        ((code, code[:10], code[:6], int(code[10:])) for code in fresh),
    )
    tell("counts", len(names))
    _count(session)
    return ImportReport(
        regions_new=len(new),
        regions_renamed=len(renamed),
        stations_new=len(fresh),
        stations_not_in_file=len(of_desas.difference(codes)),
        regions=len(known) + len(new),
        stations=stations_before + len(fresh),
        dry_run=False,
    )


def _refuse_orphans(file: RegionFile, known: Iterable[str]) -> None:
    there = {NATION, *known, *file.names}
    problems = [f"{code} {name!r}: the region around it, {parent_of(code)}, is unknown" for code, name in
                file.names.items() if parent_of(code) not in there]  # fmt: skip
    problems += [f"{desa}: stations of a desa that is unknown" for desa in file.stations if desa not in there]
    if problems:
        raise bad_region_file(problems)


def _known_stations(session: Session, desas: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(desas), _CHUNK):
        part = desas[start : start + _CHUNK]
        rows = session.execute(select(Tps.code, Tps.desa).where(Tps.desa >= part[0], Tps.desa <= part[-1]))
        wanted = set(part)
        found.update(code for code, desa in rows if desa in wanted)
    return found


def _insert(session: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Many rows at once: COPY on PostgreSQL, one prepared statement on SQLite."""
    connection: Any = session.connection().connection  # the driver's own: COPY is no part of the common interface
    names = ", ".join(columns)
    if session.get_bind().dialect.name == "postgresql":
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    cursor = connection.cursor()
    cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})", rows)
    cursor.close()


def _count(session: Session) -> None:
    """Writes ``tps_count`` from the bottom up, touching only rows whose count is wrong."""
    of_desa = "(SELECT count(*) FROM tps WHERE tps.desa = region.code)"
    of_parts = "(SELECT coalesce(sum(part.tps_count), 0) FROM region AS part WHERE part.parent = region.code)"
    for level in (4, 3, 2, 1, 0):
        below = of_desa if level == 4 else of_parts
        session.execute(
            text(f"UPDATE region SET tps_count = {below} WHERE level = :level AND tps_count <> {below}"),
            {"level": level},
        )
