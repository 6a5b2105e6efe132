"""Raw packets to TCP segments: the entry of the packets stage."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.linktypes import NOT_A_PACKET
from capanalyzer.capture.records import RecordBatch
from capanalyzer.packets.columns import Columns, Where
from capanalyzer.packets.fast import FAST_LINKS, Block, Index, write
from capanalyzer.packets.flowkey import EndpointMixer, endpoint_v4
from capanalyzer.packets.layer import LINKTYPE
from capanalyzer.packets.notes import LINK
from capanalyzer.packets.rows import RowSource
from capanalyzer.packets.stack import LAYERS
from capanalyzer.packets.table import PacketTable
from capanalyzer.packets.walk import Segment, Walker

__all__ = ["Decoder"]

BLOCK: Final = 8192
"""Packets sorted at once: their rows (768 KiB) and temporary columns stay in a second-level cache."""


class Decoder:
    """Decodes the batches of one capture, in order.

    Between batches it keeps fragments that wait for others (bounded, :mod:`capanalyzer.packets.fragments`)
    and counters.

    :param seed: makes IPv6 endpoint values repeatable; None draws constants for this run.
    :param fast: False sends every packet down the slow path (for tests: the rows are the same).
    """

    def __init__(self, *, seed: int | None = None, fast: bool = True) -> None:
        self._mixer = EndpointMixer(seed)
        self._walker = Walker(self._mixer)
        self._fast = fast
        self.notes: dict[str, int] = {}
        """Sums of all tables' notes so far, by reason (:mod:`capanalyzer.packets.notes`)."""

    def endpoint(self, address: bytes, port: int) -> int:
        """The endpoint value of an address of 4 or 16 bytes and a port; see PacketTable."""
        if len(address) == 4:
            return endpoint_v4(int.from_bytes(address, "big"), port)
        return self._mixer.scalar(address, port)

    def decode(self, batch: RecordBatch) -> PacketTable:
        """The TCP segments of a batch, in frame order. Never raises on what the packets contain."""
        walker = self._walker
        walker.notes, walker.extra, walker.icmp, walker.carriers = {}, bytearray(), [], []
        columns = Columns(len(batch))
        source = RowSource(batch.data)
        links = _distinct(batch.link)
        for start in range(0, len(batch), BLOCK):
            self._block(batch, slice(start, min(start + BLOCK, len(batch))), links, source, columns)
        for reason, count in walker.notes.items():
            self.notes[reason] = self.notes.get(reason, 0) + count
        return columns.table(batch.data, bytes(walker.extra), walker.icmp, walker.notes)

    @property
    def carriers(self) -> list[tuple[int, tuple[int, ...]]]:
        """Of the batch decoded last: (frame, all frames whose fragments were put together in it)."""
        return self._walker.carriers

    def finish(self) -> dict[str, int]:
        """The capture has ended: fragments that still wait are given up. Returns all notes."""
        self._walker.notes = self.notes
        self._walker.finish()
        return self.notes

    def _block(self, batch: RecordBatch, part: slice, links: list[int], source: RowSource, columns: Columns) -> None:
        base, there, wire = batch.offset[part], batch.captured[part], batch.original[part]
        size = len(base)
        block = Block(source)
        for link in links:
            index = np.flatnonzero(batch.link[part] == link) if len(links) > 1 else None
            if LINKTYPE + link not in LAYERS:
                count = size if index is None else len(index)
                if count and link != NOT_A_PACKET:
                    self._walker.notes[f"{LINK}{link}"] = self._walker.notes.get(f"{LINK}{link}", 0) + count
            elif not self._fast or link not in FAST_LINKS:
                block.slow.append(np.arange(size) if index is None else index)
            elif index is None:
                block.take(link, base, there, wire, None)
            elif len(index):
                block.take(link, base.take(index), there.take(index), wire.take(index), index)
        slow = self._walk(batch, part, block.slow)
        at = columns.rows
        if len(block.ready) == 1 and not slow:
            ready = block.ready[0]
            count = len(ready.size)
            self._write(batch, part, columns, slice(at, at + count), ready.group.members, block, 0)
            columns.rows += count
            return
        taken = np.zeros(size, np.int64)
        for ready in block.ready:
            taken[slice(None) if ready.group.members is None else ready.group.members] = 1
        for number, segments in slow:
            taken[number] = len(segments)
        row = np.cumsum(taken)
        columns.rows = at + int(row[-1])
        columns.reserve(columns.rows + len(batch) - part.stop)
        row += at
        row -= taken  # the first row of each packet
        for place, ready in enumerate(block.ready):
            index = ready.group.members
            self._write(batch, part, columns, row if index is None else row.take(index), index, block, place)
        for number, segments in slow:
            packet = part.start + number
            frame, time_ns = batch.first_frame + packet, int(batch.time_ns[packet])
            for place, segment in enumerate(segments):
                columns.write_segment(int(row[number]) + place, frame, time_ns, segment)

    def _write(
        self,
        batch: RecordBatch,
        part: slice,
        columns: Columns,
        where: Where,
        index: Index | None,
        block: Block,
        place: int,
    ) -> None:
        times = batch.time_ns[part]
        if index is None:
            first = batch.first_frame + part.start
            columns.frame[where] = np.arange(first, first + len(times))
            columns.time_ns[where] = times
        else:
            columns.frame[where] = index + (batch.first_frame + part.start)
            columns.time_ns[where] = times.take(index)
        write(columns, where, block.ready[place], self._mixer)

    def _walk(self, batch: RecordBatch, part: slice, slow: list[Index]) -> list[tuple[int, list[Segment]]]:
        """The slow path over some packets of a block, in order; (number in the block, row)."""
        numbers = np.unique(np.concatenate(slow)) if slow else np.empty(0, np.int64)
        if not len(numbers):
            return []
        packets = numbers + part.start
        columns = zip(
            numbers.tolist(),
            batch.offset[packets].tolist(),
            batch.captured[packets].tolist(),
            batch.original[packets].tolist(),
            batch.link[packets].tolist(),
            (packets + batch.first_frame).tolist(),
            batch.time_ns[packets].tolist(),
            strict=True,
        )
        found = []
        view = np.ascontiguousarray(batch.data).data
        walk = self._walker.walk
        for number, offset, captured, original, link, frame, time_ns in columns:
            segments = walk(view, offset, captured, original, link, frame, time_ns)
            if segments:
                found.append((number, segments))
        return found


def _distinct(values: NDArray[np.uint16]) -> list[int]:
    """Different values, ascending; quick when there is only one."""
    if len(values) and (values == values[0]).all():
        return [int(values[0])]
    return [int(value) for value in np.unique(values)]
