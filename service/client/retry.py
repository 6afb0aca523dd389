"""When to try again: back-off with full jitter, the server's own wish, and an end of patience."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from service.client.problems import CannotReach, Refused


@dataclass(frozen=True, slots=True)
class Patience:
    """How a client waits.

    Attributes:
        patience_s: gives up when there was no progress for this long.
        first_s: the longest first wait.
        longest_s: the longest wait of all.
        now: a clock that only goes forward, seconds.
        sleep: waits.
        rng: where jitter comes from.
    """

    patience_s: float = 600.0
    first_s: float = 0.5
    longest_s: float = 30.0
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.Random)


class Attempts:
    """The attempts at one thing. Progress makes it patient again."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failures = 0
        self._since = patience.now()
        self.retries = 0

    def progressed(self) -> None:
        """Something got through: the next failure counts as the first."""
        self._failures = 0
        self._since = self._patience.now()

    def wait(self, error: Exception) -> None:
        """Waits before the next attempt: a random time up to twice the last bound, or what the server asked for.

        Full jitter, so that a thousand phones cut off by one event do not come back as one.

        Args:
            error: what the last attempt ended with.

        Raises:
            Refused: the error itself, when patience is at its end and the server had answered.
            CannotReach: when it had not.
        """
        patience = self._patience
        bound_s = min(patience.longest_s, patience.first_s * 2.0 ** min(self._failures, 30))
        pause_s = patience.rng.uniform(0, bound_s)
        if isinstance(error, Refused) and error.retry_after_s is not None:
            # Jitter on top: everybody was told the same number.
            pause_s += error.retry_after_s
        if patience.now() + pause_s - self._since > patience.patience_s:
            if isinstance(error, Refused):
                raise error
            raise CannotReach(f"{type(error).__name__}: {error}") from error
        self._failures += 1
        self.retries += 1
        patience.sleep(pause_s)
