"""Images that a PACS or a camera sends: the SCP of C-STORE and C-ECHO.

Success (0x0000) is only answered once the image is in the queue on the disk; whoever was told so may forget the image.
Everything else says what the sender is to do: 0xA700 to try again later, 0x0117, 0xA900 and 0xC000 that it is no use.
Objects of other SOP classes do not get a presentation context.
"""

from __future__ import annotations

import socket
import sqlite3
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made while the module is imported
from pynetdicom.transport import ThreadedAssociationServer

from gateway import log
from gateway.objects import WANTED, NoDicomObject, identity
from gateway.queue import Full, Queue
from gateway.settings import Settings

SUCCESS = 0x0000
INVALID_INSTANCE = 0x0117
OUT_OF_RESOURCES = 0xA700
DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000

HANDSHAKE = 5.0
"""Seconds for TLS."""

REJECTED = {(1, 3): "unknown_caller", (1, 7): "unknown_title", (3, 2): "too_many_associations"}
"""Why an association is rejected, by source and diagnostic (PS3.8 table 9-21)."""


class Receiver:
    """Takes one object after the other into the queue."""

    def __init__(self, queue: Queue, arrived: Callable[[], None]) -> None:
        """`arrived` is called after each new image."""
        self._queue = queue
        self._arrived = arrived

    def store(self, event: Event) -> int:
        """Status of a C-STORE request (PS3.4 B.2.3)."""
        request = cast(C_STORE, event.request)
        data = event.encoded_dataset()
        try:
            image = identity(data)
        except NoDicomObject:
            return _refused(CANNOT_UNDERSTAND, "no_dicom_object")
        if image.sop_instance != request.AffectedSOPInstanceUID:
            return _refused(INVALID_INSTANCE, "other_instance")
        if image.sop_class != request.AffectedSOPClassUID:
            return _refused(DOES_NOT_MATCH, "other_sop_class")
        try:
            new = self._queue.add(image.key, data)
        except Full:
            return _refused(OUT_OF_RESOURCES, "queue_full", key=image.key)
        except (OSError, sqlite3.Error) as error:
            return _refused(OUT_OF_RESOURCES, type(error).__name__, key=image.key)
        log.event("received", key=image.key, bytes=len(data), new=new)
        if new:
            self._arrived()
        return SUCCESS


@contextmanager
def listening(settings: Settings, receiver: Receiver) -> Iterator[int]:
    """Listens for associations in threads of its own, until the context ends; the value is the port.

    Raises:
        OSError: The address cannot be listened on.
    """
    ae = AE(settings.ae_title)
    ae.require_called_aet = True
    ae.require_calling_aet = list(settings.callers)
    ae.add_supported_context(Verification)
    for sop_class in WANTED:
        ae.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
    handlers: list[evt.EventHandlerType] = [
        (evt.EVT_C_STORE, receiver.store),
        (evt.EVT_REJECTED, _tell_rejected),
        (evt.EVT_ACCEPTED, _tell_useless),
        (evt.EVT_CONN_CLOSE, _let_go),
    ]
    address, tls = (settings.host, settings.port), _tls(settings)
    try:
        server = cast(
            ThreadedAssociationServer,
            ae.start_server(address, block=False, evt_handlers=handlers, ssl_context=tls),
        )
    except OSError as error:
        why = f"cannot listen on {settings.host}, port {settings.port}: {error.strerror or error}"
        raise OSError(why) from error
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


class _Tls(ssl.SSLContext):
    def wrap_socket(self, sock: socket.socket, *arguments: Any, **options: Any) -> ssl.SSLSocket:  # noqa: ANN401 - of ssl
        """Shakes hands within seconds: pynetdicom does it before it accepts the next connection."""
        sock.settimeout(HANDSHAKE)
        wrapped = super().wrap_socket(sock, *arguments, **options)
        wrapped.settimeout(None)
        return wrapped


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_certificate is None:
        return None
    context = _Tls(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(settings.tls_ca)
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context


def _tell_rejected(event: Event) -> None:
    """A sender that is turned away hears of it; without this, nobody on this side would."""
    answer = event.assoc.acceptor.primitive
    reason = (0, 0) if answer is None else (answer.result_source or 0, answer.diagnostic or 0)
    log.event("rejected", problem=REJECTED.get(reason, "association"))


def _tell_useless(event: Event) -> None:
    if not event.assoc.accepted_contexts:
        log.event("rejected", problem="no_photographs")


def _let_go(event: Event) -> None:
    """Ends an association whose peer left before it asked for one, as a health check does.

    pynetdicom would count it for half a minute more among the ten that there may be, and turn cameras away meanwhile.
    """
    if event.assoc.requestor.primitive is None:
        event.assoc.dul.to_user_queue.put(None)  # what a wait that is over gives, too


def _refused(status: int, problem: str, **fields: object) -> int:
    log.event("refused", status=f"0x{status:04X}", problem=problem, **fields)
    return status
