"""Columns whose rows belong to flows, one run of rows after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Runs"]

I64 = NDArray[np.int64]


class Runs:
    """Rows of n flows; columns have the shape of all rows together."""

    __slots__ = ("_ends", "columns")

    def __init__(self, ends: I64, columns: Sequence[NDArray[Any]]) -> None:
        """:param ends: row behind the last of each flow."""
        self._ends = ends
        self.columns = tuple(columns)

    @classmethod
    def cut_out(cls, columns: Sequence[NDArray[Any]], first: I64, sizes: I64) -> Runs:
        """Copies of ``sizes[i]`` rows from ``first[i]`` on, for each flow i."""
        ends = np.cumsum(sizes)
        rows = np.repeat(first - (ends - sizes), sizes) + np.arange(int(sizes.sum()))
        return cls(ends, [column.take(rows) for column in columns])

    def some(self, flows: I64) -> Runs:
        """The runs of these flows."""
        sizes = np.diff(self._ends, prepend=0).take(flows)
        return Runs.cut_out(self.columns, self._ends.take(flows) - sizes, sizes)

    def rows(self, flow: int) -> Iterator[tuple[Any, ...]]:
        """One flow's rows as plain values."""
        piece = slice(int(self._ends[flow - 1]) if flow else 0, int(self._ends[flow]))
        return zip(*(column[piece].tolist() for column in self.columns), strict=True)
