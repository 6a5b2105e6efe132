"""Columns for the open connections of a capture that goes on: beside what every packet touches, when to look at them.

A connection of which only a SYN, or a SYN and its answer, was seen has no object: the two rows are columns. A flood of
SYNs makes a million of those and nothing else.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.streams.chunk import Chunk
from capanalyzer.streams.flow import Row
from capanalyzer.streams.live import LiveFlows, longer

__all__ = ["KEPT_ROWS", "NOT_DUE", "RunningFlows"]

I64 = NDArray[np.int64]

KEPT_ROWS: Final = 2
"""Rows of a flow that are kept as columns: SYN and SYN/ACK."""
NOT_DUE: Final = np.iinfo(np.int64).max
_OPTIONS: Final = 40
"""A TCP header has at most this many bytes of options."""


class RunningFlows(LiveFlows):
    """:class:`~capanalyzer.streams.live.LiveFlows` with what a run needs that judges connections while they are open.
    Columns of ``kept_*`` have shape (2 * capacity,): the first and second row kept of a flow.
    """

    due_ns: I64
    """When it is to be looked at; NOT_DUE: not before something happens."""
    proved_ns: I64
    """When it was told that it failed; NOT_DUE: it was not."""
    told: NDArray[np.int32]
    """What was told of it, a number of whoever tells; 0: nothing."""
    learned: NDArray[np.uint8]
    """What was learned from it, bits of whoever learns."""
    released: NDArray[np.bool_]
    """All is said of it: it has no object any more, and its end is not told."""
    has_object: NDArray[np.bool_]
    """A connection object holds its rows."""
    cost: I64
    """Bytes that its object takes, about."""
    kept: NDArray[np.uint8]
    """Rows kept as columns."""
    kept_frame: I64
    kept_ns: I64
    kept_side: NDArray[np.uint8]
    kept_flags: NDArray[np.uint8]
    kept_seq: NDArray[np.uint32]
    kept_ack: NDArray[np.uint32]
    kept_window: NDArray[np.uint16]
    kept_ttl: NDArray[np.uint8]
    kept_ip_id: NDArray[np.uint16]
    kept_options_len: NDArray[np.uint8]

    PER_FLOW: ClassVar[dict[str, type[np.generic]]] = {
        **LiveFlows.PER_FLOW,
        "due_ns": np.int64,
        "proved_ns": np.int64,
        "told": np.int32,
        "learned": np.uint8,
        "released": np.bool_,
        "has_object": np.bool_,
        "cost": np.int64,
        "kept": np.uint8,
    }
    PER_SIDE: ClassVar[dict[str, type[np.generic]]] = {
        **LiveFlows.PER_SIDE,
        "kept_frame": np.int64,
        "kept_ns": np.int64,
        "kept_side": np.uint8,
        "kept_flags": np.uint8,
        "kept_seq": np.uint32,
        "kept_ack": np.uint32,
        "kept_window": np.uint16,
        "kept_ttl": np.uint8,
        "kept_ip_id": np.uint16,
        "kept_options_len": np.uint8,
    }

    def __init__(self, capacity: int = 1 << 10) -> None:
        self._options: NDArray[np.uint8] = np.zeros((2, _OPTIONS), np.uint8)
        super().__init__(capacity)

    def _grow(self, capacity: int) -> None:
        self._options = longer(self._options, 2 * capacity)
        super()._grow(capacity)

    def take(self, count: int) -> I64:
        """``count`` cells, cleared, shape (count,)."""
        cells = super().take(count)
        self.due_ns[cells] = self.proved_ns[cells] = NOT_DUE
        return cells

    def carried(self, cells: I64) -> NDArray[np.bool_]:
        """Which of these carried data."""
        result: NDArray[np.bool_] = self.payload.take(2 * cells) + self.payload.take(2 * cells + 1) > 0
        return result

    def is_half_open(self, cells: I64) -> NDArray[np.bool_]:
        """Of which of these a SYN and its answer at most was seen."""
        half_open: NDArray[np.bool_] = ~(
            self.has_object.take(cells) | self.released.take(cells) | self.waiting.take(cells)
        )
        return half_open

    def quietest(self, cells: I64, count: int | None = None) -> I64:
        """Of these, so many (all where None) of which nothing was seen for the longest time, in that order."""
        if count is not None and count <= 0:
            return cells[:0]
        last_ns = self.last_of(cells)
        if count is not None and count < len(cells):
            near = np.argpartition(last_ns, count - 1)[:count]
            cells, last_ns = cells.take(near), last_ns.take(near)
        return cells.take(np.argsort(last_ns, kind="stable"))

    def keep(self, chunk: Chunk, rows: I64, at: I64) -> None:
        """Keep rows of a chunk, SYNs without payload, as columns.

        :param at: of each row 0 where it is its flow's first, 1 where it is the second.
        """
        table, get = chunk.table, chunk.column
        cells = chunk.cell.take(rows)
        place = 2 * cells + at
        self.kept_frame[place], self.kept_ns[place] = chunk.frame.take(rows), chunk.time_ns.take(rows)
        self.kept_side[place], self.kept_flags[place] = chunk.at.take(rows) & 1, chunk.flags.take(rows)
        self.kept_seq[place], self.kept_ack[place] = chunk.seq.take(rows), chunk.ack.take(rows)
        self.kept_window[place] = get(table.window).take(rows)
        self.kept_ttl[place], self.kept_ip_id[place] = get(table.ttl).take(rows), get(table.ip_id).take(rows)
        sizes = get(table.options_len).take(rows)
        self.kept_options_len[place] = sizes
        start = get(table.options_at).take(rows)
        data = table.data
        inside = np.flatnonzero((sizes > 0) & (start + _OPTIONS <= len(data)))
        self._options[place.take(inside)] = data[start.take(inside)[:, None] + np.arange(_OPTIONS)]
        others = np.flatnonzero((sizes > 0) & (start + _OPTIONS > len(data)))
        for number, row in zip(others.tolist(), chunk.rows(rows.take(others)), strict=True):
            self._options[place[number], : len(row[11])] = np.frombuffer(row[11], np.uint8)
        np.add.at(self.kept, cells, 1)

    def kept_rows(self, cell: int) -> list[Row]:
        """The rows kept of one flow."""
        return [self._kept_row(place) for place in range(2 * cell, 2 * cell + int(self.kept[cell]))]

    def _kept_row(self, place: int) -> Row:
        return (
            int(self.kept_frame[place]),
            int(self.kept_ns[place]),
            int(self.kept_side[place]),
            int(self.kept_flags[place]),
            int(self.kept_seq[place]),
            int(self.kept_ack[place]),
            int(self.kept_window[place]),
            0,
            b"",
            int(self.kept_ttl[place]),
            int(self.kept_ip_id[place]),
            self._options[place, : self.kept_options_len[place]].tobytes(),
        )
