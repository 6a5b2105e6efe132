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

_CHUNK_BYTES: Final = 512
"""Written at a time: where the terminal cannot be opened anew, a write may wait although there is some room."""
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
        self._opened: int | None = None
        self._descriptor: int | None = None
        """None: of a system on which this cannot be had; there a write waits."""
        if sys.platform != "win32":
            self._descriptor = out.fileno()
            with contextlib.suppress(OSError):  # of another user, or of another world (a container's)
                # Opened anew it can be made not to wait, and the shell's own stays as it is.
                self._opened = os.open(os.ttyname(self._descriptor), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
                self._descriptor = self._opened

    def write(self, text: str) -> int:
        """Have it written."""
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
        try:
            while self._waiting and self._descriptor is not None:
                if not select.select([], [self._descriptor], [], 0)[1]:
                    return
                del self._waiting[: os.write(self._descriptor, self._waiting[:_CHUNK_BYTES])]
                self._since_s = monotonic()
        except BlockingIOError:
            self._is_refused = True  # room for one byte, where a line's end takes two
        except OSError:
            self.is_gone = True
            self._waiting.clear()

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
        self._waiting.clear()
        if self._descriptor is not None:
            import termios

            with contextlib.suppress(termios.error):
                termios.tcflush(self._descriptor, termios.TCOFLUSH)

    def close(self) -> None:
        """Give back what is held."""
        if self._opened is not None:
            os.close(self._opened)
            self._opened = self._descriptor = None
