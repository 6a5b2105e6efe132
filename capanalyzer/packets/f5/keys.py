"""Whether a capture's trailers hold secrets of TLS sessions: looked for as thoroughly as they are taken out.

A warning that is missed is worse than work done twice. So every packet is looked at, also one that was cut, whose
trailer is damaged, or that is no TCP; and none but the first byte that is not zero decides, because a BIG-IP writes
zeros until it knows the keys.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import RecordBatch
from capanalyzer.packets.f5.dpt import HEADER_BYTES, ITEM_BYTES, MAGIC, TLS_PROVIDER
from capanalyzer.packets.table import EXTRA, PacketTable

__all__ = ["holds_keys"]

I64 = NDArray[np.int64]

_VERSION: Final = 1
_MOST_PADDING: Final = 64
"""Between an IP packet and its trailer, where nothing says yet that a BIG-IP made the capture."""
_AT_ONCE: Final = 65_536
"""Items that are looked into with one call."""
_PAIRS_AT_ONCE: Final = 131_072
"""Pairs of bytes that are searched with one call."""
_FIRST_PAIR: Final = int.from_bytes(MAGIC[:2], "little")
_SECOND_PAIR: Final = int.from_bytes(MAGIC[1:3], "little")


def holds_keys(batch: RecordBatch, table: PacketTable, *, everywhere: bool) -> bool:
    """A trailer of this batch carries a secret, or a part of one.

    :param everywhere: all packets are searched; otherwise what stands behind TCP segments.
    """
    if not len(batch):
        return False
    data = batch.data
    at = _marks(batch) if everywhere else _behind(batch, table)
    packet = np.searchsorted(batch.offset, at, side="right") - 1
    end = (batch.offset + batch.captured).take(packet)
    whole = at + HEADER_BYTES <= end
    at, packet, end = at.compress(whole), packet.compress(whole), end.compress(whole)
    if not len(at):
        return False
    size, version = _u16(data, at + 4), _u16(data, at + 6)
    first, last = _segments(batch, table)
    first, last = first.take(packet), last.take(packet)
    # Behind a segment anything that is marked is a trailer. Where the segment reaches to the frame's end, or no length
    # is known, a trailer is what reads as one; what was captured of it may not be all.
    is_behind = (last >= 0) & (last < end) & (at >= last)
    is_inside = (last >= end) & (at >= first) & (version == _VERSION) & (at + size >= end)
    is_other = (last < 0) & (version == _VERSION)
    there = is_behind | is_inside | is_other
    at, end, size = at.compress(there), end.compress(there), size.compress(there)
    return _walk(data, at + HEADER_BYTES, np.where(size < HEADER_BYTES, end, np.minimum(end, at + size)))


def _walk(data: NDArray[np.uint8], at: I64, stop: I64) -> bool:
    """An item of the TLS provider with a byte that is not zero, among the items that begin at ``at``."""
    while len(at):
        inside = at + ITEM_BYTES <= stop
        at, stop = at.compress(inside), stop.compress(inside)
        provider, size = _u16(data, at), _u16(data, at + 4)
        is_item = size >= ITEM_BYTES
        keys = is_item & (provider == TLS_PROVIDER)
        if _any(data, at.compress(keys) + ITEM_BYTES, np.minimum(at + size, stop).compress(keys)):
            return True
        at, stop = (at + size).compress(is_item), stop.compress(is_item)
    return False


def _any(data: NDArray[np.uint8], begin: I64, end: I64) -> bool:
    """One of these pieces, in order of their beginnings, has a byte that is not zero."""
    some = begin < end
    begin, end = begin.compress(some), end.compress(some)
    for number in range(0, len(begin), _AT_ONCE):
        piece = slice(number, number + _AT_ONCE)
        edges = np.column_stack([begin[piece], end[piece]]).ravel()
        if edges[-1] == len(data):
            edges = edges[:-1]
        if np.bitwise_or.reduceat(data, edges)[::2].any():
            return True
    return False


def _marks(batch: RecordBatch) -> I64:
    """Positions of the magic number in the batch's packets.

    Wherever it stands, two of its bytes make an aligned pair; the pairs are searched piece by piece, so that what is
    made of them stays in the cache.
    """
    begin, end = int(batch.offset[0]), int(batch.offset[-1] + batch.captured[-1])
    data = batch.data[begin:end]
    pairs = data[: len(data) & ~1].view("<u2")
    found = [np.zeros(0, np.int64)]
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        piece = pairs[start : start + _PAIRS_AT_ONCE]
        is_second = piece == _SECOND_PAIR
        candidates = piece == _FIRST_PAIR
        candidates |= is_second
        if candidates.any():
            at = np.flatnonzero(candidates)
            found.append(2 * (start + at) - is_second.take(at))
    at = np.concatenate(found)
    at = at.compress((at >= 0) & (at + len(MAGIC) <= len(data)))
    for place in range(len(MAGIC)):
        at = at.compress(data.take(at + place) == MAGIC[place])
    return at + begin


def _behind(batch: RecordBatch, table: PacketTable) -> I64:
    """The first of them behind each segment, behind what a frame may be padded with."""
    packet = table.frame - batch.first_frame
    start = table.payload_at + table.length
    stop = batch.offset.take(packet) + batch.captured.take(packet)
    found = [np.zeros(0, np.int64)]
    for skip in range(_MOST_PADDING):
        inside = (start + skip + HEADER_BYTES + ITEM_BYTES <= stop) & (start < EXTRA)
        start, stop = start.compress(inside), stop.compress(inside)
        if not len(start):
            break
        at = start + skip
        here = batch.data.take(at) == MAGIC[0]
        for place in (1, 2, 3):
            here &= batch.data.take(at + place) == MAGIC[place]
        found.append(at.compress(here))
        start, stop = start.compress(~here), stop.compress(~here)
    return np.sort(np.concatenate(found))


def _segments(batch: RecordBatch, table: PacketTable) -> tuple[I64, I64]:
    """Of each packet, where its segment's payload begins and ends by its IP header; -1: it has none that is known."""
    first, last = np.full(len(batch), -1, np.int64), np.full(len(batch), -1, np.int64)
    own = (table.payload_at < EXTRA) & (table.frame >= batch.first_frame)
    packet, begin = table.frame.compress(own) - batch.first_frame, table.payload_at.compress(own)
    first[packet] = begin
    last[packet] = begin + table.length.compress(own)
    return first, last


def _u16(data: NDArray[np.uint8], at: I64) -> I64:
    return data.take(at).astype(np.int64) << 8 | data.take(at + 1)
