"""How often a network and a name may try to get in. Counted in memory, by each web process for itself.

A limit of N with M processes lets at most N x M through; the lockout, which is in the database, is what counts. Phones
of a whole kecamatan may share one address of their mobile network, so the limit for an address is wide.
"""

import ipaddress
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from service.errors import ServiceError

PER_NETWORK = RateLimitItemPerMinute(60)
PER_NAME = RateLimitItemPerMinute(10)

_IPV6_NETWORK_BITS = 64  # one household or phone owns a whole /64


class EntryLimits:
    """Moving windows of one process."""

    def __init__(self) -> None:
        self._windows = MovingWindowRateLimiter(MemoryStorage())

    def check(self, origin: str | None, name_key: str) -> None:
        """Counts a try to get in.

        Args:
            origin: the caller's network address.
            name_key: a keyed hash of the login, phone number or token tried.

        Raises:
            ServiceError: ``too_many_requests``, with the seconds until there is room again.
        """
        self._hit(PER_NETWORK, network_of(origin))
        self._hit(PER_NAME, name_key)

    def _hit(self, limit: RateLimitItem, key: str) -> None:
        if self._windows.hit(limit, key):
            return
        wait_s = self._windows.get_window_stats(limit, key).reset_time - time.time()
        raise ServiceError("too_many_requests", retry_after_s=max(1, round(wait_s + 0.5)))


def network_of(origin: str | None) -> str:
    """The network that an address belongs to: the address itself, or its /64 in IPv6."""
    try:
        address = ipaddress.ip_address(origin or "")
    except ValueError:
        return origin or "?"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_NETWORK_BITS), strict=False))
