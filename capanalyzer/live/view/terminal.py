"""A terminal that may stop taking what is written to it: a connection that hangs, a window that nobody reads.

What is written waits here and goes out as far as the terminal takes it; only :meth:`Terminal.finish` waits for that.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Callable
from time import monotonic
from typing import Final, TextIO

__all__ = ["Terminal"]

_CHUNK_BYTES: Final = 4096
"""Written at a time."""
_LOOK_S: Final = 0.1


class Terminal:
    """Written to as to a text file."""

    def __init__(self, out: TextIO) -> None:
        """:param out: a stream to the terminal; nothing else is to write to it meanwhile."""
        self._out = out
        self.encoding = out.encoding
        self.is_gone = False
        """Its window was closed, or the connection to it."""
        self._waiting = bytearray()
        self._since_s = 0.0
        """When it took something last."""
        self._is_refused = False
        self._is_closed = False
        self._descriptor: int | None = None
        """None: of a system on which this cannot be had; there a write waits."""
        self._waited: bool | None = None
        """It is the stream's own, and this is whether it made who writes wait; None: it is ours."""
        if sys.platform != "win32":
            self._descriptor = _open_anew(out.fileno())
            if self._descriptor is None:
                self._descriptor = out.fileno()
                self._waited = os.get_blocking(self._descriptor)
                os.set_blocking(self._descriptor, False)

    def write(self, text: str) -> int:
        """Have it written; not any more when this is closed."""
        if self._is_closed:
            return len(text)
        if self._descriptor is None:
            return self._out.write(text)
        if not self.is_gone:
            if not self._waiting:
                self._since_s = monotonic()
            self._waiting += text.encode(self.encoding, "backslashreplace")
        return len(text)

    def flush(self) -> None:
        """Part of it may be written."""
        if self._descriptor is None:
            self._out.flush()
        else:
            self.push()

    def isatty(self) -> bool:
        """It is one, as long as it is there."""
        return self._out.isatty()

    def fileno(self) -> int:
        """The stream's."""
        return self._out.fileno()

    @property
    def is_behind(self) -> bool:
        """Something waits."""
        return bool(self._waiting)

    @property
    def wanted(self) -> int | None:
        """A descriptor to be waited for until something can be written; None: nothing is, or it is not to be told."""
        return self._descriptor if self._waiting and not self._is_refused else None

    def push(self) -> None:
        """Write as much as it takes now."""
        self._is_refused = False
        waiting = self._waiting  # it may be discarded while a write waits
        try:
            while waiting and self._descriptor is not None:
                if not select.select([], [self._descriptor], [], 0)[1]:
                    return
                del waiting[: os.write(self._descriptor, waiting[:_CHUNK_BYTES])]
                self._since_s = monotonic()
        except BlockingIOError:
            self._is_refused = True  # room for one byte, where a line's end takes two
        except OSError:
            self.is_gone = True
            waiting.clear()

    def finish(self, may_wait: Callable[[float], bool]) -> bool:
        """Write all; whether that was possible.

        :param may_wait: whether it is still to be waited for when it has taken nothing since then (of
            :func:`time.monotonic`).
        """
        while True:
            self.push()
            if not self._waiting:
                return not self.is_gone
            if not may_wait(self._since_s):
                return False
            wanted = self.wanted
            select.select([], [] if wanted is None else [wanted], [], _LOOK_S)

    def discard(self) -> None:
        """What waits is not to be shown any more, here and in the system."""
        self._waiting = bytearray()
        if self._descriptor is not None:
            import termios

            with contextlib.suppress(termios.error):
                termios.tcflush(self._descriptor, termios.TCOFLUSH)

    def close(self) -> None:
        """Give back what is held; further calls do nothing."""
        self._is_closed = True
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        if self._waited is None:
            os.close(descriptor)
        else:
            os.set_blocking(descriptor, self._waited)


def _open_anew(descriptor: int) -> int | None:
    """A terminal that does not make us wait, while the one that the shell has stays as it is; None: not to be had."""
    name = "/dev/tty"
    try:
        os.tcgetpgrp(descriptor)  # fails for any but our controlling terminal
    except OSError:
        try:
            name = os.ttyname(descriptor)
        except OSError:
            return None  # of another world: a container's
    try:
        return os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None  # of another user
