"""A column with one value everywhere, written to for a moment: what that costs depends on what is written alone.

For a batch of a few packets, making a column as long as the tables costs more than all else; after a flood they are
long for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["UNSET", "Blank"]

I64 = NDArray[np.int64]

UNSET: Final = np.iinfo(np.int64).max


class Blank:
    """Integers, all of them UNSET between two uses."""

    __slots__ = ("_column",)

    def __init__(self) -> None:
        self._column: I64 = np.empty(0, np.int64)

    @contextmanager
    def column(self, size: int, at: I64, values: I64) -> Iterator[I64]:
        """A column, shape (>= size,), with these values at these places, UNSET at all others; valid in the block.

        Of a place that comes several times the last value stays.
        """
        if size > len(self._column):
            self._column = np.full(size, UNSET)  # as rarely as the tables grow
        column = self._column
        column[at] = values
        try:
            yield column
        finally:
            column[at] = UNSET
