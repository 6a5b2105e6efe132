"""Which connection does a segment belong to, and which number has it?

A flow is numbered like Wireshark's ``tcp.stream``: in order of first packets, a new number when a SYN
comes on known addresses and ports with another sequence number than that side began with.

A flow that has left (:meth:`FlowIndex.leave`) keeps its key, so that a late packet opens no session; the
number of keys is capped.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.table import EXTRA
from capanalyzer.streams.blank import UNSET
from capanalyzer.streams.chunk import Chunk, bytes_at, distinct
from capanalyzer.streams.flow import ACK, SYN
from capanalyzer.streams.live import LiveFlows
from capanalyzer.streams.table import KeyTable

__all__ = ["MAX_KEYS", "FlowIndex"]

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]

MAX_KEYS: Final = 4_000_000
"""Known keys, about 28 bytes each; beyond it the oldest of those that have left go."""
GONE: Final = -1
_NONE: Final = np.zeros(0, np.int64)


class FlowIndex:
    """Keys of all connections met, cells of the open ones, and the numbering."""

    def __init__(self, live: LiveFlows, *, seed: int | None = None, max_keys: int | None = None) -> None:
        self._live = live
        self._max_keys = max_keys
        self._keys = KeyTable(seed=seed)
        self._cell_of: I32 = np.zeros(1 << 10, np.int32)
        """By key entry: cell of an open flow, or GONE."""
        self.streams = 0
        """Streams numbered so far."""
        self._opened: list[tuple[I64, I64]] = []
        """(cells, first rows) of the flows opened in this chunk."""
        self.collisions = 0
        """Segments left out because their endpoint values are those of other addresses."""

    def assign(self, chunk: Chunk) -> dict[int, int]:
        """Find or open the flow of every segment: sets ``chunk.cell``, GONE for late packets of flows that left.

        :returns: cell -> time in ns, for each open flow that a new SYN replaced.
        """
        live, before = self._live, self._keys.count
        self._opened.clear()
        syns = np.flatnonzero(chunk.flags & SYN)
        entry = chunk.entry = self._entries(chunk, syns)
        fresh = self._keys.count - before
        first, cells = _NONE, _NONE
        if fresh:
            # Entries of this chunk are before+1 .. count; writing backwards leaves each one's first row.
            first = np.empty(fresh, np.int64)
            rows = np.flatnonzero(entry > before)[::-1]
            first[entry.take(rows) - (before + 1)] = rows
            cells = self._open(chunk, np.arange(before + 1, before + 1 + fresh, dtype=np.int32), first)
        chunk.cell = self._cell_of.take(entry).astype(np.int64)
        starts, started, ended = self._reopen(chunk, syns, first, before)
        self._verify(chunk)
        rows, cells = np.concatenate([first, starts]), np.concatenate([cells, started])
        live.stream[cells.take(np.argsort(rows))] = np.arange(self.streams, self.streams + len(rows))
        self.streams += len(rows)
        return ended

    def __len__(self) -> int:
        """Known keys."""
        return self._keys.count

    def cell_of_pair(self, one: int, other: int) -> int:
        """Cell of the open flow between two endpoint values; 0 or less where there is none."""
        low, high = np.array([min(one, other)], np.uint64), np.array([max(one, other)], np.uint64)
        entry = int(self._keys.find(low, high)[0])
        return int(self._cell_of[entry]) if entry else 0

    def leave(self, cells: I64) -> None:
        """These flows are handed on; what still comes for them is late."""
        self._cell_of[self._live.entry.take(cells)] = GONE

    def forget(self) -> int:
        """Where there are too many keys, drop the older half of those whose flows have left. Returns how many."""
        count = self._keys.count
        if count <= (self._max_keys or MAX_KEYS):
            return 0
        gone = np.flatnonzero(self._cell_of[1 : count + 1] < 0) + 1
        drop = np.zeros(count + 1, np.bool_)
        drop[gone[: (len(gone) + 1) // 2]] = True
        kept = (np.flatnonzero(~drop[1:]) + 1).astype(np.int32)
        self._keys.keep(kept)
        cells = self._cell_of.take(kept)
        self._cell_of[:] = 0
        self._cell_of[1 : len(kept) + 1] = cells
        still_open = np.flatnonzero(cells > 0)
        self._live.entry[cells.take(still_open)] = still_open + 1
        return count - len(kept)

    def _entries(self, chunk: Chunk, syns: I64) -> I32:
        """Key entry of every segment, new ones added."""
        keys = self._keys
        # SYNs first: most new flows are then in the table before the rest is looked up, in one round.
        keys.insert(chunk.low.take(syns), chunk.high.take(syns))
        entry = keys.find(chunk.low, chunk.high)
        absent = np.flatnonzero(entry == 0)
        if len(absent):
            entry[absent] = keys.insert(chunk.low.take(absent), chunk.high.take(absent))
        if keys.count >= len(self._cell_of):
            self._cell_of.resize(len(keys.low), refcheck=False)
        return entry

    def _open(self, chunk: Chunk, entries: I32, rows: I64) -> I64:
        """Cells for new flows, filled from their first rows."""
        cells = self._live.take(len(entries))
        self._cell_of[entries] = cells
        self._live.entry[cells] = entries
        self.describe(chunk, cells, rows)
        self._opened.append((cells, rows))
        return cells

    def describe(self, chunk: Chunk, cells: I64, rows: I64) -> None:
        """Fill flows' ends and beginnings from these rows, their first."""
        live, table = self._live, chunk.table
        live.first_ns[cells] = chunk.time_ns.take(rows)
        live.first_frame[cells] = chunk.frame.take(rows)
        live.first_is_high[cells] = chunk.from_high.take(rows)
        live.port[2 * cells] = chunk.column(table.source_port).take(rows)
        live.port[2 * cells + 1] = chunk.column(table.destination_port).take(rows)
        v6 = chunk.column(table.is_v6).take(rows)
        live.is_v6[cells] = v6
        at = chunk.column(table.address_at).take(rows)
        for size, which in ((4, np.flatnonzero(~v6)), (16, np.flatnonzero(v6))):
            if len(which):
                pair = bytes_at(table, at.take(which), 2 * size)
                live.address[cells.take(which), :size] = pair[:, :size]
                live.address[cells.take(which), 16 : 16 + size] = pair[:, size:]

    def _verify(self, chunk: Chunk) -> None:
        """IPv6 endpoint values are hashes: rows whose addresses are not their flow's belong to no flow."""
        table = chunk.table
        rows = np.flatnonzero(chunk.column(table.is_v6) & (chunk.cell > 0))
        at = chunk.column(table.address_at).take(rows)
        inside = np.flatnonzero(at < EXTRA)
        if not len(inside):
            return
        rows, at = rows.take(inside), at.take(inside)
        # One 32-byte element at every position of the batch: source and destination address in one gather.
        pairs = np.ndarray((len(table.data) - 31,), "V32", buffer=table.data, strides=(1,))
        found = pairs[at].view(np.uint64).reshape(-1, 4)  # not take: it would copy the whole view first
        cell = chunk.cell.take(rows)
        known = self._live.address.view(np.uint64).take(cell, axis=0)
        swapped = chunk.from_high.take(rows) ^ self._live.first_is_high.take(cell)
        known = np.where(swapped[:, None], known[:, [2, 3, 0, 1]], known)
        strangers = rows.compress((found != known).any(axis=1))
        chunk.cell[strangers] = GONE
        self.collisions += len(strangers)

    # -- port reuse --------------------------------------------------------------------------------

    def _reopen(self, chunk: Chunk, syns: I64, first: I64, before: int) -> tuple[I64, I64, dict[int, int]]:
        """SYNs on known keys: which begin a new connection?

        As Wireshark: one whose sequence number differs from the one its side began with (where a SYN/ACK
        begins a side anew). Returns (rows that begin one, their cells, cells that they end and when).
        """
        rows = syns.compress((chunk.flags.take(syns) & ACK) == 0)
        entry = chunk.entry.take(rows)
        if len(first):
            new = np.flatnonzero(entry > before)
            opened = first.take(entry.take(new) - (before + 1)) == rows.take(new)
            rows, entry = np.delete(rows, new.compress(opened)), np.delete(entry, new.compress(opened))
        if not len(rows):
            return _NONE, _NONE, {}
        starts, started = self._revive(chunk, rows, entry)
        rows = self._doubtful(chunk, np.setdiff1d(rows, starts, assume_unique=True))
        if not len(rows):
            return starts, started, {}
        more, opened, ended = self._reopen_each(chunk, distinct(chunk.entry.take(rows)))
        return np.concatenate([starts, more]), np.concatenate([started, opened]), ended

    def _revive(self, chunk: Chunk, rows: I64, entry: I32) -> tuple[I64, I64]:
        """The usual reuse: one SYN in this chunk on a key whose flow has left. Returns (rows, cells)."""
        gone = np.flatnonzero(chunk.cell.take(rows) == GONE)
        if not len(gone):
            return _NONE, _NONE
        entries, at, count = np.unique(entry.take(gone), return_index=True, return_counts=True)
        single = np.flatnonzero(count == 1)
        entries, starts = entries.take(single), rows.take(gone.take(at.take(single)))
        cells = self._open(chunk, entries, starts)
        mine, which = _rows_of(chunk, entries)
        mine = mine.compress(starts.take(which) <= mine)
        chunk.cell[mine] = self._cell_of.take(chunk.entry.take(mine))
        return starts, cells

    def _doubtful(self, chunk: Chunk, rows: I64) -> I64:
        """Drop the plain retransmissions (the sequence number their side began with) from these SYNs."""
        live = self._live
        known = chunk.cell.take(rows) > 0
        cell = np.maximum(chunk.cell.take(rows), 0)
        side = chunk.from_high.take(rows) ^ live.first_is_high.take(cell)
        at = 2 * cell + side
        seq = chunk.seq.take(rows)
        same = live.has_base.take(at) & (live.base.take(at) == seq + np.uint32(1))
        # Flows of this chunk have no base yet: compare with their first row, where that is a SYN of this side.
        pairs = [(_NONE, _NONE), *self._opened]
        opened, firsts = (np.concatenate(columns) for columns in zip(*pairs, strict=True))
        with live.blanks[0].column(live.capacity, opened, firsts) as first_of:
            first = first_of.take(cell)
        opened_here = first != UNSET
        first[~opened_here] = 0
        by_syn = (side == 0) & ((chunk.flags.take(first) & SYN) > 0)
        if len(chunk.from_error):
            by_syn &= chunk.from_error.take(first) < 0  # a quoted SYN begins no side
        same |= opened_here & by_syn & (chunk.seq.take(first) == seq)
        # A SYN/ACK from the same side may have moved its beginning.
        synacks = np.flatnonzero((chunk.flags & (SYN | ACK)) == (SYN | ACK))
        other = np.maximum(chunk.cell.take(synacks), 0)
        moved = np.isin(at, 2 * other + (chunk.from_high.take(synacks) ^ live.first_is_high.take(other)))
        return rows.compress(~(known & same & ~moved))

    def _reopen_each(self, chunk: Chunk, entries: I32) -> tuple[I64, I64, dict[int, int]]:
        """Walk the segments of a few flows one by one: here the rules depend on the order."""
        live = self._live
        rows, _ = _rows_of(chunk, entries)
        rows = rows.take(np.argsort(chunk.entry.take(rows), kind="stable"))
        starts: list[int] = []
        start_entries: list[int] = []
        ended: dict[int, int] = {}
        belongs: list[int] = []
        """For each row its cell; -2, -3 ... for the first, second ... flow begun here, which has none yet."""
        current, cell = -1, 0
        base: list[int | None] = [None, None]
        closed_here: dict[int, int] = {}
        captured = chunk.from_error.take(rows) < 0 if len(chunk.from_error) else np.ones(len(rows), np.bool_)
        for row, entry, seq, ack, flags, high, here, is_captured in zip(
            rows.tolist(),
            chunk.entry.take(rows).tolist(),
            chunk.seq.take(rows).tolist(),
            chunk.ack.take(rows).tolist(),
            chunk.flags.take(rows).tolist(),
            chunk.from_high.take(rows).tolist(),
            chunk.cell.take(rows).tolist(),
            captured.tolist(),
            strict=True,
        ):
            if entry != current:
                current, cell = entry, here
                base = [None, None]
                if cell > 0:
                    swap = int(live.first_is_high[cell])
                    for is_high in (0, 1):
                        if live.has_base[2 * cell + (is_high ^ swap)]:
                            base[is_high] = int(live.base[2 * cell + (is_high ^ swap)])
            if flags & (SYN | ACK) == SYN and (cell == GONE or base[high] not in (None, seq + 1 & 0xFFFFFFFF)):
                if cell > 0:
                    ended[cell] = int(chunk.time_ns[row])
                elif cell < GONE:
                    closed_here[-2 - cell] = int(chunk.time_ns[row])
                starts.append(row)
                start_entries.append(entry)
                cell = -1 - len(starts)
                base = [None, None]
            belongs.append(cell)
            if (base[high] is None and is_captured) or (base[high] is not None and flags & SYN and flags & ACK):
                base[high] = seq + 1 & 0xFFFFFFFF if flags & SYN else seq
            if base[1 - high] is None and flags & ACK and is_captured:
                base[1 - high] = ack
        cells = self._open(chunk, np.array(start_entries, np.int32), np.array(starts, np.int64))
        owner = np.array(belongs, np.int64)
        begun = np.flatnonzero(owner < GONE)
        owner[begun] = cells.take(-2 - owner.take(begun))
        chunk.cell[rows] = owner
        ended |= {int(cells[at]): time_ns for at, time_ns in closed_here.items()}
        return np.array(starts, np.int64), cells, ended


def _rows_of(chunk: Chunk, entries: I32) -> tuple[I64, I64]:
    """The rows of some key entries, ascending without a double, and for each the place of its entry among them."""
    if not len(entries):
        return _NONE, _NONE
    place = np.searchsorted(entries, chunk.entry)
    rows = np.flatnonzero(entries.take(place, mode="clip") == chunk.entry)
    return rows, place.take(rows)
