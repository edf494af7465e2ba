"""Reports on their way back: by STOW-RS, or by C-STORE to an application entity."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from gateway.dicomweb import DicomWeb
from gateway.problems import TryAgain, check_status
from gateway.settings import Peer, Settings

Deliver = Callable[[bytes, str], None]
"""Brings a report into the study with this UID; raises TryAgain or Refused."""


def sender(settings: Settings, web: DicomWeb | None) -> Deliver:
    """How reports are delivered: by C-STORE if a title is set for it, else by STOW-RS.

    Raises:
        ValueError: There is nowhere to send to, which `read_settings` refuses.
    """
    peer = settings.pacs_ae
    if peer is not None:
        return lambda report, _: store(report, peer, settings)
    if web is None:
        raise ValueError("neither a title nor an address to send to")
    return web.store


def store(report: bytes, peer: Peer, settings: Settings) -> None:
    """Sends a report by C-STORE.

    Raises:
        TryAgain: There is no association, it ended, or the PACS has no room.
        Refused: The PACS will not have it.
    """
    dataset = dcmread(BytesIO(report))
    association = _associated(dataset, peer, settings)
    try:
        status = association.send_c_store(dataset)
    except ValueError as error:  # pynetdicom's word for a presentation context that was not accepted
        raise TryAgain("pacs_takes_no_reports") from error
    except RuntimeError as error:
        raise TryAgain("pacs_connection_lost") from error
    finally:
        association.release()
    if "Status" not in status:
        raise TryAgain("pacs_connection_lost")
    check_status(status.Status)


def _associated(dataset: Dataset, peer: Peer, settings: Settings) -> Association:
    ae = AE(settings.ae_title)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = settings.timeout
    # Each by itself, so that the PACS cannot choose what needs a conversion; Implicit VR is what every one has to take,
    # and is to be offered always (PS3.5 10.1).
    for syntax in dict.fromkeys((dataset.file_meta.TransferSyntaxUID, ImplicitVRLittleEndian)):
        ae.add_requested_context(dataset.SOPClassUID, syntax)
    tls = None if settings.tls_certificate is None else (_tls(settings), peer.host)
    try:
        association = ae.associate(peer.host, peer.port, ae_title=peer.ae_title, tls_args=tls)
    except socket.gaierror as error:
        raise TryAgain("pacs_unknown_host") from error
    if association.is_established:
        return association
    if association.is_rejected:
        raise TryAgain("pacs_rejected")
    raise TryAgain("pacs_takes_no_reports" if association.rejected_contexts else "pacs_no_association")


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca)
        context.load_cert_chain(str(settings.tls_certificate), settings.tls_key, password="")
    except OSError as error:  # they could be read at the start; somebody renews them
        raise TryAgain("tls_files") from error
    return context
