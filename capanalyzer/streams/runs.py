"""Columns whose rows belong to flows, one run of rows after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Runs"]

I64 = NDArray[np.int64]


class Runs:
    """Rows of n flows."""

    __slots__ = ("_columns", "_first", "_sizes")

    def __init__(self, columns: Sequence[NDArray[Any]], first: I64, sizes: I64) -> None:
        """:param columns: flow i has their ``sizes[i]`` rows from ``first[i]`` on."""
        self._columns, self._first, self._sizes = tuple(columns), first, sizes

    def some(self, flows: I64) -> Runs:
        """Those of these flows; the rows of others are let go."""
        first, sizes = self._first.take(flows), self._sizes.take(flows)
        ends = np.cumsum(sizes)
        rows = np.repeat(first - (ends - sizes), sizes) + np.arange(int(sizes.sum()))
        return Runs([column.take(rows) for column in self._columns], ends - sizes, sizes)

    def rows(self, flow: int) -> Iterator[tuple[Any, ...]]:
        """One flow's rows as plain values."""
        first = int(self._first[flow])
        piece = slice(first, first + int(self._sizes[flow]))
        return zip(*(column[piece].tolist() for column in self._columns), strict=True)
