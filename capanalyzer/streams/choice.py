"""Which segments can still matter for a handshake: these leave the columns for their connection."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.table import EXTRA
from capanalyzer.streams.chunk import Chunk, groups_of
from capanalyzer.streams.flow import FIN, PSH, RST, SYN
from capanalyzer.streams.live import LiveFlows
from capanalyzer.streams.tail import alerts_at_end

__all__ = ["first_of_long", "is_heard", "rows_that_leave", "rows_within"]

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

FIRST_ROWS: Final = 8
"""Segments by which many plaintext connections are settled: SYN, SYN/ACK, ACK, and each side's first words."""


def rows_that_leave(chunk: Chunk, live: LiveFlows) -> I64:
    """Rows that leave for the connections, ascending."""
    leaves = (chunk.flags & (SYN | FIN | RST)) > 0
    rows = np.flatnonzero(~live.settled.take(chunk.cell))
    if len(rows):
        at = chunk.at.take(rows)
        offset = (chunk.seq.take(rows) - live.base.take(at)).view(np.int32)
        acked = (chunk.ack.take(rows) - live.base.take(at ^ 1)).view(np.int32)
        near = (offset < live.wanted.take(at)) & ((chunk.length.take(rows) > 0) | (acked <= live.wanted.take(at ^ 1)))
        leaves[rows.compress(near)] = True
    _add_alerts(chunk, live, leaves)
    return np.flatnonzero(leaves)


def _add_alerts(chunk: Chunk, live: LiveFlows, leaves: NDArray[np.bool_]) -> None:
    """After the handshake an alert still matters: it says how the session ended.

    What a sender writes last it pushes (RFC 9293 section 3.9.1.2), so only segments with PSH are looked into. Whether
    a flow is settled does not matter: it may become so with the rows that leave before. In TLS 1.3 an alert looks
    like data (RFC 8446 section 5.2), and plaintext has none.
    """
    rows = np.flatnonzero(((chunk.flags & PSH) > 0) & ~leaves)
    rows = rows.compress(~live.silent.take(chunk.cell.take(rows)))
    table = chunk.table
    length, at = chunk.length.take(rows), chunk.column(table.payload_at).take(rows)
    whole = (chunk.column(table.captured).take(rows) == length) & (at < EXTRA)
    rows, length, at = rows.compress(whole), length.compress(whole), at.compress(whole)
    leaves[rows.compress(alerts_at_end(table.data, at, length) >= 0)] = True


def first_of_long(cells: I64, live: LiveFlows, most: int) -> Bools:
    """Which rows are the first ones of a group that is much longer, as a mask.

    :param cells: of rows that are grouped by flow.
    :param most: rows that one flow may have; groups that reach it stay whole.
    """
    if not len(cells):
        return np.zeros(0, np.bool_)
    groups, starts, sizes = groups_of(cells)
    place = np.arange(len(cells)) - np.repeat(starts, sizes)
    is_long = (sizes > 2 * FIRST_ROWS) & (live.rows.take(groups) + sizes <= most)
    first: Bools = (place < FIRST_ROWS) & np.repeat(is_long, sizes)
    return first


def is_heard(chunk: Chunk, rows: I64, live: LiveFlows) -> Bools:
    """Which of these rows still say something to their connections, as a mask: all of one that is not settled; of the
    others what opens and closes, and alerts at the end of a segment.
    """
    table, cells = chunk.table, chunk.cell.take(rows)
    heard = ~live.settled.take(cells)
    heard |= (chunk.flags.take(rows) & (SYN | FIN | RST)) > 0
    captured, at = chunk.column(table.captured).take(rows), chunk.column(table.payload_at).take(rows)
    spoken = np.flatnonzero(~heard & ~live.silent.take(cells) & (captured > 0))
    apart = at.take(spoken) >= EXTRA
    heard[spoken.compress(apart)] = True
    spoken = spoken.compress(~apart)
    heard[spoken] = alerts_at_end(table.data, at.take(spoken), captured.take(spoken)) >= 0
    return heard


def rows_within(chunk: Chunk, live: LiveFlows, cell: int, old: I64, new: I64) -> I64:
    """A flow's rows with payload that begins between two pairs of stream offsets, ``old`` to ``new`` of each side."""
    rows = chunk.rows_of(cell)
    rows = rows.compress(chunk.length.take(rows) > 0)
    at = chunk.at.take(rows)
    offset = (chunk.seq.take(rows) - live.base.take(at)).view(np.int32)
    return rows.compress((offset >= old.take(at & 1)) & (offset < new.take(at & 1)))
