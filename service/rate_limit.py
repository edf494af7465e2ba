"""How often a key may ask.

Counting is done in the process: nothing is shared, nothing can be down, and it costs less than a microsecond. Where
several processes serve on one port, each sees its share of the requests and is given its share of the rate.
"""

import time
from collections.abc import Callable
from threading import Lock


class TokenBucket:
    """Lets through as many requests at once as are allowed in a minute, and then as many as the rate refills.

    Who has a folder of images sends them at once, and need not count seconds; so after a pause almost twice the rate
    can pass within a minute, at 60 a minute 60 at once and one a second. It refills continuously, so that nobody gains
    by asking at the turn of a minute. Safe to use from many threads.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Makes a full bucket.

        Args:
            per_minute: The rate; below 1 a single request still passes when the last was long enough ago.
            clock: Seconds that never go back.
        """
        self.per_minute = per_minute
        self._clock = clock
        self._capacity = max(1.0, per_minute)
        self._tokens = self._capacity
        self._filled_at = clock()
        self._lock = Lock()

    def take(self) -> float:
        """Takes a token if there is one; returns 0, or in how many seconds there will be one."""
        per_second = self.per_minute / 60
        with self._lock:
            now = self._clock()
            self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * per_second)
            self._filled_at = now
            if self._tokens < 1:
                return (1 - self._tokens) / per_second
            self._tokens -= 1
            return 0.0
