"""What uvicorn's HTTP protocol lacks for clients that are slow, or that are answered before their body has arrived."""

import asyncio
import fcntl
import sys
import termios
from typing import Any

from service.heads import Heads

LINGER_SECONDS = 2.0
LINGER_BYTES = 64_000_000
UNUSED_SECONDS = 1.0
"""How long a connection that has brought no request yet is kept when the service stops."""


class Protocol(Heads):
    """One connection.

    Four things are added. Where the service is full, an image is refused as soon as its headers are there. Headers must
    arrive in time, also those of a connection that never sends any: uvicorn would wait for ever, as it would for one
    who does not take the answer. And a connection that ends while its body is still arriving is closed in two steps, as
    nginx does it (lingering close): closed at once, what the client has sent meanwhile would make the kernel reset the
    connection, and the client could lose the answer that tells it why.
    """

    header_seconds = 20.0

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - passed on as they are
        super().__init__(*arguments, **options)
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self._lingering = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """A client has connected."""
        self._closing = _Lingering(transport, self)
        super().connection_made(self._closing)  # type: ignore[arg-type]  # it passes on what it lacks
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and nothing refers to itself any more.

        What does waits for the garbage collector: where hundreds of connections a second are refused, it stopped
        everything for 80 ms every ten seconds.
        """
        self._headers_are_there()
        self._is_taken()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn leaves it to its end where a client has reset the connection
        self._closing.protocol = None

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived; what comes after the answer is thrown away."""
        if not self._lingering:
            super().data_received(data)
            return
        self._lingering -= len(data)
        if self._lingering <= 0:
            self.transport.abort()

    def eof_received(self) -> None:
        """The client has nothing more to send."""
        if self._lingering:
            self.transport.abort()

    def pause_writing(self) -> None:
        """The client does not take what it is sent, or not all of it yet."""
        super().pause_writing()
        self._await_taking()

    def resume_writing(self) -> None:
        """The client has taken most of what it was sent."""
        self._is_taken()
        super().resume_writing()

    def on_message_begin(self) -> None:
        """The first bytes of a request have arrived."""
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        """The headers of a request have arrived."""
        self._headers_are_there()
        super().on_headers_complete()

    def on_request(self) -> None:
        """A request has arrived but for its body: an image is let in, or refused."""
        if not self._is_refused():
            super().on_request()

    def shutdown(self) -> None:
        """The service stops: one that has just connected may have sent a request that was not read yet."""
        if self.cycle is None:
            self.loop.call_later(UNUSED_SECONDS, self._close_unless_busy)
        else:
            super().shutdown()

    def body_is_arriving(self) -> bool:
        """Whether the client may still be sending the body of the request that was answered."""
        return self._refused or (self.cycle is not None and self.cycle.more_body)

    def linger(self, transport: asyncio.Transport) -> None:
        """Ends the connection for the client, and waits a little for it to notice before closing it."""
        self._lingering = LINGER_BYTES
        transport.write_eof()
        transport.resume_reading()
        self._linger_timer = self.loop.call_later(LINGER_SECONDS, transport.abort)

    def _is_refused(self) -> bool:
        """Refuses a request if it must be; not one that waits for the answer to another, which would get its answer."""
        if self.parser.get_method() != b"POST" or (self.cycle is not None and not self.cycle.response_complete):
            return False
        answer = self.gate.refusal(self.url, self.headers, self.server_state.default_headers)
        if answer is None:
            return False
        self._refused = True
        self.transport.write(answer)
        self.transport.close()
        return True

    def _close_unless_busy(self) -> None:
        # uvicorn's own: at once if no request is under way, else after its answer.
        super().shutdown()

    def _await_headers(self) -> None:
        self._headers_are_there()
        self._header_timer = self.loop.call_later(self.header_seconds, self._close_slow)

    def _headers_are_there(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _is_taken(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _await_taking(self) -> None:
        """Ends the connection of one who takes nothing for so long; who takes a little each time is only slow."""
        self._is_taken()
        self._write_timer = self.loop.call_later(self.header_seconds, self._close_unless_less_than, self._untaken())

    def _untaken(self) -> int:
        """Bytes that the client has not taken yet, here and in the kernel, which asks for more only at times."""
        waiting = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, b"\0" * 4)
        return self.transport.get_write_buffer_size() + int.from_bytes(waiting, sys.byteorder)

    def _close_unless_less_than(self, untaken: int) -> None:
        if self._untaken() < untaken:
            self._await_taking()
        else:
            self.transport.abort()

    def _close_slow(self) -> None:
        if self.is_answering():
            self.take_no_more()
        else:
            # There is no request yet that could be answered.
            self.transport.abort()


class _Lingering:
    """The connection's transport, whose `close` lingers while a body is arriving.

    Attributes:
        protocol: What knows whether it is; None when the connection is gone.
    """

    def __init__(self, transport: asyncio.Transport, protocol: Protocol) -> None:
        self.protocol: Protocol | None = protocol
        self._transport = transport
        self._closing = False

    def close(self) -> None:
        """Closes at once, or in two steps where a body is still arriving; a second call changes nothing."""
        if self._closing:
            return
        self._closing = True
        if self.protocol is not None and self.protocol.body_is_arriving() and not self._transport.is_closing():
            self.protocol.linger(self._transport)
        else:
            self._transport.close()

    def is_closing(self) -> bool:
        """Whether it was asked to close, even if it lingers."""
        return self._closing or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the transport has
        return getattr(self._transport, name)
