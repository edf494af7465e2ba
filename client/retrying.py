"""When to ask again, and how long to wait before."""

from __future__ import annotations

import random
from dataclasses import dataclass

from client.errors import MelanoserveError, Problem


@dataclass(frozen=True)
class Patience:
    """How long a client goes on asking for what may succeed later.

    Attributes:
        attempts: At most so many, the first one included.
        first_wait: Seconds before the second attempt; each further wait is twice as long.
        longest_wait: In seconds; also of what the service asks for, which would else decide how long a caller waits.
    """

    attempts: int = 4
    first_wait: float = 0.25
    longest_wait: float = 10.0

    def wait(self, error: MelanoserveError, attempt: int) -> float | None:
        """Seconds to wait after an attempt failed; None if there shall be no other.

        Args:
            error: Of the attempt.
            attempt: Its number, from 1.
        """
        if not error.retryable or attempt >= self.attempts:
            return None
        # Many clients that were refused together must not come back together.
        own = self.first_wait * 2.0 ** min(attempt - 1, 30) * random.uniform(0.5, 1.0)
        asked = error.retry_after if isinstance(error, Problem) and error.retry_after is not None else 0.0
        return min(max(own, asked * random.uniform(1.0, 1.5)), self.longest_wait)
