"""Long lists of values, cut so that each piece fits one statement."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 500  # values in one IN (...), far below the least that a database takes


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists of at most :data:`AT_ONCE`."""
    rest = iter(values)
    while some := list(islice(rest, AT_ONCE)):
        yield some
