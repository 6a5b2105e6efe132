"""How the process gets its memory from the GNU C library, which has one way for programs of all kinds.

It maps large pieces one by one, and unmaps them when they are freed. What counts as large it raises to the size of
whatever was freed last, up to 32 MB; pieces below that come from one heap, where a small one that stays in use keeps
the room of all that was freed below it. An analysis and a live run need opposite things of it.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

__all__ = ["keep_freed_pieces", "map_large_pieces"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3), malloc.h."""
_MB: Final = 1 << 20


def keep_freed_pieces() -> None:
    """For an analysis: the columns of one batch are made of what those of the last one left.

    It ends with its captures and needs the same sizes again and again; mapped, every page of the next batch's columns
    would be asked of the system, and cleared, once more. Of no effect where the C library is not GNU's.
    """
    # The library takes no higher value on 64-bit systems; and more may stay free than all columns of a batch need.
    _set(large_bytes=32 * _MB, spare_bytes=128 * _MB)


def map_large_pieces() -> None:
    """For a live run: what is freed goes back to the system, however long the run goes on.

    Under changing load the heap becomes several times as large as what is in it. Of no effect where the C library is
    not GNU's.
    """
    # Columns of the tables and of the recorder's rows are larger than 1 MB, those of a few ten thousand packets are
    # smaller: mapping these anew for every batch would cost more than it saves. Batches take the 8 MB again and again.
    _set(large_bytes=_MB, spare_bytes=8 * _MB)


def _set(*, large_bytes: int, spare_bytes: int) -> None:
    """:param large_bytes: pieces of so many bytes and more are mapped one by one.
    :param spare_bytes: what may be free at the heap's end before it is cut.
    """
    option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None
    if option is not None:
        option(_MMAP_THRESHOLD, large_bytes)
        option(_TRIM_THRESHOLD, spare_bytes)
