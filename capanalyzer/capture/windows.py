"""A sliding window over a capture's bytes: a buffer that a file or a stream fills."""

from __future__ import annotations

import io
import os
import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.streams import Source
from capanalyzer.remark import Remark

__all__ = ["FileWindow", "StreamWindow", "Window"]

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
    problem: Remark | None
    """Why the input ended before it should; known once ``at_end`` is true."""

    def advance(self, used: int, wants: int) -> None:
        """Drop ``used`` bytes and add what follows: at least up to ``wants`` in all, unless the input ends."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


class FileWindow:
    """A regular file, read piece by piece into one buffer, so that memory is one piece however large the file.

    Reading costs less than mapping: a page fault for every few packets takes longer than copying what lies between
    them, and a file that shrinks while it is read (a ring's oldest file is written anew) does not kill the process.
    """

    def __init__(self, file: io.FileIO, batch_bytes: int) -> None:
        self._file, self._batch_bytes = file, batch_bytes
        self._left = os.fstat(file.fileno()).st_size
        """Bytes of the file that are not in the buffer yet; what is appended from now on is not read."""
        self._buffer = np.empty(min(batch_bytes, self._left), np.uint8)
        self._filled = 0
        self.data = self._buffer[:0]
        self.at_end = False
        self.problem: Remark | None = None
        self.advance(0, 0)

    def advance(self, used: int, wants: int) -> None:
        """See :class:`Window`."""
        left = self._filled - used
        size = min(max(self._batch_bytes, wants, left + 1), left + self._left)
        old = self._buffer[used : self._filled]
        if size > len(self._buffer):
            self._buffer = np.empty(size, np.uint8)
        if used:
            old = old.copy()
        self._buffer[:left] = old
        self._filled = left
        while self._filled < size and not self.problem:
            count = self._read(self._buffer[self._filled : size].data)
            self._filled += count
            self._left -= count
        self.at_end = not self._left or self.problem is not None
        self.data = self._buffer[: self._filled]

    def _read(self, target: memoryview) -> int:
        try:
            count = self._file.readinto(target)
        except OSError as error:
            self.problem = Remark("Reading failed ({reason})", reason=error.strerror or error)
            return 0
        if not count:
            self.problem = Remark("The file became shorter while it was read")
        return count or 0

    def close(self) -> None:
        """See :class:`Window`."""
        self.data = self._buffer = np.empty(0, np.uint8)
        self._file.close()


class StreamWindow:
    """A stream, in one buffer that is filled again after what was left unused."""

    def __init__(self, source: Source, batch_bytes: int) -> None:
        self._source = source
        self._buffer = np.empty(batch_bytes, np.uint8)
        self._filled = 0
        self.at_end = False
        self.problem: Remark | None = None
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
