"""Ports for servers that tests start."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["held_port"]


@contextmanager
def held_port() -> Iterator[int]:
    """A TCP port of 127.0.0.1 that nobody else is given meanwhile.

    It is bound, but not listened on: a server that sets SO_REUSEADDR, as all of them do, can have it nevertheless, and
    the system gives it neither to connections nor to who asks for any free port.
    """
    with socket.socket() as holding:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holding.bind(("127.0.0.1", 0))
        port: int = holding.getsockname()[1]
        yield port
