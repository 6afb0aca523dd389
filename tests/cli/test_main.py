import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.cli.main import main

HEAVY = ("cv2", "jinja2", "numpy", "onnxruntime", "PIL", "rich")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service.cli.main", *arguments], capture_output=True, text=True, check=False
    )


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from service.cli.main import main\n"
        "sys.argv = ['turus', '--help']\n"
        "code = main()\n"
        f"print('loaded:', sorted(set({HEAVY!r}) & set(sys.modules)), code)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "read" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded: [] 0"


@pytest.mark.parametrize(
    "arguments",
    [
        ["read"],
        ["nonsense"],
        ["read", "--jobs", "0", "a.jpg"],
        ["read", "--form", "no-such-form", "a.jpg"],
        ["form", "show", "no-such-form"],
        ["eval", "no-such-labels.jsonl"],
        ["eval", "boxes", "no-such-folder"],
        ["synth", "--out", "unused", "--page", "9"],
        ["synth", "--out", "unused", "--mistake", "nonsense"],
        ["bench", "read", "no-such-photo.jpg"],
        ["form", "check", "no-such-file.toml"],
    ],
)
def test_wrong_usage_has_one_shape_and_exits_2(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["turus", *arguments])

    assert main() == 2

    said = capsys.readouterr()
    code, indonesian, english = said.err.splitlines()[:3]
    assert code.startswith("turus: ")
    assert code.removeprefix("turus: ").replace("_", "").isalpha()
    assert indonesian.startswith("  ")
    assert english.startswith("  ")
    assert "Traceback" not in said.err


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["turus", "--version"])

    assert main() == 0
    assert capsys.readouterr().out.startswith("turus ")


def test_a_name_that_is_no_utf8_gets_its_line() -> None:
    name = os.fsdecode(b"foto-\xff.jpg")

    done = subprocess.run([sys.executable, "-m", "service.cli.main", "read", name], capture_output=True, check=False)

    assert done.returncode == 0
    assert b"missing" in done.stdout or b"DITOLAK" in done.stdout


def test_ctrl_c_ends_at_once_without_a_traceback(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "import service.cli.batch as batch\n"
        "from service.cli.main import main\n"
        "from tests.cli.fake_reader import load_fake\n"
        "if __name__ == '__main__':\n"
        "    batch.load_reader = load_fake\n"
        "    sys.argv = ['turus', 'read', '--json', '--jobs', '2', 'a.jpg', *(['slow.jpg'] * 200)]\n"
        "    sys.exit(main())\n"
    )
    (tmp_path / "interrupted.py").write_text(script, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "interrupted.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("{")
        # As the terminal does it: to the whole group, workers included.
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.splitlines()[0] == "turus: interrupted"
    assert "Traceback" not in said
    assert not _alive(process.pid)


def _alive(group: int) -> bool:
    for _ in range(50):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True
