"""A sliding window over a capture's bytes: a mapped file, or a buffer that a stream fills."""

from __future__ import annotations

import mmap
import os
import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.streams import Source

__all__ = ["MappedWindow", "StreamWindow", "Window"]

_SILENCE_S = 0.02
"""A pipe silent for this long hands on what it gave: a live view may wait that much."""

_PATIENCE_S = 1.0
"""... and one that trickles hands on what it gave in this time."""


class Window(Protocol):
    """Some of the input's bytes; moves forward only."""

    data: NDArray[np.uint8]
    """The bytes from the first unused one on, shape (m,). Valid until the next ``advance``."""
    at_end: bool
    """Nothing comes after ``data``."""
    problem: str | None
    """Why the input ended before it should; known once ``at_end`` is true."""

    def advance(self, used: int, wants: int) -> None:
        """Drop ``used`` bytes and add what follows: at least up to ``wants`` in all, unless the input ends."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


class MappedWindow:
    """A regular file, mapped piece by piece, so that resident memory is one piece however large the file.

    A file that shrinks while it is read (a ring's oldest file is written anew) would kill the process
    where a mapped page is gone, so its size is looked at before each piece.
    """

    def __init__(self, fd: int, batch_bytes: int) -> None:
        self._fd, self._batch_bytes = fd, batch_bytes
        self._place = 0
        self.data = np.empty(0, np.uint8)
        self._size = os.fstat(fd).st_size
        self.problem: str | None = None
        self.advance(0, 0)

    def advance(self, used: int, wants: int) -> None:
        """See :class:`Window`."""
        self._place += used
        wants = max(wants, len(self.data) - used + 1)
        size = os.fstat(self._fd).st_size
        if size < self._size:
            self._size = size
            self.problem = "The file became shorter while it was read"
        aligned = self._place - self._place % mmap.ALLOCATIONGRANULARITY
        end = min(self._size, self._place + max(self._batch_bytes, wants))
        self.at_end = end >= self._size
        if end <= self._place:
            self.data = np.empty(0, np.uint8)
            return
        piece = mmap.mmap(self._fd, end - aligned, access=mmap.ACCESS_READ, offset=aligned)
        # The array keeps the piece mapped for as long as anyone holds a view of it.
        self.data = np.frombuffer(piece, np.uint8)[self._place - aligned :]

    def close(self) -> None:
        """See :class:`Window`."""
        self.data = np.empty(0, np.uint8)
        os.close(self._fd)


class StreamWindow:
    """A stream, in one buffer that is filled again after what was left unused."""

    def __init__(self, source: Source, batch_bytes: int) -> None:
        self._source = source
        self._buffer = np.empty(batch_bytes, np.uint8)
        self._filled = 0
        self.at_end = False
        self.problem: str | None = None
        self.data = self._buffer[:0]
        self.advance(0, 0)

    def advance(self, used: int, wants: int) -> None:
        """See :class:`Window`."""
        left = self._filled - used
        if used and left:
            self._buffer[:left] = self._buffer[used : self._filled].copy()
        self._filled = left
        self._fill(max(wants, left + 1))
        self.data = self._buffer[: self._filled]

    def _fill(self, wants: int) -> None:
        """Read until ``wants`` bytes are there, and then for as long as more comes without waiting."""
        began = time.monotonic()
        while not self.at_end:
            if self._filled == len(self._buffer):
                if self._filled >= wants:
                    return
                # Grown as bytes really come, so that a lying length costs nothing.
                size = len(self._buffer)
                larger = np.empty(max(min(2 * size, wants), size + size // 8 + 1), np.uint8)
                larger[: self._filled] = self._buffer
                self._buffer = larger
            has_enough = self._filled >= wants
            if has_enough and (time.monotonic() - began > _PATIENCE_S or not self._source.ready(_SILENCE_S)):
                return
            count = self._source.readinto(self._buffer[self._filled :].data)
            self._filled += count
            if not count:
                self.at_end = True
                self.problem = self._source.problem

    def close(self) -> None:
        """See :class:`Window`."""
        self._source.close()
