"""One direction of a TCP connection put back in order (RFC 9293 section 3.4).

:class:`Stream` takes segments as they were captured and gives the bytes that have become readable. Positions are
*stream offsets*: 0 is the byte after the SYN, or the first one known of a connection that was captured from the middle;
sequence numbers are compared modulo 2**32 as distances from the next one awaited, so they may wrap.

In-order segments pass straight through (whoever feeds a stream may do that case itself, advancing ``next_seq`` and
``offset``). What comes early waits in ``waiting``, sorted, without overlaps: where two segments
carry the same bytes the first one seen counts, and if they differ ``conflict`` says so. A hole is never skipped here.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, TypeAlias

__all__ = ["MAX_WAITING", "MAX_WAITING_BYTES", "Piece", "Stream", "distance"]

MAX_WAITING: Final = 512
"""Segments kept behind a hole: 256 kB in pieces of 512 bytes."""
MAX_WAITING_BYTES: Final = 256 * 1024
"""Bytes kept behind a hole, and how far ahead of it: the longest handshake message that is followed."""

Piece: TypeAlias = tuple[int, bytes, int, int]
"""(stream offset, bytes, frame that carried them, its time in nanoseconds)."""


def distance(later: int, earlier: int) -> int:
    """``later - earlier`` for sequence numbers: -2**31 .. 2**31 - 1 (RFC 9293 section 3.4)."""
    return ((later - earlier + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Stream:
    """One direction. Attributes are results, and ``next_seq``/``offset`` may be advanced by an in-order caller."""

    __slots__ = ("conflict", "next_seq", "offset", "refused", "waiting", "waiting_bytes")

    def __init__(self) -> None:
        self.next_seq = -1
        """Sequence number of the next byte in order; -1 until :meth:`start`."""
        self.offset = 0
        """Its stream offset: so many bytes were readable."""
        self.waiting: list[Piece] = []
        """What came early, by offset, without overlaps."""
        self.waiting_bytes = 0
        self.conflict = False
        """Bytes that came twice differed."""
        self.refused = 0
        """Segments not kept because of the limits above."""

    def start(self, seq: int) -> None:
        """The first byte's sequence number: ISN + 1, or that of the first segment seen."""
        self.next_seq = seq

    def feed(self, seq: int, payload: bytes, frame: int, time_ns: int) -> list[Piece]:
        """Take a segment's captured bytes; give what is readable now, in order."""
        ahead = distance(seq, self.next_seq)
        if ahead > 0:
            self._wait(self.offset + ahead, payload, frame, time_ns)
            return []
        if ahead < 0:
            payload = payload[-ahead:]
        if not payload:
            return []
        readable = [(self.offset, payload, frame, time_ns)]
        if self.waiting:
            readable = self._drain(readable[0])
        grown = sum(len(piece[1]) for piece in readable)
        self.offset += grown
        self.next_seq = (self.next_seq + grown) & 0xFFFFFFFF
        return readable

    @property
    def hole(self) -> tuple[int, int] | None:
        """(offset, length) of the first missing bytes that something is waiting behind."""
        if not self.waiting:
            return None
        return self.offset, self.waiting[0][0] - self.offset

    def _drain(self, new: Piece) -> list[Piece]:
        """``new`` begins at the hole: it, and what was waiting that now connects. Bytes seen first win."""
        waiting = self.waiting
        readable: list[Piece] = []
        at = new[0]
        while waiting:
            first = waiting[0]
            end = new[0] + len(new[1])
            if end <= first[0]:
                break
            # The new segment reaches into one that was here before: take it up to there, then that one.
            if at < first[0]:
                readable.append((at, new[1][at - new[0] : first[0] - new[0]], new[2], new[3]))
            self._compare(first, new)
            readable.append(first)
            at = first[0] + len(first[1])
            del waiting[0]
            self.waiting_bytes -= len(first[1])
        if at < new[0] + len(new[1]):
            readable.append((at, new[1][at - new[0] :], new[2], new[3]))
            at = new[0] + len(new[1])
        while waiting and waiting[0][0] == at:
            first = waiting.pop(0)
            self.waiting_bytes -= len(first[1])
            readable.append(first)
            at += len(first[1])
        return readable

    def _wait(self, offset: int, payload: bytes, frame: int, time_ns: int) -> None:
        """Keep the parts of an early segment that are not here yet."""
        waiting = self.waiting
        end = offset + len(payload)
        if end - self.offset > MAX_WAITING_BYTES:
            self.refused += 1
            return
        place = bisect_right(waiting, offset, key=_offset)
        if place and waiting[place - 1][0] + len(waiting[place - 1][1]) > offset:
            place -= 1
        at = offset
        while at < end:
            if len(waiting) >= MAX_WAITING:
                self.refused += 1
                return
            if place < len(waiting) and waiting[place][0] <= at:
                old = waiting[place]
                self._compare(old, (offset, payload, frame, time_ns))
                at = max(at, old[0] + len(old[1]))
                place += 1
                continue
            until = min(end, waiting[place][0]) if place < len(waiting) else end
            waiting.insert(place, (at, payload[at - offset : until - offset], frame, time_ns))
            self.waiting_bytes += until - at
            at = until
            place += 1

    def _compare(self, old: Piece, new: Piece) -> None:
        """Note whether two pieces that overlap say different things."""
        start, end = max(old[0], new[0]), min(old[0] + len(old[1]), new[0] + len(new[1]))
        if old[1][start - old[0] : end - old[0]] != new[1][start - new[0] : end - new[0]]:
            self.conflict = True


def _offset(piece: Piece) -> int:
    return piece[0]
