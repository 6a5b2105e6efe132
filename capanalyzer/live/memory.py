"""Memory that is free and still held goes back to the system now and then.

What is freed between pieces that stay in use the C library keeps, and takes the next piece from where it fits: after a
flood, and over weeks of pieces of all sizes, that can be as much as is in use. malloc_trim(3) of the GNU C library
gives such pages back, in a few milliseconds. Other libraries are left to what they do.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from typing import Final

__all__ = ["FreeMemory"]

EVERY_S: Final = 60.0


class FreeMemory:
    """To be asked as often as one likes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """:param clock: in seconds."""
        self._clock = clock
        self._next_s = clock() + EVERY_S
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None

    def give_back(self) -> None:
        """Once a minute."""
        if self._trim is not None and self._clock() >= self._next_s:
            self._next_s = self._clock() + EVERY_S
            self._trim(ctypes.c_size_t(0))
