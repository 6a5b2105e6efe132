"""One line that says how far a long analysis has come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, Self

from capanalyzer.report.escape import printable

if TYPE_CHECKING:
    from capanalyzer.capture.records import CaptureInfo

__all__ = ["Progress", "progress_line"]

FIRST_AFTER_S: Final = 1.0
"""Shorter runs show nothing."""
EVERY_S: Final = 0.25
_ERASE: Final = "\r\x1b[K"


class Watched(Protocol):
    """A capture being read."""

    @property
    def info(self) -> CaptureInfo: ...

    def progress(self) -> tuple[int, int | None]:
        """(bytes read, bytes in all or None)."""
        ...


def progress_line(name: str, read: int, total: int | None, packets: int, elapsed_s: float, width: int) -> str:
    """``edge.pcap  45 %  410 of 910 MB  1.2 M packets/s  6 s left``, at most ``width`` columns."""
    parts = []
    if total:
        share = min(1.0, read / total)
        parts += [f"{share:4.0%}", f"{read / 1e6:,.0f} of {total / 1e6:,.0f} MB"]
    else:
        parts.append(f"{read / 1e6:,.0f} MB")
    if elapsed_s > 0:
        rate = packets / elapsed_s
        parts.append(f"{rate / 1e6:.1f} M packets/s" if rate >= 1e6 else f"{rate / 1e3:.0f} k packets/s")
        if total and read:
            left_s = max(0.0, elapsed_s * (total - read) / read)
            parts.append(f"{left_s:.0f} s left" if left_s < 120 else f"{left_s / 60:.0f} min left")
    tail = "  ".join(parts)
    room = width - len(tail) - 3
    if len(name) > room:
        name = "..." + name[-(room - 3) :] if room > 6 else ""
    return f"{name}  {tail}"[: width - 1]


class Progress:
    """Writes the line a few times a second from a thread of its own, because one batch may take longer than that."""

    def __init__(self, write: Callable[[str], None], width: int) -> None:
        self._write, self._width = write, width
        self._watched: Watched | None = None
        self._since = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._lock = threading.Lock()
        self._shown = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.clear()

    def watch(self, what: Watched) -> None:
        """Tell of this capture from now on."""
        self._watched, self._since = what, time.monotonic()

    def clear(self) -> None:
        """Take the line away, so that something else can be written."""
        with self._lock:
            if self._shown:
                self._write(_ERASE)
                self._shown = False

    def _run(self) -> None:
        if self._stop.wait(FIRST_AFTER_S):
            return
        while not self._stop.wait(EVERY_S):
            watched = self._watched
            if watched is None:
                continue
            read, total = watched.progress()
            info, elapsed_s = watched.info, time.monotonic() - self._since
            line = progress_line(printable(info.path), read, total, info.packets, elapsed_s, self._width)
            with self._lock:
                self._write(_ERASE + line)
                self._shown = True
