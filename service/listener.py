"""The port: opened, and closed without losing a client that has just connected."""

import contextlib
import ctypes
import socket
import struct

# Linux, asm-generic/socket.h. Python has no name for it.
_SO_ATTACH_FILTER = 26

# Classic BPF over the TCP header (linux/filter.h: code, jump if true, jump if false, k): of its flags, byte 13, look at
# SYN (0x02) and ACK (0x10); drop what has SYN alone, keep the rest.
_DROP_NEW = ((0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))

SETTLE_SECONDS = 0.2
"""After so long, handshakes that were under way when `refuse_new` came are in the queue of connections to accept."""


def listen(host: str, port: int) -> socket.socket:
    """Opens the port.

    Args:
        host: Name or address, IPv4 or IPv6.
        port: Its number; 0 takes any that is free.

    Raises:
        OSError: There is no such address, or the port is taken or not allowed.
    """
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((host, port), family=family, backlog=2048)


def refuse_new(listener: socket.socket) -> None:
    """Lets nobody connect any more, while those who have can still be accepted.

    Closing a port resets the connections that the kernel has made but nobody has accepted yet: their clients have sent
    a request and never hear why. So from here on the kernel drops what would begin a connection. A client tries again a
    second later, finds the port closed, and knows that nobody has read its request. It holds for every process that has
    this socket, and cannot be taken back; where the kernel does not offer it, nothing happens.
    """
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_NEW)
    memory = ctypes.create_string_buffer(code)
    program = struct.pack("HP", len(_DROP_NEW), ctypes.addressof(memory))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
