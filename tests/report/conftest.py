from pathlib import Path

import pytest

from ocr_pipeline.reader import PageResult, Reader

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="session")
def accepted_page() -> PageResult:
    """A sample of page 2 as the real reader reads it."""
    return Reader.load().read_file(str(SAMPLES / "tps-a-hal2.jpg"))[0]
