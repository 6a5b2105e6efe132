"""Connections whose handshake one chunk of the capture does not show to its end: their segments wait for more.

The capture is taken in chunks, and a handshake that begins near the end of one is complete in the next. Others are over
soon, but it takes long until data has gone both ways. The quick way (:class:`~capanalyzer.streams.behind.Shortcut`)
wants all of it in one piece, so the segments of such flows are kept, payload copied out of the batch, and then read as
if they had been captured together.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.table import PacketTable
from capanalyzer.streams.chunk import Chunk, asked_options, joined_at, stable_order

__all__ = ["Waiting"]

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

_KEPT: Final = (
    "frame",
    "time_ns",
    "seq",
    "ack",
    "flags",
    "window",
    "options_at",
    "options_len",
    "payload_at",
    "length",
    "captured",
    "ttl",
    "ip_id",
)
_KNOWN: Final = {
    "source": np.uint64,
    "destination": np.uint64,
    "address_at": np.int64,
    "is_v6": np.bool_,
    "source_port": np.uint16,
    "destination_port": np.uint16,
}
"""Columns that tell whose a segment is, which is known: not kept, zeros stand for them."""
_END: Final = 64
"""Bytes behind the last payload: whoever looks at a header at a segment's end reads over it."""
_LEAST_BYTES: Final = 40 << 20
"""With fewer it is not worth while to take those out for which nobody waits any more. There is room for so many from
the start; memory is taken as it is filled."""


class Waiting:
    """Segments of some flows with their bytes, in the order in which they came."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._columns: dict[str, NDArray[Any]] = {}
        """Those of a packet table that are kept, cell and at; of a row that is gone the cell is 0."""
        self._data = np.zeros(0, np.uint8)
        self._size = 0
        """Rows, those that are gone included."""
        self._gone = 0
        self.bytes = 0
        """Of payload and options, those of rows that are gone included."""
        self._sent: I64 = np.zeros(0, np.int64)
        """By 2 * cell + side: bytes of payload that wait."""

    def __bool__(self) -> bool:
        return self._size > self._gone

    def add(self, chunk: Chunk, rows: I64) -> None:
        """Keep these rows of a chunk; of their options those that anybody asks for."""
        table, get = chunk.table, chunk.column
        columns: dict[str, NDArray[Any]] = {name: get(getattr(table, name)).take(rows) for name in _KEPT}
        columns["cell"], columns["at"] = chunk.cell.take(rows), chunk.at.take(rows)
        columns["options_len"] = asked_options(columns["flags"], columns["length"], columns["options_len"])
        for at, size in (("payload_at", "captured"), ("options_at", "options_len")):
            sizes = columns[size].astype(np.int64)
            data = joined_at(table, columns[at], sizes)
            self._data = _with_room(self._data, self.bytes, len(data) + _END, _LEAST_BYTES)
            self._data[self.bytes : self.bytes + len(data)] = np.frombuffer(data, np.uint8)
            columns[at] = self.bytes + np.cumsum(sizes) - sizes
            self.bytes += len(data)
        for name, column in columns.items():
            whole = _with_room(self._columns.get(name, column[:0]), self._size, len(rows))
            whole[self._size : self._size + len(rows)] = column
            self._columns[name] = whole
        self._size += len(rows)
        most = 2 * int(columns["cell"].max()) + 2
        if most > len(self._sent):
            self._sent = np.concatenate([self._sent, np.zeros(2 * most - len(self._sent), np.int64)])
        np.add.at(self._sent, columns["at"], columns["length"])

    def sent(self, cells: I64) -> I64:
        """Bytes of payload that each side of these flows has waiting, shape (n, 2)."""
        return self._sent.take(2 * cells[:, None] + np.arange(2))

    def chunk(self, cells: I64) -> Chunk:
        """What waits of these flows, by flow and in the order in which it came. Valid until more is added."""
        rows = self._rows_of(cells)
        rows = rows.take(stable_order(self._columns["cell"].take(rows)))
        columns: dict[str, Any] = {name: column.take(rows) for name, column in self._columns.items()}
        cell, at = columns.pop("cell"), columns.pop("at")
        columns |= {name: np.zeros(len(rows), kind) for name, kind in _KNOWN.items()}
        return Chunk.of(PacketTable(data=self._data[: self.bytes + _END], extra=b"", **columns), cell, at)

    def drop(self, cells: I64) -> None:
        """These flows wait no longer."""
        rows = self._rows_of(cells)
        self._columns["cell"][rows] = 0
        self._sent[2 * cells] = self._sent[2 * cells + 1] = 0
        self._gone += len(rows)
        if self._gone == self._size:
            self._size = self._gone = self.bytes = 0
        elif self.bytes > _LEAST_BYTES and 2 * self._gone > self._size:
            there = self._columns["cell"][: self._size]
            kept = self.chunk(np.flatnonzero(np.bincount(there)[1:]) + 1)
            self._clear()
            self.add(kept, np.arange(len(kept.cell)))

    def _rows_of(self, cells: I64) -> I64:
        there = self._columns["cell"][: self._size]
        chosen = np.zeros(max(int(there.max()), int(cells.max())) + 1, np.bool_)
        chosen[cells] = True
        return np.flatnonzero(chosen.take(there))


def _with_room(array: NDArray[Any], used: int, more: int, least: int = 0) -> NDArray[Any]:
    """The array, or a larger one with the same beginning; ``least`` is enough at first."""
    if used + more <= len(array):
        return array
    larger = np.empty(max(2 * len(array), used + more, least), array.dtype)
    larger[:used] = array[:used]
    return larger
