"""A full service's no to an image, said by the connection itself as soon as the headers are there.

Under overload most requests end here, and every one takes time from those that are worked on. So nothing is started for
them: no task, no route, no look at the key, which is asked for where something is given.
"""

import time
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.routing import BaseRoute
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.bodies import announced_bytes
from service.context import Context
from service.middleware import ALWAYS, request_id_of
from service.observation import observe
from service.problem_responses import problem_response
from service.problems import Overloaded, Problem

RawHeaders = Iterable[tuple[bytes, bytes]]

_CLOSE = (b"connection", b"close")


class Gate:
    """Knows the routes that images come by, and whether there is room."""

    def __init__(self, context: Context, routes: Iterable[BaseRoute]) -> None:
        """Takes the routes whose requests are refused while the service is full."""
        self._context = context
        self._routes = {route.path.encode(): route for route in routes if hasattr(route, "path")}

    def refusal(self, url: bytes, headers: list[tuple[bytes, bytes]], default_headers: RawHeaders) -> bytes | None:
        """The whole answer to a POST that is not let in, which is counted and logged; None for one that is.

        Args:
            url: Path and query.
            headers: The request's, with names in lower case.
            default_headers: What every answer of the server has.
        """
        context = self._context
        route = self._routes.get(url.partition(b"?")[0])
        if route is None or not context.admission.requests:
            return None
        begun = time.perf_counter()
        try:
            context.admission.check(announced_bytes(Headers(raw=headers), context.settings.max_bytes))
        except Overloaded as problem:
            scope = {"type": "http", "method": "POST", "headers": headers, "route": route}
            return self._answer(problem, scope, begun, default_headers)
        return None

    def answer(self, problem: Problem, default_headers: RawHeaders) -> bytes:
        """The whole answer to what is no request, which is counted and logged."""
        scope: Scope = {"type": "http", "method": None, "headers": []}
        return self._answer(problem, scope, time.perf_counter(), default_headers)

    def _answer(self, problem: Problem, scope: Scope, begun: float, default_headers: RawHeaders) -> bytes:
        request_id = request_id_of(Headers(raw=scope["headers"]))
        scope["state"] = {"request_id": request_id}
        response = problem_response(problem, scope)
        headers = [*response.raw_headers, (b"x-request-id", request_id.encode()), *ALWAYS, _CLOSE]
        observe(self._context, scope, response.status_code, begun, time.perf_counter() - begun)
        return _encoded(response.status_code, [*default_headers, *headers], bytes(response.body))


def _encoded(status: int, headers: RawHeaders, body: bytes) -> bytes:
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])
