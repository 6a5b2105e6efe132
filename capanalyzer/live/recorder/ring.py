"""Packets in a fixed piece of memory: a new one takes the place of the oldest.

Bytes stand in pieces of 32, so that a packet can be laid around the end of the buffer and everything moves by columns.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.write import PacketRecord
from capanalyzer.capture.write_columns import PIECE, pieces_of

__all__ = ["ROW", "ROW_BYTES", "PacketRing"]

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

ROW: Final = np.dtype(
    [
        ("frame", "<i8"),
        ("time_ns", "<i8"),
        ("stream", "<i8"),  # NO_STREAM where it belongs to none
        ("start", "<i8"),  # number of its first piece, counted from the first ever
        ("captured", "<i4"),
        ("original", "<i4"),
        ("link", "<u2"),
        ("interface", "<u2"),
    ]
)
ROW_BYTES: Final = 256
"""Memory for which there is a row: packets of a handshake have some 200 bytes on average; were all of them SYNs, rows
would run out first, and the oldest packets leave a little earlier."""


class PacketRing:
    """At most ``max_bytes`` of packets, and a row for every :data:`ROW_BYTES` of them.

    Memory is touched as it fills.
    """

    def __init__(self, max_bytes: int) -> None:
        self._pieces = np.empty(max(max_bytes // PIECE, 1), f"V{PIECE}")
        self._rows = np.empty(max(max_bytes // ROW_BYTES, 1), ROW)
        self._first = 0
        """Number of the oldest row there is, counted from the first ever."""
        self._end = 0
        self._end_piece = 0

    def __len__(self) -> int:
        """Packets there are."""
        return self._end - self._first

    @property
    def bytes(self) -> int:
        """Memory that packets take, without their rows."""
        return 0 if self._first == self._end else (self._end_piece - self._start(self._first)) * PIECE

    def _start(self, row: int) -> int:
        return int(self._rows["start"][row % len(self._rows)])

    def add(self, rows: NDArray[np.void], data: U8, offset: I64) -> None:
        """Take packets.

        :param rows: of type :data:`ROW`, shape (n,); ``start`` is filled in here.
        :param data: the bytes that ``offset`` (shape (n,)) points into.
        """
        # More than there is room for: the last ones.
        captured = rows["captured"].astype(np.int64)
        room = np.cumsum(((captured + (PIECE - 1)) // PIECE)[::-1])
        fitting = min(int(np.searchsorted(room, len(self._pieces), "right")), len(self._rows))
        if fitting < len(rows):
            cut = len(rows) - fitting
            rows, offset, captured = rows[cut:], offset[cut:], captured[cut:]
        if not len(rows):
            return
        pieces, counts = pieces_of(data, offset, captured)
        _lay(self._pieces, self._end_piece, pieces)
        placed = rows.copy()
        placed["start"] = self._end_piece + np.cumsum(counts) - counts
        _lay(self._rows, self._end, placed)
        self._end_piece += len(pieces)
        self._end += len(placed)
        # What has been written over is gone.
        oldest = self._end_piece - len(self._pieces)
        alive = range(max(self._first, self._end - len(self._rows)), self._end)
        self._first = alive[0] + bisect_left(alive, oldest, key=self._start)

    def select(self, wanted: Callable[[NDArray[np.void]], NDArray[np.bool_]]) -> NDArray[np.void]:
        """Rows for :meth:`read`, oldest first.

        :param wanted: of rows, whether each is.
        """
        size = len(self._rows)
        first, end = self._first % size, self._first % size + len(self)
        parts = [self._rows[first : min(end, size)], self._rows[: max(end - size, 0)]]
        return np.concatenate([part[np.flatnonzero(wanted(part))] for part in parts])

    def read(self, row: NDArray[np.void] | np.void) -> PacketRecord:
        """One packet, of a row that this ring just gave."""
        frame, time_ns, _, start, captured, original, link, interface = row.tolist()
        count = -(-captured // PIECE)
        pieces = self._pieces[np.arange(start, start + count) % len(self._pieces)]
        return PacketRecord(frame, time_ns, interface, link, original, pieces.tobytes()[:captured])


def _lay(ring: NDArray[np.void], at: int, values: NDArray[np.void]) -> None:
    """Write values, no more than fit, from a place on that counts from the first ever; around the end where need be."""
    at %= len(ring)
    first = min(len(values), len(ring) - at)
    ring[at : at + first] = values[:first]
    ring[: len(values) - first] = values[first:]
