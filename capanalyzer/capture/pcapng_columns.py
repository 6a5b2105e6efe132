"""Enhanced Packet Blocks that stand many together, read as columns."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.lanes import Layout
from capanalyzer.capture.pcapng_blocks import ENHANCED_PACKET, Section

__all__ = ["EPB_HEADER", "LONGEST_BLOCK", "Blocks", "EpbSync", "epb_layout"]

EPB_HEADER: Final = 28
"""Type, length, interface, time stamp (two halves), captured length, original length: 32 bits each."""

LONGEST_BLOCK: Final = 16 << 20
"""Wireshark's limit; longer blocks are damage."""

_CANDIDATE_PLACES: Final = 64
_CHAIN: Final = 3
"""As for pcap: places tried for a sync point, and blocks in a row that must look right there."""


class Blocks:
    """Blocks of one section, in order, whose lengths are proven."""

    __slots__ = ("_ends", "_starts", "data", "heads", "section")

    def __init__(
        self,
        section: Section,
        data: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        heads: NDArray[np.uint32],
    ) -> None:
        self.section, self.data, self.heads = section, data, heads
        self._starts, self._ends = starts, ends

    def __len__(self) -> int:
        return len(self._starts)

    def place(self, row: int) -> tuple[int, int]:
        """Where a block begins, and its size."""
        begin = int(self._starts[row])
        return begin, int(self._ends[row]) - begin

    def packets(self, row: int, stop: int) -> tuple[NDArray[np.int64], ...]:
        """Blocks [row, stop), which are all Enhanced Packet Blocks, up to the first that is wrong.

        :returns: offset, captured, original, time, link type, whether the time is the packet's own, and the
            interface's number.
        """
        section = self.section
        starts, heads = self._starts[row:stop], self.heads[row:stop]
        number, captured = heads[:, 2].astype(np.int64), heads[:, 5].astype(np.int64)
        links, biggest = section.link_columns()
        inside = np.minimum(number, len(links) - 1)
        room = np.minimum(self._ends[row:stop] - starts - 32, biggest[inside])
        wrong = np.flatnonzero((number >= section.interface_count) | (captured > room))
        count = int(wrong[0]) if len(wrong) else len(starts)
        heads, inside = heads[:count], inside[:count]
        stamps = heads[:, 3].astype(np.uint64) << np.uint64(32) | heads[:, 4]
        return (
            starts[:count] + EPB_HEADER,
            captured[:count],
            heads[:, 6].astype(np.int64),
            section.times(stamps, inside),
            links[inside],
            np.ones(count, np.int64),
            number[:count],
        )


def epb_layout(section: Section) -> Layout:
    """Blocks as lanes follow them: each from the trailing length of the block before it."""
    return Layout(section.byte_order, 8, 16, 0, 12, LONGEST_BLOCK, 4 + EPB_HEADER, 4)


class EpbSync:
    """Finds a place four bytes before enhanced packet blocks that follow each other; see lanes.Sync."""

    __slots__ = ("_one", "_pattern", "_phase", "_two")

    def __init__(self, section: Section, origin: int) -> None:
        self._pattern = section.one.pack(ENHANCED_PACKET)
        self._phase = origin & 3
        self._one, self._two = section.one.unpack_from, section.two.unpack_from

    def __call__(self, view: memoryview, low: int, high: int) -> int:
        low += 4
        piece = bytes(view[low : high + 7])
        at = piece.find(self._pattern)
        for _ in range(_CANDIDATE_PLACES):
            if at < 0:
                return -1
            if low + at & 3 == self._phase and self._looks_right(view, low + at):
                return low + at - 4
            at = piece.find(self._pattern, at + 1)
        return -1

    def _looks_right(self, view: memoryview, place: int) -> bool:
        end = len(view)
        for _ in range(_CHAIN):
            if place + 12 > end:
                return False
            _, size = self._two(view, place)
            if not 12 <= size <= LONGEST_BLOCK or size & 3 or place + size > end:
                return False
            if self._one(view, place + size - 4)[0] != size:
                return False
            place += size
        return True
