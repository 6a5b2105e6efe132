"""Which packets are worth remembering, and whose they are.

What a failed session is judged by is its first part, so each stream may fill no more than a part of the memory: a
download that goes on for hours does not push out the handshakes beside it. Packets of no stream are kept in a smaller
ring of their own: of a packet in fragments only the last one is told to belong to a stream, the others follow then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import RecordBatch
from capanalyzer.capture.write import PacketRecord
from capanalyzer.live.recorder.ring import ROW, PacketRing

__all__ = ["NO_STREAM", "STREAM_BYTES", "PacketMemory"]

I64 = NDArray[np.int64]

NO_STREAM: Final = -1
STREAM_BYTES: Final = 512 << 10
"""Of one stream that are remembered, headers included: twice the longest handshake that is followed."""
_SLOTS: Final = 1 << 18
"""Streams whose bytes are counted at a time; a newer one takes the place of that 262,144 numbers before it. Where that
one still speaks it begins anew, and may be remembered longer: nothing is lost by it."""
_LOOSE_SHARE: Final = 8
"""The part of memory that packets of no stream get: one in so many."""


_NOTHING: Final[tuple[NDArray[np.void], NDArray[np.uint8], I64]] = (
    np.empty(0, ROW),
    np.empty(0, np.uint8),
    np.empty(0, np.int64),
)


class PacketMemory:
    """Packets of the last while. Its memory is bounded: ``max_bytes``, a sixth of it for rows, 5 MB for counts."""

    def __init__(self, max_bytes: int) -> None:
        self._ring = PacketRing(max_bytes - max_bytes // _LOOSE_SHARE)
        self._loose = PacketRing(max_bytes // _LOOSE_SHARE)
        self._owner = np.full(_SLOTS, NO_STREAM, np.int64)
        self._kept = np.full(_SLOTS, 0)
        self._followed = np.full(_SLOTS, 0, np.uint16)
        """How many streams of this slot are followed."""
        self._rows, self._data, self._offset = _NOTHING
        """The batch in hand."""
        self._late: list[tuple[I64, I64]] = []
        """(streams, frames) told of packets of earlier batches."""

    def hold(self, batch: RecordBatch) -> None:
        """A batch, which is used until :meth:`settle` and not kept: first it has to be known whose packets they are."""
        count = len(batch)
        rows = np.zeros(count, ROW)
        rows["frame"] = np.arange(batch.first_frame, batch.first_frame + count)
        rows["time_ns"], rows["link"], rows["stream"] = batch.time_ns, batch.link, NO_STREAM
        rows["captured"], rows["original"] = batch.captured, np.minimum(batch.original, np.iinfo(np.int32).max)
        if batch.interface is not None:
            rows["interface"] = batch.interface
        self._rows, self._data, self._offset = rows, batch.data, batch.offset

    def belong(self, streams: I64, frames: I64) -> None:
        """Whose packets they are."""
        if not len(self._rows):
            return
        places = frames - int(self._rows["frame"][0])
        here = (places >= 0) & (places < len(self._rows))
        self._rows["stream"][places[here]] = streams[here]
        if not here.all():
            self._late.append((streams[~here], frames[~here]))

    def follow(self, stream: int) -> None:
        """From now on :meth:`settle` gives its packets."""
        self._followed[stream & (_SLOTS - 1)] += 1

    def leave(self, stream: int) -> None:
        """No more."""
        self._followed[stream & (_SLOTS - 1)] -= 1

    def settle(self) -> list[tuple[int, PacketRecord]]:
        """It is known of all packets in hand whose they are: remember them.

        :returns: (stream, packet) of streams that are followed, and perhaps of others.
        """
        rows, data, offset = self._rows, self._data, self._offset
        if not len(rows):
            return []
        streams = rows["stream"]
        loose = streams == NO_STREAM
        if loose.any():
            self._loose.add(rows[loose], data, offset[loose])
        owned = np.flatnonzero(~loose)
        slots = streams[owned] & (_SLOTS - 1)
        # Streams in new slots begin with nothing.
        fresh = self._owner[slots] != streams[owned]
        self._kept[slots[fresh]] = 0
        self._owner[slots[fresh]] = streams[owned[fresh]]
        worth = owned[self._kept[slots] < STREAM_BYTES]
        np.add.at(self._kept, slots, rows["captured"][owned] + ROW.itemsize)
        given = owned[self._followed[slots] > 0]
        found = [(int(streams[at]), _record(rows[at], data, int(offset[at]))) for at in given.tolist()]
        self._ring.add(rows[worth], data, offset[worth])
        found += self._settle_late()
        self._rows, self._data, self._offset = _NOTHING
        return found

    def _settle_late(self) -> list[tuple[int, PacketRecord]]:
        """Fragments whose stream was told with the last of them."""
        found: list[tuple[int, PacketRecord]] = []
        for streams, frames in self._late:
            stream_of = dict(zip(frames.tolist(), streams.tolist(), strict=True))
            for row in self._loose.select(lambda rows, frames=frames: np.isin(rows["frame"], frames)):  # type: ignore[misc]
                record = self._loose.read(row)
                stream = stream_of[record.frame]
                moved = row.reshape(1).copy()
                moved["stream"] = stream
                self._ring.add(moved, np.frombuffer(record.data, np.uint8), np.zeros(1, np.int64))
                if self._followed[stream & (_SLOTS - 1)]:
                    found.append((stream, record))
        self._late.clear()
        return found

    def recall(self, streams: Sequence[int]) -> dict[int, list[PacketRecord]]:
        """What is remembered of some streams that are followed, by stream; without the batch in hand.

        Looks through all rows once, so it is better asked for many than often.
        """
        found: dict[int, list[PacketRecord]] = {stream: [] for stream in streams}
        for row in self._ring.select(lambda rows: self._followed[rows["stream"] & (_SLOTS - 1)] > 0):
            its = found.get(int(row["stream"]))
            if its is not None:
                its.append(self._ring.read(row))
        return found


def _record(row: np.void, data: NDArray[np.uint8], at: int) -> PacketRecord:
    frame, time_ns, _, _, captured, original, link, interface = row.tolist()
    return PacketRecord(frame, time_ns, interface, link, original, data[at : at + captured].tobytes())
