"""How much may be under way at once, in requests and in bytes; what is beyond is refused before its body is read."""

import time
from collections.abc import Callable

from service.problems import Overloaded

_LATELY_SECONDS = 1.0
_CROWD, _FEW = 0.5, 0.25
"""Shares of what may be under way."""


class Admission:
    """Counts what is under way. It lives on the event loop: nothing else may call its methods."""

    def __init__(self, most_requests: int, most_bytes: int) -> None:
        """Starts empty.

        Args:
            most_requests: Requests that may wait or be worked on.
            most_bytes: Bytes that their bodies may have together. A body larger than that is admitted when it is alone.
        """
        self.most_requests, self.most_bytes = most_requests, most_bytes
        self.requests = 0
        self.bytes = 0
        self._refused_at = -_LATELY_SECONDS
        self._crowded = False

    def check(self, size: int) -> None:
        """Whether there is room for a request whose body has, or may have, `size` bytes.

        Raises:
            Overloaded: There is not.
        """
        if self.requests >= self.most_requests or (self.requests and self.bytes + size > self.most_bytes):
            self._refused_at = time.monotonic()
            raise Overloaded("Too many images are waiting; send it again a little later.")

    @property
    def refusing(self) -> bool:
        """Whether something was refused lately; may be asked from any thread."""
        return time.monotonic() - self._refused_at < _LATELY_SECONDS

    def notice_ebb(self) -> bool:
        """Whether there was a crowd and it is gone, so that the memory it took lies idle; once for each crowd."""
        few = self.requests <= _FEW * self.most_requests and self.bytes <= _FEW * self.most_bytes
        ebbed = self._crowded and few and not self.refusing
        self._crowded = self._crowded and not ebbed
        return ebbed

    def enter(self, size: int) -> Callable[[], None]:
        """Admits a request whose body has, or may have, `size` bytes.

        Returns:
            What must be called when nothing of the request is in memory any more; a second call does nothing.

        Raises:
            Overloaded: Too much is under way.
        """
        self.check(size)
        self.requests += 1
        self.bytes += size
        if self.requests > _CROWD * self.most_requests or self.bytes > _CROWD * self.most_bytes:
            self._crowded = True
        held = [size]

        def leave() -> None:
            if held:
                self.requests -= 1
                self.bytes -= held.pop()

        return leave
