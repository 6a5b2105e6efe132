"""A copy of a stream, made while it is read, so that it can be read again: bounded, and gone with its folder's user."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["MAX_SPOOL_BYTES", "Spool"]

MAX_SPOOL_BYTES: Final = 2 << 30
"""Of one stream, as it comes (compressed or not). A longer one is analysed to its end; only its copy stops."""


class Spool:
    """The copy; :attr:`path` is its file, which whoever asked for it takes away."""

    def __init__(self, folder: str) -> None:
        """:raises OSError: no file can be made there."""
        self.path = os.path.join(folder, f".spool-{os.urandom(6).hex()}")
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        self._file = open(handle, "wb", buffering=0)  # noqa: SIM115 - closed by close()
        self._room = MAX_SPOOL_BYTES

    def write(self, data: memoryview) -> None:
        """Add what was read; beyond the limit, or when the disk is full, nothing more."""
        if self._room <= 0:
            return
        piece = data[: self._room]
        try:
            self._room -= self._file.write(piece) or 0
        except OSError:
            self._room = 0

    def close(self) -> None:
        """The copy is complete."""
        self._file.close()
