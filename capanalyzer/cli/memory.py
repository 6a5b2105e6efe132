"""How the process gets its memory: columns of one batch are made of what those of the last one left.

The GNU C library maps large pieces one by one, and unmaps them when they are freed: every page of the next batch's
columns is then asked of the system, and cleared, once more. An analysis ends with its captures and needs the same sizes
again and again, so here they come from the heap, and the heap keeps what is free. (A live run goes on for weeks, and
does the contrary: :mod:`capanalyzer.live.memory`.)
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

__all__ = ["keep_freed_pieces"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3), malloc.h."""
LARGE_BYTES: Final = 32 << 20
"""Larger pieces are mapped all the same; the library takes no higher value on 64-bit systems."""
SPARE_BYTES: Final = 128 << 20
"""What may be free at the heap's end before it is cut: more than all columns of a batch."""


def keep_freed_pieces() -> None:
    """From here on freed memory is used again; of no effect where the C library is not GNU's."""
    option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None
    if option is not None:
        option(_MMAP_THRESHOLD, LARGE_BYTES)
        option(_TRIM_THRESHOLD, SPARE_BYTES)
