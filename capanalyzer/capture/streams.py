"""Open streams as sources of bytes: standard input, FIFOs, remote files, whatever Python calls a binary stream."""

from __future__ import annotations

import os
import select
import stat
from typing import Any, BinaryIO, Protocol

from capanalyzer.capture.spool import Spool
from capanalyzer.remark import Remark

__all__ = ["Prefixed", "Source", "StreamSource"]

_PIPE_BYTES = 1 << 20
"""Linux lets a pipe hold this much without privileges; 64 KiB is its default, 16 times as many wake-ups."""

_F_SETPIPE_SZ = 1031
"""fcntl's number on Linux; Python names it from 3.10 on, but only where the C library does."""


class Source(Protocol):
    """Bytes from somewhere."""

    @property
    def problem(self) -> Remark | None:
        """Why the bytes ended before they should, once they have; a sentence without its full stop."""
        ...

    def readinto(self, target: memoryview) -> int:
        """Fill ``target`` with what is there, waiting for at least one byte; 0 at the end."""
        ...

    def ready(self, timeout_s: float | None) -> bool:
        """Whether a read would not have to wait, now or within ``timeout_s`` (None: for ever)."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


class StreamSource:
    """A binary stream. Errors while reading end it, with ``problem`` set."""

    def __init__(self, stream: BinaryIO, *, owned: bool, spool: Spool | None = None) -> None:
        """:param spool: takes a copy of what is read."""
        self._spool = spool
        self.problem: Remark | None = None
        self.read_bytes = 0
        self._stream: Any = stream
        self._owned = owned
        self._fd = _pollable(stream)
        if self._fd is not None:
            _widen_pipe(self._fd)

    def readinto(self, target: memoryview) -> int:
        """See :class:`Source`."""
        try:
            count = self._fill(target)
        except (OSError, EOFError, ValueError) as error:
            # ValueError: the stream was closed under us.
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            self.problem = Remark("Reading failed at byte {place} ({reason})", place=self.read_bytes, reason=reason)
            return 0
        self.read_bytes += count
        if self._spool is not None:
            self._spool.write(target[:count])
        return count

    def _fill(self, target: memoryview) -> int:
        """What is there, by whichever call of the stream does not wait for more than that."""
        for name in "readinto1", "readinto":
            call = getattr(self._stream, name, None)
            if call is not None:
                while (count := call(target)) is None and self._fd is not None:
                    self.ready(None)  # a descriptor that was set not to block, and has nothing yet
                return count or 0
        call = getattr(self._stream, "read1", None) or self._stream.read
        data = call(len(target))
        target[: len(data)] = data
        return len(data)

    def ready(self, timeout_s: float | None) -> bool:
        """See :class:`Source`. Streams that cannot be asked count as ready: files and memory are."""
        if self._fd is None:
            return True
        try:
            poll = select.poll()
            poll.register(self._fd, select.POLLIN | select.POLLHUP)
            return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))
        except (OSError, ValueError):
            return True

    def close(self) -> None:
        """Close the stream if it was opened here."""
        if self._spool is not None:
            self._spool.close()
        if self._owned:
            self._stream.close()


class Prefixed:
    """A source of which the first bytes were already read."""

    def __init__(self, head: bytes, inner: Source) -> None:
        self._head, self._inner = head, inner

    @property
    def problem(self) -> Remark | None:
        """See :class:`Source`."""
        return self._inner.problem

    def readinto(self, target: memoryview) -> int:
        """See :class:`Source`."""
        if not self._head:
            return self._inner.readinto(target)
        count = min(len(self._head), len(target))
        target[:count] = self._head[:count]
        self._head = self._head[count:]
        return count

    def ready(self, timeout_s: float | None) -> bool:
        """See :class:`Source`."""
        return bool(self._head) or self._inner.ready(timeout_s)

    def close(self) -> None:
        """See :class:`Source`."""
        self._inner.close()


def _pollable(stream: BinaryIO) -> int | None:
    """The descriptor behind a pipe, socket or terminal; None for what never keeps a reader waiting."""
    try:
        fd = stream.fileno()
        mode = os.fstat(fd).st_mode
    except (OSError, ValueError, AttributeError):
        return None
    waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)
    return fd if waits and hasattr(select, "poll") else None


def _widen_pipe(fd: int) -> None:
    try:
        import fcntl

        fcntl.fcntl(fd, _F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, OSError):
        return
