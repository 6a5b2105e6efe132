"""Columns by stream number that stay bounded: a run may see more connections than memory has room for."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Slots"]

I64 = NDArray[np.int64]

MAX_SLOTS: Final = 1 << 18
"""Connections that have a place; of two that have the same one the older is forgotten."""


class Slots:
    """Gives streams their places in columns, which it makes, lets grow and clears."""

    def __init__(self) -> None:
        self._owner = np.zeros(0, np.int64)
        """Of each place: a stream's number and 1; 0: nobody's."""
        self._columns: dict[str, NDArray[Any]] = {}
        self._empty: dict[str, int] = {}

    def add(self, name: str, dtype: type[np.generic], *, ways: int | None = None, empty: int = 0) -> None:
        """A column of shape (places,), or (places, ways).

        :param empty: its value where nothing is known.
        """
        shape = () if ways is None else (ways,)
        self._columns[name], self._empty[name] = np.full((len(self._owner), *shape), empty, dtype), empty

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column as it is until the next call of :meth:`claim`."""
        return self._columns[name]

    def claim(self, stream: I64) -> tuple[I64, NDArray[np.bool_]]:
        """The places of these streams, and whether they are theirs: a place that a newer one has is not."""
        place = stream % MAX_SLOTS
        most = int(place.max()) + 1 if len(place) else 0
        if most > len(self._owner):
            self._grow(min(MAX_SLOTS, max(most, 2 * len(self._owner))))
        new = place.compress(stream >= self._owner.take(place))
        if len(new):
            np.maximum.at(self._owner, place, stream + 1)
            for name, column in self._columns.items():
                column[new] = self._empty[name]
        is_own: NDArray[np.bool_] = self._owner.take(place) == stream + 1
        return place, is_own

    def place(self, stream: int) -> int | None:
        """Where one is; None: nowhere, or forgotten."""
        place = stream % MAX_SLOTS
        return place if place < len(self._owner) and self._owner[place] == stream + 1 else None

    def _grow(self, size: int) -> None:
        more = size - len(self._owner)
        self._owner = np.concatenate([self._owner, np.zeros(more, np.int64)])
        for name, column in self._columns.items():
            filling = np.full((more, *column.shape[1:]), self._empty[name], column.dtype)
            self._columns[name] = np.concatenate([column, filling])
