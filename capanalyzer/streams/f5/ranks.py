"""Which of a connection's packets is which, in columns where those of many are mixed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["rank"]

I64 = NDArray[np.int64]


def rank(stream: I64) -> I64:
    """How many before it are of the same stream."""
    order = np.argsort(stream, kind="stable")
    ordered = stream.take(order)
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(stream) else order
    ranks = np.empty(len(stream), np.int64)
    ranks[order] = np.arange(len(stream)) - np.repeat(begins, np.diff(begins, append=len(stream)))
    return ranks
