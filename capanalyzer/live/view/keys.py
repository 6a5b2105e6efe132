"""Keys of a terminal, one at a time, without waiting for a line. Ctrl-C stays what it is."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from typing import Final

__all__ = ["Keys"]

_NAMES: Final = {
    b"\x1b[A": "up", b"\x1bOA": "up", b"k": "up", b"\x1b[B": "down", b"\x1bOB": "down", b"j": "down",
    b"\x1b[5~": "page-up", b"\x1b[6~": "page-down", b"\r": "enter", b"\n": "enter", b"\x1b": "back", b"\x7f": "back",
    b"h": "help", b"?": "help", b"p": "pause", b" ": "pause", b"q": "quit", b"Q": "quit",
}  # fmt: skip


class Keys:
    """The terminal's keyboard, also where standard input is something else; silent where there is none."""

    def __init__(self) -> None:
        """Open it; to be given back with :meth:`close`."""
        self._woken = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._terminal: int | None = None
        try:
            import termios

            self._terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
            self._saved = termios.tcgetattr(self._terminal)
        except (ImportError, OSError):
            self._forget()
        except termios.error:
            self._forget()

    def _forget(self) -> None:
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def begin(self) -> None:
        r"""Keys come at once and are not shown. The run cannot be suspended (Ctrl-Z) or ended on the spot (Ctrl-\): it
        would leave a terminal in disorder, and a gap in what it watches. Nor does Ctrl-S stop the terminal: there is a
        key that stops the picture.
        """
        if self._terminal is None:
            return
        import termios

        wanted = termios.tcgetattr(self._terminal)
        wanted[0] &= ~termios.IXON
        wanted[3] &= ~(termios.ECHO | termios.ICANON)
        wanted[6][termios.VMIN], wanted[6][termios.VTIME] = 1, 0
        nothing = os.fpathconf(self._terminal, "PC_VDISABLE").to_bytes(1, "little")
        wanted[6][termios.VSUSP] = wanted[6][termios.VQUIT] = nothing
        termios.tcsetattr(self._terminal, termios.TCSANOW, wanted)

    def read(self, timeout_s: float, wanted: int | None = None) -> list[str]:
        """Names of the keys pressed meanwhile: ``up`` ``down`` ``page-up`` ``page-down`` ``enter`` ``back`` ``help``
        ``pause`` ``quit``. Comes back early after :meth:`wake`.

        :param wanted: and when something can be written to this descriptor.
        """
        if self._terminal is None and wanted is None:
            self._woken.wait(timeout_s)
            self._woken.clear()
            return []
        read = [self._wake_read] if self._terminal is None else [self._wake_read, self._terminal]
        ready, _, _ = select.select(read, [] if wanted is None else [wanted], [], timeout_s)
        if self._wake_read in ready:
            os.read(self._wake_read, 64)
        if self._terminal is None or self._terminal not in ready:
            return []
        data = b""
        with contextlib.suppress(OSError):
            data = os.read(self._terminal, 64)
        if not data:  # hung up
            self._forget()
        return list(_named(data))

    def wake(self) -> None:
        """From another thread: :meth:`read` is to come back."""
        self._woken.set()
        os.write(self._wake_write, b".")

    def end(self) -> None:
        """The terminal is as it was."""
        if self._terminal is None:
            return
        import termios

        with contextlib.suppress(termios.error):
            # Not when all was shown: of a terminal that takes nothing any more that is never.
            termios.tcsetattr(self._terminal, termios.TCSANOW, self._saved)

    def close(self) -> None:
        """Give back what is held."""
        self._forget()
        os.close(self._wake_read)
        os.close(self._wake_write)


def _named(data: bytes) -> list[str]:
    """The keys in what a terminal sent; a sequence that is not known is passed over."""
    found = []
    at = 0
    while at < len(data):
        size = next((size for size in (4, 3, 1) if data[at : at + size] in _NAMES and len(data) >= at + size), 0)
        if size == 1 and data[at] == 0x1B and data[at + 1 : at + 2] in (b"[", b"O"):
            # A sequence that means nothing here: up to its final letter.
            at += 2
            while at < len(data) and not 0x40 <= data[at] <= 0x7E:
                at += 1
            at += 1
            continue
        if size:
            found.append(_NAMES[data[at : at + size]])
        at += size or 1
    return found
