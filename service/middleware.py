"""What every request gets, whatever its route: an id, safe headers, one log line, and no exception that escapes."""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import log
from service.problem_responses import problem_response
from service.problems import InternalError

# Anything else, and anything longer, is replaced: the id comes back in headers and goes into logs.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

PROBES = ("/livez", "/readyz")


class RequestContext:
    """Plain ASGI middleware, the outermost of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request; other kinds of scope pass through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        status: int | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cache-Control"] = "no-store"
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - beyond this, uvicorn would log the exception's text
            log.failure("unhandled", error, request_id=request_id)
            if status is None:
                response = problem_response(InternalError("The service failed; its log has the request id."), scope)
                await response(scope, receive, send_with_headers)
        _log_request(scope, request_id, status, time.perf_counter() - begun)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _log_request(scope: Scope, request_id: str, status: int | None, seconds: float) -> None:
    # The route's own template, not the path that was asked for: a client may have put a name into that.
    path = getattr(scope.get("route"), "path", None)
    # Whoever watches the service asks every few seconds; only an answer that is not 200 is news.
    routine = path in PROBES and status == 200
    log.event(
        "request",
        logging.DEBUG if routine else logging.INFO,
        request_id=request_id,
        method=scope["method"],
        path=path,
        status=status,
        code=scope["state"].get("problem"),
        duration_ms=round(seconds * 1000, 1),
    )
