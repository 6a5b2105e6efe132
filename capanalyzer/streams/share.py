"""Which connections are whose, where several processes read one capture.

Each process reads all packets, so that each numbers connections alike, and builds the sessions of its own share. What
is decided connection by connection comes out the same for any number of processes, as long as nothing depends on what
became of the connections of another share. Limits on connections are therefore kept for each *bucket* apart: a bucket
always belongs to one process as a whole.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BUCKETS", "WHOLE", "NotDivisible", "Share"]

BUCKETS: Final = 64
"""Stream numbers modulo this: more processes than that cannot share a capture."""


class NotDivisible(Exception):  # noqa: N818 - it is met where all is well
    """The connections of this capture are judged together: they are no matter for shares."""


class Share(NamedTuple):
    """Part ``number``, counted from 0, of ``of`` parts."""

    number: int
    of: int

    def has(self, streams: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these streams belong to it; shape (n,)."""
        owners: NDArray[np.bool_] = streams % BUCKETS % self.of == self.number
        return owners


WHOLE: Final = Share(0, 1)
