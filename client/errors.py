"""What can go wrong between a client and the service.

MelanoserveError
  x NotReachable        no connection, or it ended before the answer
  x UnexpectedAnswer    something answered that is no melanoserve
  x Problem             the service said no (RFC 9457): `code` says why and never changes its meaning
      x InvalidRequest (400, 431) x Unauthorized (401)    x Forbidden (403)       x NotFound (404)
      x UnreadableImage (413, 415, 422)                   x RateLimited (429)     x ServiceFault (500)
      x Unavailable (503)         x DeadlineExceeded (408, 504)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

MEDIA_TYPE = "application/problem+json"


class MelanoserveError(Exception):
    """Base of all."""

    retryable = False


class NotReachable(MelanoserveError):
    """There was no connection, or it ended before an answer came. Asking again does no harm: nothing was changed."""

    retryable = True


class UnexpectedAnswer(MelanoserveError):
    """The answer is none of melanoserve's: another program, or a proxy, is at this address."""


class Problem(MelanoserveError):
    """The service said no.

    Attributes:
        code: What a program should look at.
        status: The HTTP status.
        title: The kind of problem in words.
        detail: This one in words.
        retryable: Whether the same request may succeed later.
        retry_after: In how many seconds, if the service said so.
        request_id: Names the request in the service's log.
    """

    def __init__(self, members: Mapping[str, Any], retry_after: float | None = None) -> None:
        super().__init__(f"{members['title']}: {members['detail']} ({members['code']})")
        self.code: str = members["code"]
        self.status: int = members["status"]
        self.title: str = members["title"]
        self.detail: str = members["detail"]
        self.retryable: bool = members["retryable"]
        self.request_id: str = members["request_id"]
        self.retry_after = retry_after

    @classmethod
    def of(cls, members: Mapping[str, Any], retry_after: float | None = None) -> Problem:
        """The problem that the members of an application/problem+json document describe.

        Raises:
            UnexpectedAnswer: A member is missing.
        """
        try:
            return _BY_STATUS.get(members["status"], Problem)(members, retry_after)
        except (KeyError, TypeError) as error:
            raise UnexpectedAnswer("the answer is no problem that melanoserve describes") from error

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, Any], float | None]]:
        """Problems travel between processes."""
        names = ("code", "status", "title", "detail", "retryable", "request_id")
        return type(self), ({name: getattr(self, name) for name in names}, self.retry_after)


class InvalidRequest(Problem):
    """400, 431: the request itself is wrong."""


class Unauthorized(Problem):
    """401: no valid API key."""


class Forbidden(Problem):
    """403: the key was made for something else; or the service has no keys, and was called by a stranger's name."""


class NotFound(Problem):
    """404: no such model, version or label."""


class UnreadableImage(Problem):
    """413, 415, 422: the image cannot be read; sending it again unchanged cannot help."""


class RateLimited(Problem):
    """429: the key was used too often."""


class ServiceFault(Problem):
    """500: the service failed; its log has the request id."""


class Unavailable(Problem):
    """503: the service is full, or cannot serve what was asked for."""


class DeadlineExceeded(Problem):
    """408, 504: body or answer took too long."""


_BY_STATUS: dict[int, type[Problem]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: DeadlineExceeded,
    413: UnreadableImage,
    415: UnreadableImage,
    422: UnreadableImage,
    429: RateLimited,
    431: InvalidRequest,
    500: ServiceFault,
    503: Unavailable,
    504: DeadlineExceeded,
}
