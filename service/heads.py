"""What uvicorn takes as it comes, besides bodies: heads of any size, what is no request, and other protocols."""

from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.problems import HeadTooLarge, MalformedRequest, Problem
from service.refusal import Gate

HEAD_BYTES = 65_536
"""Of request line and headers together, and in a row of what is neither body nor the end of a message, such as the
trailers of a chunked body. Browsers send 1 to 8 kB, Apache takes a hundred fields of 8 kB."""

MOST_PIPELINED = 32
"""Requests that may wait on a connection for the answers to those before them. Each takes two kilobytes, and a client
may send thousands at once without a key; hardly any sends a second one before its answer."""


class Heads(HttpToolsProtocol):
    """One connection, whose requests may have heads of a certain size only.

    What the parser takes for no request is answered as every other error is. And an offer to change to another protocol
    is not taken (RFC 9110, 7.8): programs offer HTTP/2 with each request, as Java's do, and the parser would end the
    request with its headers and take its body for the next one.
    """

    gate: Gate

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - passed on as they are
        super().__init__(*arguments, **options)
        self._refused = False
        self._in_head = False
        self._head_bytes = 0
        self._without_news = 0
        self._before: RequestResponseCycle = self.cycle
        self._worked_on: RequestResponseCycle = self.cycle

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; uvicorn tells only the last of several requests in a row."""
        if self._worked_on is not None:
            self._worked_on.disconnected = True
            self._worked_on.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived; those behind a request that was refused are thrown away."""
        self._without_news += len(data)
        rest = b"" if self._refused else data
        while rest:
            rest = self._feed(rest)
        if self._without_news > HEAD_BYTES:
            self.refuse(_too_large())

    def on_message_begin(self) -> None:
        """The first bytes of a request have arrived."""
        if not self._refused:
            # Not by any byte, as in uvicorn: after an empty line nothing would ever end the connection.
            self._unset_keepalive_if_required()
            self._in_head, self._head_bytes = True, 0
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of what is asked for has arrived."""
        if self._takes(len(url)):
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header has arrived, or a trailer, which means nothing here."""
        if self._takes(len(name) + len(value) + 4):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The headers of a request have arrived."""
        self._in_head, self._without_news = False, 0
        if self._refused:
            return
        if self._head_bytes > HEAD_BYTES:
            self.refuse(_too_large())
        elif not self.parser.should_upgrade():
            self.on_request()

    def on_request(self) -> None:
        """Everything but the body of a request that can be answered has arrived."""
        if not self._names_one_host():
            self.refuse(MalformedRequest("A request by HTTP/1.1 has the header Host, once."))
            return
        # Where its head had begun before the last answer ended, the wait for a next request began after it.
        self._unset_keepalive_if_required()
        if len(self.pipeline) >= MOST_PIPELINED:
            self.take_no_more()
            return
        self._before = self.cycle
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body has arrived."""
        self._without_news = 0
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has arrived."""
        self._without_news = 0
        if not self._refused and not self.parser.should_upgrade():
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._worked_on = cycle
        super()._start_asgi_task(cycle, app)

    def refuse(self, problem: Problem) -> None:
        """Takes nothing more from this connection; what it took is answered first.

        Args:
            problem: The answer, if no other one is under way.
        """
        if self._refused:
            return
        if self.pipeline and self.pipeline[0][0].more_body:
            # The request behind which nothing can follow waits for the answers to those before it, and gets none.
            self.pipeline.popleft()
            self.cycle = self._before
        if self.is_answering():
            self.take_no_more()
            return
        self._refused = True
        unread = self.cycle is not None and not self.cycle.response_complete
        if not unread or not self.cycle.response_started:
            self.transport.write(self.gate.answer(problem, self.server_state.default_headers))
        if unread:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def take_no_more(self) -> None:
        """Ends the connection after the answer that is under way; what comes behind its request is thrown away."""
        self._refused = True
        self.cycle.keep_alive = False

    def is_answering(self) -> bool:
        """Whether a request that has arrived as a whole still waits for the end of its answer."""
        return self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete

    def _names_one_host(self) -> bool:
        """Whether nobody on the way can have taken it for a request to somebody else (RFC 9112, 3.2)."""
        hosts = sum(name == b"host" for name, _ in self.headers)
        return hosts == 1 or (hosts == 0 and self.parser.get_http_version() == "1.0")

    def _takes(self, count: int) -> bool:
        if self._in_head:
            self._head_bytes += count
        return self._in_head and not self._refused and self._head_bytes <= HEAD_BYTES

    def _feed(self, data: bytes) -> bytes:
        """Parses; returns what has to be parsed after it."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if not self._refused and self.parser.get_method() != b"CONNECT":
                return self._without_offer() + data[offer.args[0] :]
            self.refuse(MalformedRequest("This is no proxy: it opens no tunnels."))
        except httptools.HttpParserError:
            self.refuse(MalformedRequest("What was sent is not a request by HTTP/1.1."))
        return b""

    def _without_offer(self) -> bytes:
        """The head of a request without its offer, for a new parser; the old one takes the request for complete."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        head = [b"%b %b HTTP/%b\r\n" % (method, self.url, version.encode()), *lines, b"\r\n"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"".join(head)


def _too_large() -> HeadTooLarge:
    return HeadTooLarge(f"Request line and headers may have {HEAD_BYTES:,} bytes in all.")
