"""Put the headless build of OpenCV in place where the ordinary one cannot load.

The ordinary wheel links the system's libGL, which servers often lack. Nothing of Turus opens a window, so the headless
build of the same version does, and it needs no root. Run by ``make`` after each install; does nothing when cv2 imports.
"""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

ORDINARY = "opencv-python"
HEADLESS = "opencv-python-headless"


def cv2_failure() -> str | None:
    """Why ``import cv2`` fails in a fresh interpreter, or ``None`` when it works."""
    run = subprocess.run([sys.executable, "-c", "import cv2"], capture_output=True, text=True, check=False)
    return None if run.returncode == 0 else run.stderr.strip().rsplit("\n", 1)[-1]


def pip(*arguments: str) -> None:
    """Run pip of this interpreter.

    Raises:
        subprocess.CalledProcessError: pip failed; it has said why.
    """
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments], check=True)


def main() -> int:
    """Check, replace if needed, check again; the exit status for the shell."""
    failure = cv2_failure()
    if failure is None:
        return 0
    print(f"OpenCV does not load here ({failure}).")
    try:
        wanted = version(ORDINARY)
    except PackageNotFoundError:
        wanted = version(HEADLESS)
    print(f"Putting {HEADLESS} {wanted} in its place ...")
    pip("uninstall", "--quiet", "--yes", ORDINARY, HEADLESS)
    pip("install", "--quiet", "--no-deps", f"{HEADLESS}=={wanted}")
    failure = cv2_failure()
    if failure is not None:
        print(f"OpenCV still does not load: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
