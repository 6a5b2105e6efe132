"""What every segment adds to its flow: counters, times, closes, and where each stream begins; by whole columns."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.streams.blank import UNSET
from capanalyzer.streams.chunk import Chunk
from capanalyzer.streams.flow import ACK, FIN, RST, SYN
from capanalyzer.streams.live import CLOSED_RST, FIN_SIDE_0, FIN_SIDE_1, LiveFlows

__all__ = ["count_segments", "place_segments"]

I64 = NDArray[np.int64]
_NONE: Final = np.zeros(0, np.int64)


def place_segments(chunk: Chunk, live: LiveFlows) -> None:
    """Find each segment's side (``chunk.at``), and where the streams begin whose first segments are here.

    Quoted segments begin nothing, but a quoted SYN/ACK moves a known beginning as a captured one does.
    """
    at = chunk.at = 2 * chunk.cell + (chunk.from_high ^ live.first_is_high.take(chunk.cell))
    begun, by_row = _set_base(chunk, at, live)
    synacks = np.flatnonzero((chunk.flags & (SYN | ACK)) == (SYN | ACK))
    if len(chunk.from_error):
        side = at.take(synacks)
        with live.blanks[0].column(2 * live.capacity, begun, by_row) as told_by:
            told = told_by.take(side)
        known = live.has_base.take(side) & ((told == UNSET) | (told < synacks))
        synacks = synacks.compress(known | (chunk.from_error.take(synacks) < 0))
    live.base[at.take(synacks)] = chunk.seq.take(synacks) + np.uint32(1)


def count_segments(chunk: Chunk, live: LiveFlows) -> None:
    """Counters of all flows."""
    at = chunk.at
    np.add.at(live.packets, at, 1)
    np.add.at(live.payload, at, chunk.length)
    np.maximum.at(live.last_ns, at, chunk.time_ns)
    closers = np.flatnonzero(chunk.flags & (FIN | RST))
    flags = chunk.flags.take(closers)
    resets = closers.compress((flags & RST) > 0)
    # Text in a RST says why it was sent; it is no data (RFC 9293 section 3.5.3, RFC 1122 section 4.2.2.12).
    np.subtract.at(live.payload, at.take(resets), chunk.length.take(resets))
    fin = np.where(at.take(closers) & 1, FIN_SIDE_1, FIN_SIDE_0)
    bits = np.where(flags & FIN, fin, 0).astype(np.uint8)
    bits |= np.where(flags & RST, np.uint8(CLOSED_RST), np.uint8(0))
    np.bitwise_or.at(live.closing, chunk.cell.take(closers), bits)


def _set_base(chunk: Chunk, at: I64, live: LiveFlows) -> tuple[I64, I64]:
    """Where each stream begins: at the SYN, else the first segment, else what the other end acknowledges.

    What was acknowledged is a guess where the capture misses something: a first segment far beyond it is a better one.

    :returns: the sides (as in ``chunk.at``) whose beginning is told here, and the rows that tell them.
    """
    other = at ^ 1
    own = np.flatnonzero(live.packets.take(at) == 0)[::-1]
    acks = np.flatnonzero(~live.has_base.take(other) & ((chunk.flags & ACK) > 0))[::-1]
    if len(chunk.from_error):
        own, acks = (rows.compress(chunk.from_error.take(rows) < 0) for rows in (own, acks))
    if not len(own) and not len(acks):
        return _NONE, _NONE
    by_own, by_ack = at.take(own), other.take(acks)
    blanks, size = live.blanks, 2 * live.capacity
    with blanks[0].column(size, by_own, own) as first_own, blanks[1].column(size, by_ack, acks) as first_ack:
        # Each side once: where it stands in the row that came first, and a second time for none that has both.
        mine = by_own.compress(first_own.take(by_own) == own)
        theirs = by_ack.compress((first_ack.take(by_ack) == acks) & (first_own.take(by_ack) == UNSET))
        touched = np.concatenate([mine, theirs])
        own_row, ack_row = first_own.take(touched), first_ack.take(touched)
    is_new = ~live.has_base.take(touched)
    sides, row, from_own = touched.compress(is_new), np.minimum(own_row, ack_row), own_row < ack_row
    row, from_own = row.compress(is_new), from_own.compress(is_new)
    live.base[sides] = np.where(from_own, _first_byte(chunk, row), chunk.ack.take(row))
    live.has_base[sides] = True
    begun, first = touched[: len(mine)], _first_byte(chunk, own_row[: len(mine)])
    far = (first - live.base.take(begun)).view(np.int32) >= live.wanted.take(begun)
    live.base[begun.compress(far)] = first.compress(far)
    return sides, row


def _first_byte(chunk: Chunk, rows: I64) -> NDArray[np.uint32]:
    """Sequence number of the byte behind a SYN, else of the segment's own first byte."""
    return chunk.seq.take(rows) + ((chunk.flags.take(rows) & SYN) > 0)
