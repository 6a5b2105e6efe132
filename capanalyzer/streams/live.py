"""Columns for the connections that are open now: what every packet touches, one cell a connection."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.streams.blank import Blank

__all__ = ["CLOSED_RST", "FIN_SIDE_0", "FIN_SIDE_1", "WANTED_BYTES", "LiveFlows", "is_over", "longer"]

WANTED_BYTES: Final = 20_000
"""Payload looked at in each direction unless a connection asks for more: a handshake with a long
certificate chain fits, and so does the plaintext talk before STARTTLS or CONNECT."""

FIN_SIDE_0, FIN_SIDE_1, CLOSED_RST = 1, 2, 4
"""Bits of ``closing``."""


def is_over(closing: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """By the bits of :attr:`LiveFlows.closing`: both ends closed, or one reset."""
    both = FIN_SIDE_0 | FIN_SIDE_1
    over: NDArray[np.bool_] = ((closing & CLOSED_RST) > 0) | ((closing & both) == both)
    return over


def longer(column: NDArray[Any], length: int) -> NDArray[Any]:
    """A column with zeros behind it, shape (length, ...). What is not used of it yet takes no memory."""
    result = np.zeros((length, *column.shape[1:]), column.dtype)
    result[: len(column)] = column
    return result


class LiveFlows:
    """Cells 1 .. capacity-1, handed out and taken back; cell 0 is never used.

    Columns named in ``PER_FLOW`` have shape (capacity,). Those in ``PER_SIDE`` have shape
    (2 * capacity,): a flow's two sides stand at ``2 * cell + side``, so that one index serves.
    """

    entry: NDArray[np.int32]
    """Entry in the key table."""
    stream: NDArray[np.int64]
    first_ns: NDArray[np.int64]
    first_frame: NDArray[np.int64]
    first_is_high: NDArray[np.bool_]
    """Side 0 is the endpoint with the larger endpoint value."""
    is_v6: NDArray[np.bool_]
    only_quoted: NDArray[np.bool_]
    """No segment of it was captured, ICMP errors quote some: it has a number and makes no session."""
    closing: NDArray[np.uint8]
    settled: NDArray[np.bool_]
    silent: NDArray[np.bool_]
    """Settled, and no alert of it can be read any more."""
    short: NDArray[np.bool_]
    """Taken by the shortcut."""
    waiting: NDArray[np.bool_]
    """Its segments wait for the next chunk."""
    rows: NDArray[np.int32]
    """Segments handed to the connection."""
    dropped: NDArray[np.int32]
    """Segments that mattered but exceeded the cap."""
    packets: NDArray[np.int64]
    payload: NDArray[np.int64]
    last_ns: NDArray[np.int64]
    """Newest packet of a side; NEVER before the first."""
    base: NDArray[np.uint32]
    """Sequence number of the first payload byte, as far as known."""
    has_base: NDArray[np.bool_]
    wanted: NDArray[np.int64]
    port: NDArray[np.uint16]

    NEVER: Final = np.iinfo(np.int64).min

    PER_FLOW: ClassVar[dict[str, type[np.generic]]] = {
        "entry": np.int32,
        "stream": np.int64,
        "first_ns": np.int64,
        "first_frame": np.int64,
        "first_is_high": np.bool_,
        "is_v6": np.bool_,
        "only_quoted": np.bool_,
        "closing": np.uint8,
        "settled": np.bool_,
        "silent": np.bool_,
        "short": np.bool_,
        "waiting": np.bool_,
        "rows": np.int32,
        "dropped": np.int32,
    }
    PER_SIDE: ClassVar[dict[str, type[np.generic]]] = {
        "packets": np.int64,
        "payload": np.int64,
        "last_ns": np.int64,
        "base": np.uint32,
        "has_base": np.bool_,
        "wanted": np.int64,
        "port": np.uint16,
    }

    def __init__(self, capacity: int = 1 << 10) -> None:
        """:param capacity: cells there are at first."""
        self.capacity = 1
        self.blanks = Blank(), Blank()
        """For whoever works on a chunk; shape (2 * capacity,) at most."""
        for name, kind in self.PER_FLOW.items():
            setattr(self, name, np.zeros(1, kind))
        for name, kind in self.PER_SIDE.items():
            setattr(self, name, np.zeros(2, kind))
        self.address: NDArray[np.uint8] = np.zeros((1, 32), np.uint8)
        """Side 0's address in bytes 0-15, side 1's in 16-31; IPv4 in the first four of each."""
        self._free: NDArray[np.int64] = np.zeros(0, np.int64)
        """The first ``_spare`` of them are free cells; the last of those is taken next, the lowest ones first."""
        self._spare = 0
        self.top = 1
        """Cells from here on were never used."""
        self._grow(capacity)

    def __len__(self) -> int:
        """Cells in use."""
        return self.capacity - 1 - self._spare

    def _grow(self, capacity: int) -> None:
        for name in self.PER_FLOW:
            setattr(self, name, longer(getattr(self, name), capacity))
        for name in self.PER_SIDE:
            setattr(self, name, longer(getattr(self, name), 2 * capacity))
        self.address = longer(self.address, capacity)
        spare = np.arange(capacity - 1, self.capacity - 1, -1)
        free = np.empty(capacity - 1, np.int64)
        free[: len(spare)] = spare
        free[len(spare) : len(spare) + self._spare] = self._free[: self._spare]
        self._free, self._spare, self.capacity = free, self._spare + len(spare), capacity

    def take(self, count: int) -> NDArray[np.int64]:
        """``count`` cells, cleared, shape (count,)."""
        if count > self._spare:
            self._grow(max(2 * self.capacity, self.capacity + count))
        cut = self._spare - count
        cells = self._free[cut : self._spare][::-1].copy()
        self._spare = cut
        self.top = max(self.top, int(cells.max(initial=0)) + 1)
        for name in self.PER_FLOW:
            getattr(self, name)[cells] = 0
        sides = np.concatenate([2 * cells, 2 * cells + 1])
        for name in self.PER_SIDE:
            getattr(self, name)[sides] = 0
        self.last_ns[sides] = self.NEVER
        self.wanted[sides] = WANTED_BYTES
        return cells

    def give_back(self, cells: NDArray[np.int64]) -> None:
        """These flows are over."""
        self.entry[cells] = 0
        self.only_quoted[cells] = self.short[cells] = False
        self._free[self._spare : self._spare + len(cells)] = cells[::-1]
        self._spare += len(cells)

    def last_of(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Newest packet of each of these flows, NEVER where none was captured."""
        last: NDArray[np.int64] = np.maximum(self.last_ns.take(2 * cells), self.last_ns.take(2 * cells + 1))
        return last

    def used(self) -> NDArray[np.int64]:
        """Cells in use, ascending."""
        return np.flatnonzero(self.entry[: self.top])
