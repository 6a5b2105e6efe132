"""The record layer of many streams at once, for streams whose segments lie in order in one batch of packets.

All streams are walked in step: each step takes the next record of every stream that still has one, or the next
message within a clear handshake record. What :class:`capanalyzer.tls.records.TlsReader` does for one stream and any
input, this does for the plain case and thousands of streams; a stream that is not plain (a header that is cut by a
segment's end, a message over several records, anything odd) is marked ``irregular`` and left to that reader.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.tls.records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, MAX_RECORD

__all__ = ["MAX_STEPS", "Segments", "Units", "read_units"]

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

MAX_STEPS: Final = 24
"""Messages and records read of one stream: a full handshake has about ten on a side. More are left unread."""
_STREAM_BITS: Final = 24
"""Places in a stream are below 2**24: the window of 20 kB and one segment of 64 kB at most."""
_HEADER: Final = 16
"""Bytes taken at each place: record header 5, message header 4."""


class Segments:
    """Payload of streams 0, 1, 2 ...: one row a segment, by stream and in order. Columns have shape (n,)."""

    def __init__(self, stream: I64, position: I64, length: I64, streams: int) -> None:
        """:param stream: number of the stream, ascending; ``streams`` of them.
        :param position: where the payload stands in the batch's bytes.
        """
        self.position = position
        self.length = length
        end = np.cumsum(length)
        self.total: I64 = np.zeros(streams, np.int64)
        """Bytes of each stream, shape (streams,)."""
        np.add.at(self.total, stream, length)
        before = np.cumsum(self.total) - self.total
        offset = end - length - before.take(stream)
        self.place = (stream << _STREAM_BITS) + offset
        """Stream number and stream offset in one ascending number."""
        self.end = self.place + length
        self.first = np.searchsorted(stream, np.arange(streams))
        """Each stream's first segment."""


class Units:
    """Messages and records found, one row each, in the order of the steps. Columns have shape (n,)."""

    stream: I64
    kind: U8
    """Record type."""
    message: NDArray[np.int16]
    """Handshake type of a clear message, else -1."""
    length: I64
    """Of the message's body, or of the record."""
    first: I64
    """Segment in which it begins; ``last``: in which its record ends, for only a whole record is read."""
    last: I64
    offset: I64
    """Stream offset of its first byte: of the record's header for a record's first message."""
    position: I64
    """Where its body stands in the batch's bytes, if ``first`` is ``last`` or the body begins in ``first``."""
    version: NDArray[np.int64]
    """Record version."""

    _NAMES: Final = ("stream", "kind", "message", "length", "first", "last", "offset", "position", "version")

    def __init__(self, steps: list[tuple[NDArray[np.generic], ...]]) -> None:
        for at, name in enumerate(self._NAMES):
            setattr(self, name, np.concatenate([step[at] for step in steps]) if steps else np.zeros(0, np.int64))

    def take(self, order: I64) -> None:
        """Put the rows into this order."""
        for name in self._NAMES:
            setattr(self, name, getattr(self, name).take(order))


def read_units(data: U8, segments: Segments, clear: NDArray[np.bool_]) -> tuple[Units, NDArray[np.bool_]]:
    """Walk all streams from their beginning.

    :param clear: by handshake type (256): types that an ordinary handshake has in the clear.
    :returns: what was found, and which streams are irregular, shape (streams,).
    """
    streams = len(segments.total)
    irregular = np.zeros(streams, np.bool_)
    if len(data) < _HEADER or not streams:
        return Units([]), ~irregular
    headers = np.ndarray((len(data) - _HEADER + 1,), f"V{_HEADER}", buffer=data, strides=(1,))
    ciphered = np.zeros(streams, np.bool_)
    steps: list[tuple[NDArray[np.generic], ...]] = []
    active = np.flatnonzero(segments.total)
    at = active << _STREAM_BITS
    segment = segments.first.take(active)
    record_end = at.copy()
    record_version = np.zeros(len(active), np.int64)
    for _ in range(MAX_STEPS):
        if not len(active):
            break
        stop = (active << _STREAM_BITS) + segments.total.take(active)
        starts_record = at >= record_end
        head = np.where(starts_record, 5, 0)
        room = segments.end.take(segment) - at
        position = segments.position.take(segment) + at - segments.place.take(segment)
        # 16 bytes from the last places of the batch would reach over its end: those streams go the other way.
        bad = (room < head + np.where(starts_record, 0, 4)) | (position >= len(headers))
        rows = headers[np.minimum(position, len(headers) - 1)]
        # Record type, version and length, or a message's type and length; those behind a record's header.
        first, behind = _word(rows, 0), _word(rows, 5)
        kind = np.where(starts_record, _byte(rows, 0), np.uint8(HANDSHAKE))
        minor, size = _byte(rows, 2), _short(rows, 3).astype(np.int64)
        is_header = (_byte(rows, 1) == 3) & (minor <= 4)
        is_header &= (kind >= CHANGE_CIPHER_SPEC) & (kind <= APPLICATION_DATA)
        is_header &= size <= MAX_RECORD
        end = np.where(starts_record, at + 5 + size, record_end)
        version = np.where(starts_record, minor.astype(np.int64) | 0x300, record_version)
        whole = end <= stop
        # What is not whole may become so, unless its header is none.
        bad &= whole | (room < head)
        bad |= starts_record & ~is_header
        bad &= at + head <= stop
        # A clear handshake message: its type and length behind the header.
        is_clear = (kind == HANDSHAKE) & ~ciphered.take(active) & whole
        header = np.where(starts_record, behind, first).astype(np.int64)
        message, body = header >> 24, header & 0xFFFFFF
        message_end = at + head + 4 + body
        bad |= is_clear & ((room < head + 4) | ~clear.take(message) | (message_end > end))
        bad |= whole & (kind == CHANGE_CIPHER_SPEC) & (size != 1)
        bad |= whole & (kind == HANDSHAKE) & ~is_clear & (size == 0)
        irregular[active.compress(bad)] = True
        good = np.flatnonzero(whole & ~bad)
        if not len(good):
            active = good  # all that is left is not whole yet
            break
        active, at, segment, end = active.take(good), at.take(good), segment.take(good), end.take(good)
        kind, is_clear, message_end = kind.take(good), is_clear.take(good), message_end.take(good)
        head, position, version, stop = head.take(good), position.take(good), version.take(good), stop.take(good)
        unit_end = np.where(is_clear, message_end, end)
        here = _segment_of(segments, unit_end, segment)
        last = _segment_of(segments, end, here)
        steps.append(
            (
                active,
                kind,
                np.where(is_clear, message.take(good), -1).astype(np.int16),
                np.where(is_clear, body.take(good), size.take(good)),
                segment,
                last,
                at - (active << _STREAM_BITS),
                position + head + 4,
                version,
            )
        )
        ciphered[active.compress(kind == CHANGE_CIPHER_SPEC)] = True
        more = np.flatnonzero(unit_end < stop)
        active, at, record_end, record_version = (
            active.take(more),
            unit_end.take(more),
            end.take(more),
            version.take(more),
        )
        segment = here.take(more)
        segment += at >= segments.end.take(segment)
    irregular[active] = True  # more than is read here
    return Units(steps), irregular


def _byte(rows: NDArray[np.void], at: int) -> U8:
    return np.ndarray((len(rows),), np.uint8, rows, at, (_HEADER,))


def _short(rows: NDArray[np.void], at: int) -> NDArray[np.uint16]:
    return np.ndarray((len(rows),), ">u2", rows, at, (_HEADER,))


def _word(rows: NDArray[np.void], at: int) -> NDArray[np.uint32]:
    return np.ndarray((len(rows),), ">u4", rows, at, (_HEADER,))


def _segment_of(segments: Segments, end: I64, known: I64) -> I64:
    """The segments in which stretches end; ``known``: where they begin."""
    found = known.copy()
    beyond = np.flatnonzero(end > segments.end.take(known))
    if len(beyond):
        found[beyond] = np.searchsorted(segments.place, end.take(beyond) - 1, side="right") - 1
    return found
