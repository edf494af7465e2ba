"""What every request gets, whatever its route: an id, safe headers, one log line, and no exception that escapes."""

import asyncio
import re
import time
import uuid
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import log
from service.context import Context
from service.observation import observe
from service.problem_responses import problem_response
from service.problems import InternalError, Stopping

# Anything else, and anything longer, is replaced: the id comes back in headers and goes into logs.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))


class RequestContext:
    """Plain ASGI middleware, the outermost of ours."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self.app = app
        self.context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request; other kinds of scope pass through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        request_id = state["request_id"] = request_id_of(headers)
        state["begun"] = begun
        status: int | None = None
        # RFC 9110, 9.3.2: HEAD is GET without the body, which the server leaves out by the method that it knows.
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] += [(b"x-request-id", request_id.encode()), *ALWAYS]
                if self.context.stopping or (status >= 400 and _body_remains(headers, state)):
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            await self.app(asked, receive, send_with_headers)
        except asyncio.CancelledError:
            # Nothing but a stop that waits no longer cancels a request.
            if status is None:
                response = problem_response(Stopping("The service stopped before it had an answer."), scope)
                await response(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - beyond this, uvicorn would log the exception's text
            log.failure("unhandled", error, request_id=request_id)
            if status is None:
                response = problem_response(InternalError("The service failed; its log has the request id."), scope)
                await response(scope, receive, send_with_headers)
        observe(self.context, {**asked, "method": scope["method"]}, status, begun, time.perf_counter() - begun)


def _body_remains(headers: Headers, state: dict[str, Any]) -> bool:
    """Whether a body was announced and not read: it need not be, if the connection ends with the answer."""
    announced = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    return announced and not state.get("body_read", False)


def request_id_of(headers: Headers) -> str:
    """The request's own id if it is a safe one, else a new one."""
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
