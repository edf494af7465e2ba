"""One serving process: uvicorn, told how to stop without losing a request."""

import asyncio
import contextlib
import logging
import signal
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service import log, routes_images
from service.context import Context
from service.listener import SETTLE_SECONDS, refuse_new
from service.protocol import Protocol
from service.refusal import Gate
from service.settings import Settings

KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep an idle connection, so that it is they who close it, and none sends into a closing one."""


CUT_OFF_SECONDS = 5
"""What is cut off has so long to be recorded and told of."""


class Server(uvicorn.Server):
    """Stops in steps: not ready, but serving; then no new connections; then every request under way is finished."""

    def __init__(self, app: FastAPI, settings: Settings, *, owns_listener: bool = True) -> None:
        """Prepares to serve.

        Args:
            app: From `create_app`.
            settings: The same as the app's.
            owns_listener: Whether its sockets are its own. Otherwise a supervisor lets nobody connect any more when all
                processes stop; while the others go on, one that stops leaves them what has connected.
        """
        self._context: Context = app.state.context
        configured = {
            "header_seconds": settings.receive_seconds,
            "gate": Gate(self._context, routes_images.router.routes),
        }
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=type("ConfiguredProtocol", (Protocol,), configured),
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=settings.shutdown_seconds + CUT_OFF_SECONDS,
            )
        )
        self._drain_seconds, self._shutdown_seconds = settings.drain_seconds, settings.shutdown_seconds
        self._owns_listener = owns_listener
        self._loop: asyncio.AbstractEventLoop | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM announces the end and leaves the port open for a while; SIGINT, or a second signal, does not wait.

        Where a supervisor passes signals on, it says by SIGINT that there was a second one. A second SIGTERM is the
        same stop there: systemd sends one to every process of a unit, and the supervisor passes on its own.
        """
        announced, self._context.stopping = self._context.stopping, True
        if sig == signal.SIGTERM and not announced and self._loop is not None and self._drain_seconds:
            # Nothing is logged here: the signal may have come in the middle of a line.
            self._loop.call_soon_threadsafe(self._exit_later, self._loop)
        elif sig == signal.SIGINT or not announced or self._owns_listener:
            self._exit()

    def _exit_later(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(self._drain_seconds, self._exit)
        log.event("stopping", seconds=self._drain_seconds)

    def _exit(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(log.loop_failure)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes what has already connected before the port closes: the kernel would reset those connections."""
        self._context.stopping = True
        for listener in sockets or []:
            if self._owns_listener:
                refuse_new(listener)
        await asyncio.sleep(SETTLE_SECONDS)
        for listener in sockets or []:
            await self._accept_waiting(listener)
        cut_off = asyncio.get_running_loop().call_later(self._shutdown_seconds, self._cut_off)
        await super().shutdown(sockets)
        cut_off.cancel()

    def _cut_off(self) -> None:
        """Ends what is under way; whoever waits is told so (see `RequestContext`)."""
        log.event("cut_off", logging.ERROR, requests=len(self.server_state.tasks))
        for task in self.server_state.tasks:
            task.cancel()

    async def _accept_waiting(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        # Whatever is wrong with one that waits, such as that there may be no more open files: those that were let in
        # are answered.
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn itself makes them
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
