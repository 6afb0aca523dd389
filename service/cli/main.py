"""``turus``: the commands and what happens when one of them fails.

``turus --help`` loads typer and nothing heavier: every command imports what it needs when it runs.
"""

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from ocr_pipeline import __version__
from ocr_pipeline.errors import TurusError
from service.cli import (
    audit,
    backup,
    bench,
    bench_jobs,
    bench_phones,
    bench_recap,
    bench_uploads,
    demo,
    election,
    evaluate,
    form,
    login,
    read,
    recap,
    receipt,
    region,
    reprocess,
    send,
    serve,
    synth,
    user,
    worker,
)
from service.cli.errors import INTERRUPTED_EXIT, USAGE_EXIT, print_error

app = typer.Typer(
    help="Foto formulir penghitungan suara menjadi angka yang dapat dipercaya: baca, terima, periksa, rekap. / "
    "Photos of election tally forms into numbers that can be trusted: read, receive, check, recap.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("read")(read.read)
app.add_typer(evaluate.app, name="eval")
app.add_typer(form.app, name="form")
app.command("synth")(synth.synth)
app.add_typer(bench.app, name="bench")
bench.app.command("jobs")(bench_jobs.bench_jobs)
bench.app.command("phones")(bench_phones.bench_phones)
bench.app.command("uploads")(bench_uploads.bench_uploads)
bench.app.command("recap")(bench_recap.bench_recap)
app.command("demo")(demo.demo)
app.add_typer(region.app, name="region")
app.add_typer(election.app, name="election")
app.add_typer(recap.app, name="recap")
app.command("serve")(serve.serve)
app.command("web")(serve.web)
app.command("migrate")(serve.migrate)
app.command("config")(serve.config)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.add_typer(audit.app, name="audit")
app.add_typer(user.app, name="user")
app.command("worker")(worker.worker)
app.command("reprocess")(reprocess.reprocess)
app.command("send")(send.send)
app.command("activate")(login.activate)
app.command("login")(login.login)
app.command("logout")(login.logout)
app.add_typer(receipt.app, name="receipt")

# The base of every usage error; typer >= 0.2x carries its own copy of click, so it is found from a class typer exports.
_UsageError: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"turus {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_show_version, is_eager=True, help="Tampilkan versi. / Show the version."),
]


@app.callback()
def _common(version: Version = False) -> None:
    """Options of the whole program."""


def main() -> int:
    """Runs the command line; returns the exit code: 0 done, 1 a check failed, 2 wrong usage, 130 interrupted."""
    _one_thread_each()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A file name that is no UTF-8 must not end a batch on its way to the screen.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = int(app(standalone_mode=False) or 0)
    except TurusError as error:
        print_error(error.code, error.message_id, error.message_en, _details_of(error))
        return USAGE_EXIT
    except _UsageError as error:
        return _usage(error)
    except BrokenPipeError:
        # The reader of our output went away (`turus read ... | head`): not an error, and nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        detail = f"{error.filename or ''}: {error.strerror or error}".removeprefix(": ")
        print_error(
            "file_problem",
            f"Berkas atau folder tidak dapat dipakai: {detail}",
            f"Cannot use a file or folder: {detail}",
        )
        return USAGE_EXIT
    if code == INTERRUPTED_EXIT:
        # typer turns Ctrl-C into this code and says nothing.
        print_error("interrupted", "Dihentikan sebelum selesai.", "Stopped before the end.")
    return code


def _details_of(error: TurusError) -> str:
    """What a technician needs beside the text, one line a detail."""
    details: dict[str, object] = getattr(error, "details", {})
    return "\n".join(f"{name}: {value}" for name, value in details.items())


def _usage(error: Exception) -> int:
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "turus")
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message)
        return USAGE_EXIT
    print_error(
        "usage",
        f"Perintah tidak dapat dijalankan. Lihat `{command} --help`. ({message})",
        f"{message} See `{command} --help`.",
    )
    return USAGE_EXIT


def _one_thread_each() -> None:
    """One thread a process, before numpy loads: Turus scales by processes, and its figures are per core."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


if __name__ == "__main__":
    sys.exit(main())
