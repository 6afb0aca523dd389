"""One reader for all tests here: loading the models takes longer than reading a photo."""

import pytest

from ocr_pipeline.reader import Reader


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load()
