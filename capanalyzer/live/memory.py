"""How the process gets its memory: what is freed goes back to the system, however long a run goes on.

The GNU C library maps large pieces one by one, and unmaps them when they are freed. But what counts as large it raises
to the size of whatever was freed last, up to 32 MB; from then on columns of all sizes come from one heap, where a small
piece that stays in use keeps the room of all that was freed below it. Under changing load that heap becomes several
times as large as what is in it.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

__all__ = ["map_large_pieces"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3), malloc.h."""
LARGE_BYTES: Final = 1 << 20
"""Columns of the tables and of the recorder's rows are larger, those of a few ten thousand packets are smaller: mapping
these anew for every batch would cost more than it saves."""
SPARE_BYTES: Final = 8 << 20
"""What may be free at the heap's end before it is cut: batches take it again and again."""


def map_large_pieces() -> None:
    """From here on pieces of :data:`LARGE_BYTES` and more are mapped one by one; of no effect where the C library is
    not that of GNU.
    """
    option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None
    if option is not None:
        option(_MMAP_THRESHOLD, LARGE_BYTES)
        option(_TRIM_THRESHOLD, SPARE_BYTES)
