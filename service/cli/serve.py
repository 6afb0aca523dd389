"""``turus serve``, ``turus web``, ``turus migrate``, ``turus config``: running the service."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from service.settings import Settings

Host = Annotated[str, typer.Option(help="Alamat untuk menerima sambungan. / Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Nomor port; 0: pilihkan. / Port; 0: pick one.")]
Workers = Annotated[int, typer.Option(min=0, help="Proses pembaca foto. / Worker processes that read photos.")]


def serve(host: Host = "127.0.0.1", port: Port = 8000, workers: Workers = 1) -> int:
    """Jalankan semuanya di mesin ini: web, pembaca, basis data. / Run everything on this machine."""
    import os

    from service.cli.local import load_settings
    from service.supervise import supervise

    if port == 0:
        port = free_port(host)
    # Links on the terminal must lead here unless somebody said where people really go.
    os.environ.setdefault("TURUS_PUBLIC_URL", f"http://{_named(host)}:{port}")
    settings = load_settings()
    _prepare(settings)
    web = ("web", "--host", host, "--port", str(port))
    return supervise(
        [web, *[("worker", "--slot", str(slot)) for slot in range(1, workers + 1)]], settings.read_timeout_s
    )


def web(host: Host = "127.0.0.1", port: Port = 8000) -> int:
    """Satu proses web; jalankan sebanyak yang perlu. / One web process; run as many as needed."""
    from service.cli.local import open_services
    from service.web_process import run_web

    return run_web(open_services(), host, port)


def migrate() -> None:
    """Siapkan atau perbarui basis data. / Prepare or upgrade the database."""
    from service.cli.local import open_services
    from service.store.migrate import migrate as run_migrations

    services = open_services(migrated=False)
    print(f"Basis data siap, versi {run_migrations(services.store)}. / The database is ready.")


def config() -> None:
    """Tampilkan pengaturan yang berlaku, tanpa rahasia. / Show the settings in force, without secrets."""
    from service.cli.local import load_settings

    _print_settings(load_settings())


def free_port(host: str) -> int:
    """A port that was free a moment ago."""
    import socket

    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port


def _prepare(settings: "Settings") -> None:
    """Migrates, and shows the administrator's way in while there is no administrator."""
    from service.accounts.admin import first_admin_link
    from service.services import build_services
    from service.store.migrate import migrate as run_migrations

    services = build_services(settings)
    run_migrations(services.store)
    link = first_admin_link(services)
    services.store.close()
    _print_settings(settings)
    print(f"\nTurus: {settings.public_url}   API: {settings.public_url}/docs")
    if link:
        print(
            f"\nAktifkan administrator pertama (sekali pakai): / Activate the first administrator (once):\n  {link}\n"
        )


def _print_settings(settings: "Settings") -> None:
    rows = settings.summary()
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


def _named(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host
