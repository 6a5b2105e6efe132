"""Few words with the kernel that Python has no calls for."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct

__all__ = ["RESET_ON_CLOSE", "join_namespace", "listen", "reset_on_close", "segment_in_software"]

SIOCETHTOOL = 0x8946
ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO = 0x1F, 0x24, 0x2C
CLONE_NEWNET = 0x40000000
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with zero seconds: close() sends a RST."""


def reset_on_close(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def listen(port: int, backlog: int) -> socket.socket:
    """A listener on both address families."""
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", port))
    listener.listen(backlog)
    return listener


def join_namespace(name: str) -> None:
    """Move the calling thread into a named network namespace (setns(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if libc.setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(descriptor)


def segment_in_software(device: str) -> None:
    """Switch TSO, GSO and GRO off, so that segments are captured as they travel (ethtool -K)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for what in (ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO):
            value = ctypes.create_string_buffer(struct.pack("=II", what, 0), 8)
            request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
            fcntl.ioctl(control, SIOCETHTOOL, request.ljust(40, b"\0"))
