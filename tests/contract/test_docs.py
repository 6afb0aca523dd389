"""The documentation is complete: every command, option, code and key stands in it, and its links lead somewhere."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer.main

from ocr_pipeline.errors import REASONS
from ocr_pipeline.forms.rules import PARAMS
from service.cli.main import app
from service.cli.serve import free_port
from service.errors import problem_table
from service.report.words import VERDICT, WHY, Words
from tools.error_table import rows_between, service_modules, tables

ROOT = Path(__file__).parents[2]
DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
CLI = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("cli.md", "service-cli.md"))
ERRORS = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
FORMS = (ROOT / "docs" / "forms.md").read_text(encoding="utf-8")


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """(names, options) of every command that does something."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from commands(inner, (*path, name))
        return
    yield path, [option for p in command.params for option in p.opts if option.startswith("--") and option != "--help"]


ALL = list(commands(typer.main.get_command(app)))


def section(path: tuple[str, ...]) -> str:
    """The part of docs/cli.md or docs/service-cli.md whose heading names the command."""
    for part in re.split(r"^## ", CLI, flags=re.MULTILINE)[1:]:
        if re.search(rf"`turus {' '.join(path)}[` ]", part.splitlines()[0]):
            return part
    return ""


@pytest.mark.parametrize(("path", "options"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_and_option_is_documented(path: tuple[str, ...], options: list[str]) -> None:
    text = section(("eval",)) if path == ("eval", "labels") else section(path)

    assert text
    assert [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)] == []


def test_no_option_is_documented_that_does_not_exist() -> None:
    known = {option for _, options in ALL for option in options} | {"--help", "--version", "--no-wait"}

    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", CLI)) <= known


def test_every_reason_and_why_is_documented_with_its_own_words() -> None:
    tables: list[dict[str, Words]] = [
        {code: Words(*texts) for code, texts in REASONS.items()},
        dict(WHY),  # type: ignore[arg-type]
        dict(VERDICT),  # type: ignore[arg-type]
    ]
    for table in tables:
        for code, words in table.items():
            assert f"| `{code}` | {words.id} *{words.en}* |" in ERRORS


def test_every_error_code_of_the_program_is_documented() -> None:
    sources = [
        path.read_text(encoding="utf-8") for part in ("ocr_pipeline", "service") for path in (ROOT / part).rglob("*.py")
    ]
    raised = r"""(?:super\(\).__init__|print_error|TurusError)\(\s*"([a-z_]+)","""
    codes = {code for text in sources for code in re.findall(raised, text)}

    assert {"bad_definition", "bad_model", "usage", "interrupted", "worker_lost"} <= codes
    assert {code for code in codes if f"| `{code}` |" not in ERRORS} == set()


@pytest.mark.parametrize("marker", ["service codes", "row codes"])
def test_tables_of_codes_are_what_the_program_says(marker: str) -> None:
    assert rows_between(ERRORS, marker) == tables()[marker], "run: python tools/error_table.py"


def test_every_code_that_the_service_raises_has_a_text() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "service").rglob("*.py")]
    raised = {code for text in sources for code in re.findall(r"""ServiceError\(\s*"([a-z_]+)\"""", text)}

    tables()  # imports everything that registers codes
    assert {"unknown_tps", "disk_full", "pleno_finalised"} <= raised
    assert raised - problem_table().keys() == set()


def test_only_skipped_modules_are_left_out_of_the_table_of_codes() -> None:
    registering = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "service").rglob("*.py")
        if re.search(r"^register\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert "service.uploads.problems" in registering
    assert registering - set(service_modules()) == set()


def test_every_rule_kind_code_and_parameter_is_documented() -> None:
    for kind, params in PARAMS.items():
        assert f"| `{kind}` |" in FORMS
        assert all(f"`{param}`" in FORMS for param in params)
    for code in ("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "R1", "R2", "R3", "R4", "S1", "S2", "S3", "S4"):
        assert re.search(rf"^\| {code}\b", FORMS, re.MULTILINE)


def test_every_key_of_the_library_is_documented() -> None:
    for path in (ROOT / "ocr_pipeline" / "forms" / "library").glob("*.toml"):
        keys = set(re.findall(r"^([a-z_]+) =", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert {key for key in keys if f"`{key}`" not in FORMS and f"`{key} =" not in FORMS} == set()


@pytest.mark.parametrize("path", DOCS, ids=[path.name for path in DOCS])
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) + re.findall(r'src="([^"]+)"', text)

    missing = [target for target in targets if "://" not in target and not (path.parent / target).exists()]
    assert missing == []


def anchors(path: Path) -> set[str]:
    """What a link into a page can name: its headings as slugs, and what was named by hand."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("path", DOCS, ids=[path.name for path in DOCS])
def test_links_lead_to_a_place_on_the_page(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", path.read_text(encoding="utf-8"))
    pages = [((path.parent / target) if target else path, anchor) for target, anchor in links]

    assert [anchor for page, anchor in pages if page.exists() and anchor not in anchors(page)] == []


def test_the_quick_start_of_the_service_works_as_typed(tmp_path: Path) -> None:
    part = (ROOT / "README.md").read_text(encoding="utf-8").split("## Jalankan layanannya")[1].split("\n## ")[0]
    begin, rest = re.findall(r"^```\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    turus = tmp_path / ".venv" / "bin" / "turus"
    turus.parent.mkdir(parents=True)
    turus.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m service.cli.main "$@"\n')
    turus.chmod(0o755)
    port = free_port("127.0.0.1")
    url = f"http://127.0.0.1:{port}"
    own = {"TURUS_PUBLIC_URL": url, "XDG_CONFIG_HOME": str(tmp_path / "config"), "PYTHONPATH": str(ROOT)}
    env = {name: value for name, value in os.environ.items() if not name.startswith("TURUS_")} | own
    log = tmp_path / "serve.log"

    assert "turus serve\n" in begin
    with (
        log.open("wb") as out,
        subprocess.Popen(
            ["bash", "-ec", begin.replace("turus serve\n", f"exec turus serve --port {port}\n")],
            cwd=tmp_path,
            env=env,
            stdout=out,
            stderr=out,
        ) as server,
    ):
        try:
            wait_until_ready(url)
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", begin.splitlines()[0] + "\n" + rest],
                cwd=tmp_path,
                env=env,
                capture_output=True,
                text=True,
                timeout=180,
            )
        finally:
            server.terminate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 photos sent" in done.stdout
    assert re.search(r"^187101 +Kecamatan +3 +1 ", done.stdout, re.MULTILINE)
    assert server.returncode == 0, log.read_text()


def wait_until_ready(url: str) -> None:
    """Returns when the server takes photos."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx2.get(f"{url}/ready").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"{url} did not become ready")
