import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.jobs.frames import FrameTimeout, read_frame, write_frame


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


@given(
    st.dictionaries(st.text(max_size=8).filter(lambda key: key != "blobs"), st.text(max_size=50), max_size=5),
    st.lists(st.binary(max_size=500), max_size=4),
)
def test_what_is_written_is_read(header: dict[str, str], blobs: list[bytes]) -> None:
    ours, theirs = os.pipe()
    try:
        write_frame(theirs, header, blobs)
        frame = read_frame(ours, 1)
    finally:
        os.close(ours)
        os.close(theirs)
    assert dict(frame.header) == header
    assert list(frame.blobs) == blobs


def test_a_message_that_does_not_come_times_out(pipe: tuple[int, int]) -> None:
    with pytest.raises(FrameTimeout):
        read_frame(pipe[0], 0.01)
    os.write(pipe[1], b"\x00\x00")  # begun, never finished
    with pytest.raises(FrameTimeout):
        read_frame(pipe[0], 0.01)


def test_a_closed_line_is_the_end(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"\x00\x00\x00\x09{")
    os.close(pipe[1])
    with pytest.raises(EOFError):
        read_frame(pipe[0], 1)


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b'\x00\x00\x00\x0e{"blobs":[-1]}', b"\x00\x00\x00\x01{"])
def test_what_is_no_message_is_refused(pipe: tuple[int, int], data: bytes) -> None:
    os.write(pipe[1], data)
    with pytest.raises(ValueError):  # noqa: PT011 - whichever part of it is wrong
        read_frame(pipe[0], 1)
