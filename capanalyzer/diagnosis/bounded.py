"""A bounded table of which the content does not depend on the order in which it was filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappushpop
from typing import Generic, TypeVar
from zlib import crc32

__all__ = ["Bounded", "Latest"]

K = TypeVar("K", bound=tuple[object, ...])
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """At most ``size`` keys with their values: those with the smallest hashes.

    A table that keeps the first keys that come would hold something else when several processes fill one each and put
    them together. Here a key once pushed out can never come back, so whatever is in the table has been in it from its
    first time on, and is complete.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: dict[K, V] = {}
        self._heap: list[tuple[int, K]] = []
        """Negative hash and key, the largest hash first; filled when the table is full."""
        self.get = self._values.get

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def keys(self) -> Iterator[K]:
        """All keys."""
        return iter(self._values)

    def values(self) -> Iterator[V]:
        """All values."""
        return iter(self._values.values())

    def add(self, key: K, value: V, order: int | None = None) -> None:
        """Add a key that is absent, which may push out another one, or not be kept itself.

        :param order: its hash, where that is known.
        """
        values = self._values
        if len(values) >= self._size:
            if len(self._heap) < self._size:
                self._heap = [(-self.order(known), known) for known in values]
                heapify(self._heap)
            _, out = heappushpop(self._heap, (-(self.order(key) if order is None else order), key))
            if out == key:
                return
            del values[out]
        values[key] = value

    def order(self, key: K) -> int:
        """The hash: the same in every process, unlike hash()."""
        return crc32(repr(key).encode())

    @property
    def is_full(self) -> bool:
        """Keys may have been left out. Also true of a table put together from others that were full."""
        return len(self._values) >= self._size

    @property
    def largest(self) -> int | None:
        """The largest hash in a full table, beyond which nothing is in it nor will be; None while there is room."""
        return -self._heap[0][0] if self._heap else None

    def merge(self, other: Bounded[K, V], join: Callable[[V, V], None]) -> None:
        """Take over another table of the same size.

        :param join: adds the second value, the other table's, to the first, for keys that both have.
        """
        for key, value in other._values.items():
            known = self._values.get(key)
            if known is None:
                self.add(key, value)
            else:
                join(known, value)

    def __getstate__(self) -> tuple[int, dict[K, V]]:
        return self._size, self._values

    def __setstate__(self, state: tuple[int, dict[K, V]]) -> None:
        self._size, self._values = state
        self._heap = []
        self.get = self._values.get


class Latest(Bounded[K, V]):
    """At most ``size`` keys, those that were added last: for a run that goes on. Two of them cannot be merged."""

    def add(self, key: K, value: V, order: int | None = None) -> None:
        """Add a key that is absent, for which the oldest one may have to leave."""
        if len(self._values) >= self._size:
            del self._values[next(iter(self._values))]
        self._values[key] = value
