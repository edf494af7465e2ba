"""Requests byte by byte, for clients that no HTTP library is."""

import socket

from tests.running_service import Service


def connect(service: Service) -> socket.socket:
    """A connection to the service."""
    url = service.client.base_url
    return socket.create_connection((url.host, url.port or 0), timeout=60)


def received(connection: socket.socket) -> bytes:
    """Everything until the service ends the connection; a reset raises."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)
