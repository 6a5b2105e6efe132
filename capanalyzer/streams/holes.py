"""Spans in which nothing at all was captured: nobody may have been listening, so silence in them proves nothing.

Files joined from pieces that lie days or years apart have them, and so has a ring of which a file is missing.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["HOLE_NS", "Holes"]

HOLE_NS: Final = 300 * 10**9
"""A path that carries TCP at all is hardly silent for five minutes; a failing connection is over sooner."""
MAX_HOLES: Final = 1_024
"""Remembered; a capture with more of them is of a line so quiet that they are no holes."""


class Holes:
    """The spans without a packet, in capture time."""

    __slots__ = ("_begins", "_newest_ns")

    def __init__(self) -> None:
        self._begins: list[int] = []
        self._newest_ns: int | None = None

    def see(self, time_ns: NDArray[np.int64]) -> None:
        """Take the times of further packets, one at least, in capture order; they may go back a little."""
        newest = int(time_ns.max())
        before = self._newest_ns if self._newest_ns is not None else int(time_ns[0])
        if newest - before > HOLE_NS and len(self._begins) < MAX_HOLES:
            reached = np.maximum.accumulate(np.concatenate([[before], time_ns]))
            begins = reached[:-1].compress(np.diff(reached) > HOLE_NS)
            self._begins += begins[: MAX_HOLES - len(self._begins)].tolist()
        self._newest_ns = max(before, newest)

    def listened(self, until_ns: int) -> None:
        """Somebody listened up to this time, whether or not packets came."""
        if self._newest_ns is not None:
            self._newest_ns = max(self._newest_ns, until_ns)

    def __bool__(self) -> bool:
        return bool(self._begins)

    def forget(self, before_ns: int) -> None:
        """No connection that is open began before this time."""
        self._begins = self._begins[bisect_left(self._begins, before_ns) :]

    def watched_until(self, last_ns: int, until_ns: int) -> int:
        """How long a connection was watched of which the last packet was seen at ``last_ns``: to ``until_ns``, or the
        first hole after it.
        """
        at = bisect_left(self._begins, last_ns)
        return min(self._begins[at], until_ns) if at < len(self._begins) else until_ns
