"""A run of segments of one packet table, with what the tracker works out about them."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.rows import pieces_at
from capanalyzer.packets.table import EXTRA, PacketTable
from capanalyzer.streams.flow import SYN, Row

__all__ = ["Chunk", "bytes_at", "distinct", "groups_of", "stable_order"]

I64 = NDArray[np.int64]
N = TypeVar("N", bound=np.integer[Any])
_NONE: Final = np.zeros(0, np.int64)


class Chunk:
    """The rows start .. stop of a table, with what is worked out about them. Columns have shape (n,)."""

    __slots__ = (
        "_by_cell",
        "ack",
        "at",
        "cell",
        "entry",
        "flags",
        "frame",
        "from_error",
        "from_high",
        "high",
        "index",
        "length",
        "low",
        "seq",
        "table",
        "time_ns",
    )

    cell: I64
    """Flow's cell, <= 0 for late packets of flows that have left."""
    at: I64
    """2 * cell + side; empty until sides are known."""
    entry: NDArray[np.int32]
    from_error: I64
    """Which ICMP error quotes this segment, -1 where it was captured itself; empty where none is quoted."""

    def __init__(self, table: PacketTable, start: int, stop: int, from_error: I64 | None = None) -> None:
        self.table = table
        self._by_cell: tuple[I64, I64] | None = None
        self.at = _NONE
        self.from_error = _NONE if from_error is None else from_error[start:stop]
        self.index: I64 | slice = slice(start, stop)
        source, destination = table.source[start:stop], table.destination[start:stop]
        self.low, self.high = np.minimum(source, destination), np.maximum(source, destination)
        self.from_high: NDArray[np.bool_] = source > destination
        self.frame, self.time_ns = table.frame[start:stop], table.time_ns[start:stop]
        self.seq, self.ack = table.seq[start:stop], table.ack[start:stop]
        self.flags, self.length = table.flags[start:stop], table.length[start:stop]

    @classmethod
    def of(cls, table: PacketTable, cell: I64, at: I64) -> Chunk:
        """A whole table whose flows and sides are known already."""
        chunk = cls(table, 0, len(table))
        chunk.cell, chunk.at, chunk.entry = cell, at, np.zeros(len(table), np.int32)
        return chunk

    def rows_of(self, cell: int) -> I64:
        """A flow's rows, ascending. All rows are sorted when one flow is first asked for, then each is looked up."""
        if self._by_cell is None:
            order = stable_order(self.cell) if len(self.cell) else _NONE
            self._by_cell = order, self.cell.take(order)
        order, cells = self._by_cell
        start, stop = np.searchsorted(cells, (cell, cell + 1))
        return order[start:stop]

    def keep(self, rows: I64) -> None:
        """Go on with these rows only."""
        self._by_cell = None
        self.index = (np.arange(self.index.start, self.index.stop) if isinstance(self.index, slice) else self.index)[
            rows
        ]
        for name in ("low", "high", "from_high", "frame", "time_ns", "seq", "ack", "flags", "length", "entry", "cell"):
            setattr(self, name, getattr(self, name).take(rows))
        for name in ("at", "from_error"):
            if len(getattr(self, name)):
                setattr(self, name, getattr(self, name).take(rows))

    def column(self, column: NDArray[Any]) -> NDArray[Any]:
        """A column of the table, narrowed to this chunk."""
        return column[self.index]

    def rows(self, rows: I64) -> list[Row]:
        """These rows as plain tuples, payload copied out of the batch."""
        table, get = self.table, self.column
        at = get(table.payload_at).take(rows)
        captured = get(table.captured).take(rows)
        flags = self.flags.take(rows)
        length = self.length.take(rows)
        option_size = asked_options(flags, length, get(table.options_len).take(rows))
        return list(
            zip(
                self.frame.take(rows).tolist(),
                self.time_ns.take(rows).tolist(),
                (self.at.take(rows) & 1).tolist(),
                flags.tolist(),
                self.seq.take(rows).tolist(),
                self.ack.take(rows).tolist(),
                get(table.window).take(rows).tolist(),
                length.tolist(),
                slices_at(table, at, captured),
                get(table.ttl).take(rows).tolist(),
                get(table.ip_id).take(rows).tolist(),
                slices_at(table, get(table.options_at).take(rows), option_size),
                strict=True,
            )
        )


def asked_options(flags: NDArray[np.uint8], length: I64, size: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bytes of TCP options of those segments whose options are asked for; 0 of the others. ``size``: what they have."""
    # A time stamp takes 12 bytes; a pure ACK with more carries SACK blocks, which tell what is missing.
    asked = ((flags & SYN) > 0) | ((length == 0) & (size > 12))
    return np.where(asked, size, np.uint8(0))


def slices_at(table: PacketTable, at: I64, size: NDArray[Any]) -> list[bytes]:
    """Copies of ``size`` bytes at each position."""
    view, extra = table.data.data, table.extra
    result = [b""] * len(at)
    rows = np.flatnonzero(size)
    starts = at.take(rows)
    for row, start, stop in zip(rows.tolist(), starts.tolist(), (starts + size.take(rows)).tolist(), strict=True):
        result[row] = bytes(view[start:stop]) if start < EXTRA else extra[start - EXTRA : stop - EXTRA]
    return result


def joined_at(table: PacketTable, at: I64, size: I64) -> bytes:
    """The bytes of :func:`slices_at`, one behind the other."""
    view, extra = table.data.data, table.extra
    rows = np.flatnonzero(size)
    starts = at.take(rows)
    return b"".join(
        [
            view[start:stop] if start < EXTRA else extra[start - EXTRA : stop - EXTRA]
            for start, stop in zip(starts.tolist(), (starts + size.take(rows)).tolist(), strict=True)
        ]
    )


def bytes_at(table: PacketTable, at: I64, size: int) -> NDArray[np.uint8]:
    """``size`` bytes at each position, shape (n, size)."""
    inside = at < EXTRA
    if inside.all():
        return pieces_at(table.data, at, size)
    result = np.empty((len(at), size), np.uint8)
    for row, start in enumerate(at.tolist()):
        piece = table.data[start : start + size] if start < EXTRA else table.extra[start - EXTRA :][:size]
        result[row] = np.frombuffer(bytes(piece), np.uint8)
    return result


def stable_order(cells: I64) -> I64:
    """Stable argsort of cell numbers: a radix sort on 16 bits, twice where there are more cells than that."""
    order = np.argsort(cells.astype(np.uint16), kind="stable")
    if int(cells.max()) >= 1 << 16:
        order = order.take(np.argsort((cells >> 16).take(order).astype(np.uint16), kind="stable"))
    return order


def distinct(values: NDArray[N]) -> NDArray[N]:
    """Different values, ascending. np.unique would import numpy.ma, a tenth of what starting takes."""
    values = np.sort(values)
    is_new = np.ones(len(values), np.bool_)
    is_new[1:] = values[1:] != values[:-1]
    return values.compress(is_new)


def groups_of(cells: I64) -> tuple[I64, I64, I64]:
    """Runs of equal numbers: (the number, where it starts, how long it is) of each."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(cells)) + 1])
    return cells.take(starts), starts, np.diff(starts, append=len(cells))
