"""Ordinary handshakes that were settled in one chunk, as columns (see :mod:`capanalyzer.handshake.ordinary`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.connection import MAX_LATE_ALERTS
from capanalyzer.handshake.shapes import Shape
from capanalyzer.handshake.side import Side
from capanalyzer.handshake.tls_facts import Alert
from capanalyzer.streams.flow import Row
from capanalyzer.streams.inorder import FlowSegments
from capanalyzer.streams.runs import Runs
from capanalyzer.tls.records import CHANGE_CIPHER_SPEC, Message
from capanalyzer.tls.shapes import ClientHelloShape, ServerHelloShape

if TYPE_CHECKING:
    from capanalyzer.tls.certificates import Chain

__all__ = ["Batch"]

I64 = NDArray[np.int64]

_SIDES = (Side.CLIENT, Side.SERVER)
_new = tuple.__new__


class Batch:
    """Ordinary handshakes that were settled in one chunk: by flow, counted from 0, what is asked of all of them.

    Columns have shape (n,); lists are as long. Side 0 is the client, who sent the SYN.
    """

    cell: I64
    nodes: list[Shape]
    node: I64
    """Which of ``nodes`` the messages make."""
    silent: NDArray[np.bool_]
    """TLS 1.3: alerts look like data."""
    hello_frame: I64
    hello_ns: I64
    answer_frame: I64
    answer_ns: I64
    """Of the ServerHello."""
    done_ns: I64
    """When the handshake was done."""
    since_ns: I64
    """When the machine came into its last state."""
    syn_ns: I64
    ack_ns: I64
    """When the client completed the connect."""
    settled_frame: I64
    """The frame with which the handshake was settled."""
    group: I64
    """Named group of the ServerKeyExchange; 0 without one, or where it is not in one piece."""
    opening: NDArray[np.uint8]
    """First 16 bytes of the client and of the server, shape (n, 32)."""
    close: NDArray[np.uint8]
    """What closed it first: 0 nothing yet; 1, 2 FIN, 3, 4 RST, each of client and server."""
    hello_body: list[bytes]
    hello_shape: list[ClientHelloShape]
    answer_body: list[bytes]
    answer_shape: list[ServerHelloShape]
    certificate: list[tuple[bytes, Chain] | None]
    """The server's Certificate message and what it says; None without one."""
    alerts: dict[int, list[Alert]]
    """By flow, those after the handshake."""
    alert_places: set[tuple[int, int, int]]
    """(flow, side, sequence number) of those."""
    late: dict[int, list[Row]]
    """By flow, the segments of later chunks that close."""
    segments: FlowSegments
    """Of this chunk."""
    messages: Runs
    """Up to the settled handshake: time, frame, first frame, stream, record type, handshake type, length, record
    version and stream offset; of the stream the lowest bit is the side."""

    _COLUMNS = (
        "cell",
        "node",
        "silent",
        "hello_frame",
        "hello_ns",
        "answer_frame",
        "answer_ns",
        "done_ns",
        "since_ns",
        "syn_ns",
        "ack_ns",
        "settled_frame",
        "group",
        "opening",
        "close",
    )
    _LISTS = ("hello_body", "hello_shape", "answer_body", "answer_shape", "certificate")
    _BY_FLOW = ("alerts", "late")

    def __len__(self) -> int:
        return len(self.cell)

    def some(self, flows: I64) -> Batch:
        """These flows alone."""
        result = Batch()
        result.nodes = self.nodes
        for name in self._COLUMNS:
            setattr(result, name, getattr(self, name).take(flows, axis=0))
        places = flows.tolist()
        for name in self._LISTS:
            every = getattr(self, name)
            setattr(result, name, [every[place] for place in places])
        for name in self._BY_FLOW:
            known = getattr(self, name)
            setattr(result, name, {new: known[old] for new, old in enumerate(places) if old in known})
        new_of = dict(zip(places, range(len(places)), strict=True))
        result.alert_places = {(new_of[flow], side, seq) for flow, side, seq in self.alert_places if flow in new_of}
        result.segments, result.messages = self.segments.some(flows), self.messages.some(flows)
        return result

    def add_alerts(
        self,
        flows: Sequence[int],
        times_ns: Sequence[int],
        frames: Sequence[int],
        sides: Sequence[int],
        seqs: Sequence[int],
        records: Sequence[bytes | memoryview],
    ) -> None:
        """Alert records that end segments behind the handshake, in capture order; of each side only so many are kept.

        :param seqs: sequence numbers of their first bytes: what is sent again is one alert.
        """
        every, seen = self.alerts, self.alert_places
        for flow, time_ns, frame, side, seq, record in zip(flows, times_ns, frames, sides, seqs, records, strict=True):
            place = (flow, side, seq)
            known = every.get(flow)
            if known is None:
                known = every[flow] = []
            elif place in seen or (
                len(known) >= MAX_LATE_ALERTS and sum(alert.side == side for alert in known) >= MAX_LATE_ALERTS
            ):
                continue
            seen.add(place)
            length = len(record) - 5
            clear = length == 2 and 1 <= record[5] <= 2
            level, code = (record[5], record[6]) if clear else (None, None)
            known.append(_new(Alert, (time_ns, frame, _SIDES[side], level, code, not clear, length)))

    def messages_of(self, flow: int) -> list[Message]:
        """Its messages; of those other than hellos and the certificates only the headers are kept."""
        node, certificate = self.nodes[int(self.node[flow])], self.certificate[flow]
        bodies = {
            node.hello_at: self.hello_body[flow],
            node.server_hello_at: self.answer_body[flow],
            node.certificate_at: b"" if certificate is None else certificate[0],
        }
        return [_message(columns, bodies.get(place, b"")) for place, columns in enumerate(self.messages.rows(flow))]


def _message(columns: tuple[int, ...], body: bytes) -> Message:
    time_ns, frame, first_frame, stream, kind, message, length, version, offset = columns
    encrypted = message < 0 and kind != CHANGE_CIPHER_SPEC
    return Message(time_ns, frame, first_frame, stream & 1, kind, message, length, encrypted, version, offset, body)
