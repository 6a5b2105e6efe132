"""The bytes that each end of a connection sent, put in order, changed, and laid back into the packets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

__all__ = ["Segment", "Stream"]

MAX_STREAM: Final = 4 << 20
"""Bytes of a direction; evidence holds less."""


class Segment(NamedTuple):
    """A TCP segment of one direction."""

    seq: int
    is_syn: bool
    payload: bytes


class Stream:
    """One direction: :meth:`add` its segments, :meth:`change` it, take the new payloads."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._base: int | None = None
        self._data = self._changed = b""

    def add(self, segment: Segment) -> int:
        """A segment, in capture order; returns its number."""
        self._segments.append(segment)
        if segment.is_syn and self._base is None:
            self._base = segment.seq + 1
        return len(self._segments) - 1

    def _place(self, segment: Segment) -> int:
        """Offset of its payload in the stream, below zero before its beginning."""
        assert self._base is not None
        offset = segment.seq + segment.is_syn - self._base & 0xFFFFFFFF
        return offset - (1 << 32) if offset >= 1 << 31 else offset

    def change(self, how: Callable[[bytes, Sequence[int]], bytes]) -> None:
        """Put the segments in order, holes as zeros, and pass them through ``how``.

        Of bytes that came twice the first ones count, as for the analysis.

        :param how: is given the bytes and the ascending offsets at which segments begin; gives as many bytes.
        """
        with_data = [one for one in self._segments if one.payload]
        if not with_data:
            return
        if self._base is None:
            # No SYN: the lowest sequence number, seen from that of the first.
            first = with_data[0].seq
            self._base = min((one.seq - first + (1 << 31) & 0xFFFFFFFF) - (1 << 31) for one in with_data) + first
        data = bytearray()
        filled = bytearray()
        starts = set()
        for one in with_data:
            at = self._place(one)
            end = at + len(one.payload)
            if at < 0 or end > MAX_STREAM:
                continue
            starts.add(at)
            if end > len(data):
                data += bytes(end - len(data))
                filled += bytes(end - len(filled))
            if not any(filled[at:end]):
                data[at:end] = one.payload
            else:
                for place, value in enumerate(one.payload, at):
                    if not filled[place]:
                        data[place] = value
            filled[at:end] = b"\x01" * (end - at)
        self._data = bytes(data)
        self._changed = how(self._data, sorted(starts))

    def payload(self, number: int) -> bytes:
        """What stands for a segment's payload: of the same length, zeros where it is not known."""
        segment = self._segments[number]
        size = len(segment.payload)
        if not size or self._base is None:
            return bytes(size)
        at = self._place(segment)
        return self._changed[at : at + size].ljust(size, b"\0") if at >= 0 else bytes(size)

    def changes(self, number: int) -> bytes:
        """A segment's own payload, with only those bytes replaced that :meth:`change` changed."""
        own = self._segments[number].payload
        if not own or self._base is None or self._data == self._changed:
            return own
        at = self._place(self._segments[number])
        if at < 0:
            return own
        old, new = self._data[at : at + len(own)], self._changed[at : at + len(own)]
        made = bytes(mine if a == b else b for mine, a, b in zip(own, old, new, strict=False))
        return made + own[len(made) :]
