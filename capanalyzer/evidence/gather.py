"""The second pass: packets of some streams, found by numbering the streams again as the first pass did.

Packets are decoded and numbered as columns; no session is made, so this costs about what one of several processes
spends on connections that are not its own. Reading ends with the last of the streams. Only where a packet came in
fragments, and some of them stood in an earlier batch, the file is read once more for those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import Capture, RecordBatch
from capanalyzer.capture.write import PacketRecord
from capanalyzer.packets.decode import Decoder
from capanalyzer.streams.flow import Flow, Row
from capanalyzer.streams.tracker import Tracker

__all__ = ["Gathered", "Want", "gather"]

I64 = NDArray[np.int64]

AFTERMATH: Final = 20
"""Packets of a session beyond the last one that is known to matter."""
MAX_PACKETS: Final = 1_000
"""Packets of a failed session: about as many as an analysis looks at. A handshake has about 20, one with 256 kB of
certificates about 200."""
MAX_BYTES: Final = 1 << 20
"""Bytes of them."""
BEGINNING_PACKETS: Final = 60
BEGINNING_BYTES: Final = 96 << 10
"""Of a session that worked, its handshake is shown."""
_NEVER: Final = -1


@dataclass(slots=True)
class Want:
    """What is wanted of a stream."""

    last_frame: int
    """0: its beginning only."""
    frames: tuple[int, ...]
    """Wanted whatever a limit says."""


@dataclass(slots=True)
class Gathered:
    """What was found."""

    packets: dict[int, PacketRecord] = field(default_factory=dict)
    """By frame."""
    of_stream: dict[int, list[int]] = field(default_factory=dict)
    """Frames of each stream, fragments included, ascending."""
    cut: set[int] = field(default_factory=set)
    """Streams of which a limit left packets out."""
    interfaces: list[str] = field(default_factory=list)
    """Names of the capture's interfaces."""
    too_much: bool = False
    """There was no room for all packets."""
    ended_early: bool = False
    """The capture ended before all streams did: a copy that was cut."""


def gather(reopen: Callable[[], Capture], wants: Mapping[int, Want], max_bytes: int) -> Gathered:
    """Read the capture again, and copy the packets of some streams.

    :param reopen: opens the capture from its start.
    :param wants: by stream number.
    :param max_bytes: of packets in all.
    :raises CaptureError: it cannot be read any more.
    """
    gathering = _Gathering(wants, max_bytes)
    capture = reopen()
    for batch in capture.batches():
        gathering.take(batch)
        if gathering.is_over:
            break
    missing = gathering.missing()
    if len(missing):
        for batch in reopen().batches():
            gathering.copy(batch, missing)
            if batch.first_frame + len(batch) > missing[-1]:
                break
    found = gathering.result()
    found.interfaces = list(capture.info.interfaces)
    return found


class _Seen:
    """In the place of a connection: wants nothing."""

    settled = True
    silent = True
    wanted = (0, 0)

    def __init__(self, ended: Callable[[int], None]) -> None:
        self._ended = ended

    def feed(self, rows: Sequence[Row]) -> None:
        """See :class:`capanalyzer.streams.behind.Connection`."""

    def finish(self, flow: Flow) -> None:
        """See :class:`capanalyzer.streams.behind.Connection`."""
        self._ended(flow.stream)


class _Gathering:
    def __init__(self, wants: Mapping[int, Want], max_bytes: int) -> None:
        self._wants = wants
        self._open = set(wants)
        self._found = Gathered()
        self._room = max_bytes
        self._limit = np.full(max(wants) + 2, _NEVER, np.int64)
        """By stream number: whether its packets are wanted; the last stands for all higher ones."""
        self._limit[list(wants)] = 0
        self._must = np.array(sorted({frame for want in wants.values() for frame in want.frames}), np.int64)
        self._counts = {stream: [0, 0, 0] for stream in wants}
        """Packets, bytes and packets of the aftermath so far."""
        self._members: dict[int, set[int]] = {stream: set(want.frames) for stream, want in wants.items()}
        self._decoder = Decoder()
        seen = _Seen(self._open.discard)
        self._tracker: Tracker[None] = Tracker(lambda: seen, observe=self._observe)

    @property
    def is_over(self) -> bool:
        """All streams have ended, or nothing more of them is wanted."""
        return not self._open

    def take(self, batch: RecordBatch) -> None:
        """Number a batch's packets, and copy the wanted ones."""
        table = self._decoder.decode(batch)
        last = batch.first_frame + len(batch) - 1
        for _ in self._tracker.feed(table, last):
            pass
        if self._decoder.carriers:
            self._add_fragments()
        here = [frame for members in self._members.values() for frame in members if batch.first_frame <= frame <= last]
        if here:
            self.copy(batch, np.unique(np.array(here, np.int64)))

    def _add_fragments(self) -> None:
        """Of packets put together from fragments, the frames of all fragments."""
        streams: dict[int, list[set[int]]] = {}
        for members in self._members.values():
            for frame in members:
                streams.setdefault(frame, []).append(members)
        for frame, frames in self._decoder.carriers:
            for members in streams.get(frame, ()):
                members.update(frames)

    def copy(self, batch: RecordBatch, frames: I64) -> None:
        """Copy those of some frames, ascending, that the batch holds."""
        first = batch.first_frame
        start, stop = np.searchsorted(frames, (first, first + len(batch)))
        packets = self._found.packets
        for frame in frames[start:stop].tolist():
            if frame in packets:
                continue
            row = frame - first
            size = int(batch.captured[row])
            if size > self._room:
                self._found.too_much = True
                return
            self._room -= size
            at = int(batch.offset[row])
            packets[frame] = PacketRecord(
                frame,
                int(batch.time_ns[row]),
                0 if batch.interface is None else int(batch.interface[row]),
                int(batch.link[row]),
                int(batch.original[row]),
                batch.data[at : at + size].tobytes(),
            )

    def missing(self) -> I64:
        """Wanted frames that were not copied: pieces of fragmented packets in an earlier batch."""
        frames = {frame for members in self._members.values() for frame in members} - self._found.packets.keys()
        return np.array([] if self._found.too_much else sorted(frames), np.int64)

    def result(self) -> Gathered:
        """What was found."""
        found = self._found
        found.ended_early = bool(self._open) and any(frame not in found.packets for frame in self._must.tolist())
        for stream, members in self._members.items():
            found.of_stream[stream] = sorted(members & found.packets.keys())
        return found

    def _observe(self, stream: I64, frame: I64, length: I64) -> None:
        rows = np.flatnonzero(self._limit.take(np.minimum(stream, len(self._limit) - 1)) >= 0)
        if not len(rows):
            return
        for number, at, size in zip(
            stream.take(rows).tolist(), frame.take(rows).tolist(), length.take(rows).tolist(), strict=True
        ):
            want, counts = self._wants[number], self._counts[number]
            if self._limit[number] < 0:
                continue
            counts[0] += 1
            counts[1] += size
            most = (MAX_PACKETS, MAX_BYTES) if want.last_frame else (BEGINNING_PACKETS, BEGINNING_BYTES)
            if want.last_frame and at > want.last_frame:
                counts[2] += 1
                if counts[2] > AFTERMATH:
                    self._end(number)
                    continue
            elif counts[0] > most[0] or counts[1] > most[1]:
                if want.last_frame:
                    self._found.cut.add(number)
                self._end(number, is_cut=bool(want.last_frame))
                continue
            self._members[number].add(at)

    def _end(self, stream: int, *, is_cut: bool = False) -> None:
        """Nothing more of a stream is wanted, but what must be shown of it."""
        self._limit[stream] = _NEVER
        if not is_cut:
            self._open.discard(stream)
