"""One Orthanc for the tests that only look at what they sent there themselves."""

from collections.abc import Iterator

import pytest
from pynetdicom.transport import AssociationSocket

from tests.gateway.orthanc import Pacs, orthanc


@pytest.fixture(scope="session")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    """An Orthanc that tests share."""
    with orthanc(tmp_path_factory.mktemp("pacs")) as running:
        yield running


@pytest.fixture(autouse=True)
def sockets_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """pynetdicom 3.0.4 leaves a socket whose peer is gone to the garbage collection, where warnings are errors here."""
    shut_down = AssociationSocket._shutdown_socket

    def and_close(self: AssociationSocket) -> None:
        socket = self.socket
        shut_down(self)
        if socket is not None:
            socket.close()

    monkeypatch.setattr(AssociationSocket, "_shutdown_socket", and_close)
