"""All flows of a chunk as the short way (:mod:`capanalyzer.handshake.ordinary`) sees them, by whole columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

import numpy as np

from capanalyzer.handshake.shapes import LENGTH_CLASS
from capanalyzer.streams.chunk import stable_order
from capanalyzer.streams.flow import FIN
from capanalyzer.streams.inorder import InOrder
from capanalyzer.streams.tail import alerts_at_end
from capanalyzer.tls.columns import Segments, read_units
from capanalyzer.tls.records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Message

__all__ = ["CODE_ALERT", "CODE_DATA", "CODE_DATA_13", "CODE_ENCRYPTED", "CODE_HANDSHAKE", "Batch"]

# Codes of messages (see shapes): what the message is, its side in the lowest bit. In this order: _connect compares.
CODE_CCS, CODE_ENCRYPTED, CODE_ALERT, CODE_DATA = 0x200, 0x202, 0x204, 0x206
CODE_DATA_13, CODE_HANDSHAKE = 0x400, 0x800

_FIRST: Final = 16
"""First bytes that a report shows."""
_CLEAR: Final = np.zeros(256, np.bool_)
"""Handshake messages that an ordinary handshake has in the clear: ClientHello, ServerHello, NewSessionTicket,
Certificate, ServerKeyExchange, ServerHelloDone, ClientKeyExchange, CertificateStatus."""
_CLEAR[[1, 2, 4, 11, 12, 14, 16, 22]] = True
_SERVER_KEY_EXCHANGE: Final = 12
_CLASSES: Final = np.frombuffer(LENGTH_CLASS, np.uint8).astype(np.int64)
_new = tuple.__new__
T = TypeVar("T")


class Batch(Generic[T]):
    """Columns and lists over the flows of one chunk; flows by their number in ``found``, messages by their place."""

    def __init__(self, found: InOrder) -> None:
        self.found = found
        self.unfinished: dict[int, T] = {}
        """Connections taken that are still open, by flow."""
        count = len(found.groups)
        first = found.ends - np.diff(found.ends, prepend=0)
        self._flow = np.repeat(np.arange(count), np.diff(found.ends, prepend=0))
        rows = np.flatnonzero(found.length)
        stream = 2 * self._flow.take(rows) + found.side.take(rows)
        order = stable_order(stream) if len(rows) else rows
        rows, stream = rows.take(order), stream.take(order)
        self._segments = segments = Segments(stream, found.payload_at.take(rows), found.length.take(rows), 2 * count)
        units, irregular = read_units(found.table.data, segments, _CLEAR)
        self._rows = rows
        """Row of each segment."""
        if len(units.stream):
            # In capture order: by flow, then by the row that completes them; what is equal stays in stream order.
            units.take(stable_order(rows.take(units.last)))
            units.take(stable_order(units.stream >> 1))
        self._units = units
        self.first_row: list[int] = first.tolist()
        end_row = rows.take(units.last)
        self.end_row: list[int] = end_row.tolist()
        """By message: the row that completed it; ``end_ns``: when."""
        self.end_ns: list[int] = found.time_ns.take(end_row).tolist()
        self.codes: list[int] = self._codes().tolist()
        plain = ~(irregular[::2] | irregular[1::2])
        # The client's ACK of the SYN/ACK comes right behind it; both sides' first segments have what reports show.
        plain &= found.side.take(first + 2) == 0
        plain &= (self._first_lengths() >= _FIRST).reshape(-1, 2).all(axis=1)
        begin = np.searchsorted(units.stream >> 1, np.arange(count + 1))
        self.bounds: list[tuple[int, int]] = list(
            zip(np.where(plain, begin[:-1], -1).tolist(), begin[1:].tolist(), strict=True)
        )
        """By flow: its messages; (-1, ...) where it is not ordinary."""
        ack_ns = found.time_ns.take(first + 2).tolist()
        self.connect_ns: list[tuple[int | None, int | None]] = list(
            zip(found.time_ns.take(first).tolist(), ack_ns, strict=True)
        )
        """By flow: time of its SYN, and of the ACK that completed the connect."""
        self._cut_out(plain)

    def message(self, at: int, known: Message | None = None) -> Message:
        """A message without its body; ``known``: itself, if it was cut out already."""
        if known is not None:
            return known
        units, found, rows = self._units, self.found, self._rows
        last, first = int(rows[units.last[at]]), int(rows[units.first[at]])
        kind, message = int(units.kind[at]), int(units.message[at])
        encrypted = message < 0 and kind != CHANGE_CIPHER_SPEC
        return Message(
            int(found.time_ns[last]),
            int(found.frame[last]),
            int(found.frame[first]),
            int(units.stream[at]) & 1,
            kind,
            message,
            int(units.length[at]),
            encrypted,
            int(units.version[at]),
            int(units.offset[at]),
            b"",
        )

    def late(self, settled: Sequence[int]) -> list[tuple[int, int, int, int, int, int, bytes]]:
        """Segments that close, and those behind the row in which their flow was settled that end in an alert.

        :param settled: by flow, that row; -1 for flows that are of no interest.
        :returns: (flow, row, side, frame, time in ns, flags, alert record or b"").
        """
        found, data = self.found, self.found.table.data
        behind = np.array(settled, np.int64).take(self._flow) if len(self._flow) else self._flow
        later = np.arange(len(behind)) > behind
        rows = np.flatnonzero((behind >= 0) & (later | ((found.flags & FIN) > 0)))
        position, length = found.payload_at.take(rows), found.length.take(rows)
        alert = np.where(later.take(rows), alerts_at_end(data, position, length), -1)
        matter = (alert >= 0) | ((found.flags.take(rows) & FIN) > 0)
        rows, alert = rows.compress(matter), alert.compress(matter)
        end = (position + length).compress(matter)
        records = [
            b"" if start < 0 else data[start:stop].tobytes()
            for start, stop in zip(alert.tolist(), end.tolist(), strict=True)
        ]
        columns = (self._flow, None, found.side, found.frame, found.time_ns, found.flags)
        return list(
            zip(*((rows if column is None else column.take(rows)).tolist() for column in columns), records, strict=True)
        )

    def settle(self) -> None:
        """Let go of all that is not asked for later: the batch's bytes, and what the connections have taken."""
        self.found.settle()
        del self._segments, self._flow, self.shown, self.shown_from, self.codes, self.end_row, self.end_ns
        del self.opening, self.connect_ns, self.group, self.bounds

    def _codes(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        units = self._units
        kind, side = units.kind, units.stream & 1
        code = np.full(len(kind), CODE_ALERT, np.int64)
        code[kind == CHANGE_CIPHER_SPEC] = CODE_CCS
        code[kind == HANDSHAKE] = CODE_ENCRYPTED
        data = np.flatnonzero(kind == APPLICATION_DATA)
        code[data] = CODE_DATA_13 | _CLASSES.take(units.length.take(data), mode="clip") << 1
        clear = np.flatnonzero(units.message >= 0)
        code[clear] = CODE_HANDSHAKE | units.message.take(clear).astype(np.int64) << 1
        return code | side

    def _first_lengths(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """By stream: length of its first segment; 0 without one."""
        segments = self._segments
        if not len(segments.length):
            return np.zeros(len(segments.total), np.int64)
        lengths = segments.length.take(segments.first, mode="clip")
        return np.where(segments.total > 0, lengths, 0)

    def _cut_out(self, plain: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        """Copy out of the batch what is kept: first bytes, hellos, certificates."""
        found, units, segments, rows = self.found, self._units, self._segments, self._rows
        view = found.table.data.data
        self.opening: list[tuple[bytes | None, bytes | None]] = [(None, None)] * len(plain)
        """By flow: first bytes of both sides."""
        flows = np.flatnonzero(plain)
        starts = segments.position.take(segments.first, mode="clip") if len(segments.position) else segments.first
        for flow, client, server in zip(
            flows.tolist(), starts.take(2 * flows).tolist(), starts.take(2 * flows + 1).tolist(), strict=True
        ):
            self.opening[flow] = bytes(view[client : client + _FIRST]), bytes(view[server : server + _FIRST])
        self._read_groups(len(plain))
        at = np.flatnonzero((units.message == 1) | (units.message == 2) | (units.message == 11))
        self.shown_from: list[int] = np.searchsorted(units.stream.take(at) >> 1, np.arange(len(plain))).tolist()
        """By flow: its first entry in ``shown``."""
        last, first = units.last.take(at), units.first.take(at)
        last_row, first_row = rows.take(last), rows.take(first)
        columns = (
            found.time_ns.take(last_row),
            found.frame.take(last_row),
            found.frame.take(first_row),
            units.stream.take(at) & 1,
            units.message.take(at),
            units.length.take(at),
            units.version.take(at),
            units.offset.take(at),
            units.position.take(at),
            first,
            last,
        )
        self.shown: list[Message] = [
            _new(
                Message,
                (
                    time_ns,
                    frame,
                    first_frame,
                    side,
                    HANDSHAKE,
                    message,
                    length,
                    False,
                    version,
                    offset,
                    bytes(view[position : position + length])
                    if begin == end
                    else self._joined(view, position, length, begin),
                ),
            )
            for time_ns, frame, first_frame, side, message, length, version, offset, position, begin, end in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ]
        """Hellos and certificates, by flow and in order."""

    def _read_groups(self, flows: int) -> None:
        """The named group of each ServerKeyExchange, RFC 8422 section 5.4: curve_type 3, then the group."""
        units, segments, data = self._units, self._segments, self.found.table.data
        at = np.flatnonzero(units.message == _SERVER_KEY_EXCHANGE)
        first, position = units.first.take(at), units.position.take(at)
        ends = segments.position.take(first) + segments.length.take(first)
        inside = (position + 3 <= ends) & (units.length.take(at) > 3)
        at, position = at.compress(inside), position.compress(inside)
        start = data[position[:, None] + np.arange(3)]
        value = np.where(start[:, 0] == 3, start[:, 1].astype(np.int64) << 8 | start[:, 2], 0)
        groups = np.zeros(flows, np.int64)
        groups[units.stream.take(at) >> 1] = value
        self.group: list[int] = groups.tolist()
        """By flow: named group of the ServerKeyExchange, 0 where there is none or it is not in one piece."""

    def _joined(self, view: memoryview, position: int, length: int, at: int) -> bytes:
        """``length`` bytes from ``position`` in segment ``at`` on, over the segments of its stream."""
        segments = self._segments
        pieces = []
        begin = position
        while length:
            start = int(segments.position[at])
            stop = min(start + int(segments.length[at]), begin + length)
            pieces.append(bytes(view[begin:stop]))
            length -= stop - begin
            at += 1
            begin = int(segments.position[at]) if length else 0
        return b"".join(pieces)
