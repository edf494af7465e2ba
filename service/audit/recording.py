"""Nothing is answered that is not recorded: a request's rows are on the disk before its answer begins."""

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.audit.notes import Notes, rows_of
from service.context import Context
from service.problem_responses import problem_response
from service.problems import AuditUnavailable, InternalError, Stopping
from service.progress import Progress


class Recording:
    """Plain ASGI middleware, inside of `RequestContext`."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self.app = app
        self.context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request; of those without notes nothing is recorded here."""
        begun = replaced = False

        async def send_recorded(message: Message) -> None:
            """Lets an answer begin once it is recorded; where it cannot be, another one is sent in its place."""
            nonlocal begun, replaced
            if replaced:
                return
            if message["type"] == "http.response.start" and not begun:
                begun = True
                try:
                    await self._record(scope, message["status"])
                except AuditUnavailable as problem:
                    replaced = True
                    # It was decided and nobody hears of it.
                    scope["state"].pop("answered", None)
                    await problem_response(problem, scope)(scope, receive, send)
                    return
            await send(message)

        try:
            await self.app(scope, receive, send_recorded)
        except (Exception, asyncio.CancelledError) as error:
            if not begun:
                kind = Stopping.kind if isinstance(error, asyncio.CancelledError) else InternalError.kind
                scope["state"]["problem"] = kind.code
                with suppress(AuditUnavailable):
                    await self._record(scope, kind.status)
            raise

    async def _record(self, scope: Scope, status: int) -> None:
        state = scope["state"] if scope["type"] == "http" else {}
        notes: Notes | None = state.get("audit")
        trail = self.context.trail
        if notes is None or not trail.enabled:
            return
        progress: Progress | None = state.get("progress")
        if progress is not None:
            progress.begin("record")
        route: str | None = getattr(scope.get("route"), "path", None)
        await trail.record(rows_of(notes, state, route, status, trail.software))
        if progress is not None:
            # What is left is to send it, which of a refusal is no phase.
            if "write" in progress.seconds:
                progress.begin("write")
            else:
                progress.finish()
