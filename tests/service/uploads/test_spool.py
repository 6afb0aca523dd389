"""Parts of uploads, on a disk and in an object store (moto's server, a stand-in)."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.blobs.s3 import S3Blobs
from service.errors import ServiceError
from service.uploads.spool import LocalSpool, ObjectSpool, Spool, Stretch, cover, reach

ONE, OTHER = "a" * 32, "b" * 32
STRETCHES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 30)).map(lambda t: Stretch(t[0], t[0] + t[1], f"{t}"))
)


@pytest.fixture(params=["local", "object"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Spool:
    if request.param == "local":
        return LocalSpool(tmp_path / "spool")
    bucket: str = request.getfixturevalue("s3_bucket")
    endpoint: str = request.getfixturevalue("s3_endpoint")
    return ObjectSpool(S3Blobs(bucket, "spool", endpoint))


def keep(spool: Spool, tmp_path: Path, upload_id: str, start: int, data: bytes) -> None:
    path = tmp_path / os.urandom(4).hex()
    path.write_bytes(data)
    spool.keep(upload_id, start, path)
    assert not path.exists()


def read(spool: Spool, upload_id: str, up_to: int) -> bytes:
    data = b""
    for part, skip in cover(spool.parts(upload_id), up_to):
        data += b"".join(spool.read_part(upload_id, part))[skip:]
    return data[:up_to]


def test_parts_come_back_in_order(spool: Spool, tmp_path: Path) -> None:
    data = os.urandom(1000)
    for start, end in ((600, 1000), (0, 300), (300, 600)):
        keep(spool, tmp_path, ONE, start, data[start:end])
    keep(spool, tmp_path, OTHER, 0, b"other")
    assert reach(spool.parts(ONE)) == 1000
    assert read(spool, ONE, 1000) == data
    assert list(spool.uploads()) == [ONE, OTHER]


def test_two_connections_that_sent_the_same_stretch_harm_nothing(spool: Spool, tmp_path: Path) -> None:
    data = os.urandom(900)
    for start, end in ((0, 500), (0, 200), (200, 800), (800, 900)):
        keep(spool, tmp_path, ONE, start, data[start:end])
    assert reach(spool.parts(ONE)) == 900
    assert read(spool, ONE, 900) == data


def test_a_gap_is_never_filled_with_nothing(spool: Spool, tmp_path: Path) -> None:
    keep(spool, tmp_path, ONE, 0, b"x" * 100)
    keep(spool, tmp_path, ONE, 150, b"x" * 100)
    assert reach(spool.parts(ONE)) == 100
    with pytest.raises(ServiceError, match="storage_away"):
        cover(spool.parts(ONE), 250)


def test_dropped_is_dropped(spool: Spool, tmp_path: Path) -> None:
    keep(spool, tmp_path, ONE, 0, b"x")
    keep(spool, tmp_path, OTHER, 0, b"y")
    spool.delete(ONE)
    spool.delete(ONE)
    assert spool.parts(ONE) == []
    assert list(spool.uploads()) == [OTHER]


def test_a_file_whose_size_is_not_what_its_name_says_does_not_count(tmp_path: Path) -> None:
    spool = LocalSpool(tmp_path / "spool")
    keep(spool, tmp_path, ONE, 0, b"x" * 100)
    part = spool.parts(ONE)[0]
    os.truncate(tmp_path / "spool" / ONE / part.name, 99)  # what a loss of power may leave
    (tmp_path / "spool" / ONE / "notes.txt").write_text("somebody was here")
    assert spool.parts(ONE) == []


@given(STRETCHES)
def test_what_is_reached_is_covered_byte_by_byte(parts: list[Stretch]) -> None:
    end = reach(parts)
    held = {byte for part in parts for byte in range(part.start, part.end)}
    assert all(byte in held for byte in range(end))
    assert end not in held
    position = 0
    for part, skip in cover(parts, end):
        assert part.start + skip == position
        assert part.end > position
        position = part.end
    assert position >= end
