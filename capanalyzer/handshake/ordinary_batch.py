"""Ordinary handshakes that were settled in one chunk, as columns (see :mod:`capanalyzer.handshake.ordinary`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.late_alerts import LateAlerts
from capanalyzer.handshake.shapes import Shape
from capanalyzer.streams.flow import Row
from capanalyzer.streams.inorder import FlowSegments
from capanalyzer.streams.runs import Runs
from capanalyzer.tls.records import CHANGE_CIPHER_SPEC, Message

__all__ = ["Batch"]

I64 = NDArray[np.int64]
Objects = NDArray[np.object_]


class Batch:
    """Ordinary handshakes that were settled in one chunk: by flow, counted from 0, what is asked of all of them.

    Columns have shape (n,). Side 0 is the client, who sent the SYN.
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
    hello_body: Objects
    hello_shape: Objects
    answer_body: Objects
    answer_shape: Objects
    name: Objects
    """The server name as sent; None without one."""
    certificate: Objects
    """Body of the server's Certificate message; None without one."""
    chain: Objects
    """The certificates in it; () without one."""
    alerts: LateAlerts
    """Those after the handshake."""
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
        "hello_body",
        "hello_shape",
        "answer_body",
        "answer_shape",
        "name",
        "certificate",
        "chain",
    )

    def __len__(self) -> int:
        return len(self.cell)

    def some(self, flows: I64) -> Batch:
        """These flows alone."""
        result = Batch()
        result.nodes = self.nodes
        for name in self._COLUMNS:
            setattr(result, name, getattr(self, name).take(flows, axis=0))
        if self.late:
            result.late = {new: self.late[old] for new, old in enumerate(flows.tolist()) if old in self.late}
        else:
            result.late = {}
        result.alerts = self.alerts.some(flows)
        result.segments, result.messages = self.segments.some(flows), self.messages.some(flows)
        return result

    def messages_of(self, flow: int) -> list[Message]:
        """Its messages; of those other than hellos and the certificates only the headers are kept."""
        node = self.nodes[int(self.node[flow])]
        bodies = {
            node.hello_at: self.hello_body[flow],
            node.server_hello_at: self.answer_body[flow],
            node.certificate_at: self.certificate[flow] or b"",
        }
        return [_message(columns, bodies.get(place, b"")) for place, columns in enumerate(self.messages.rows(flow))]


def _message(columns: tuple[int, ...], body: bytes) -> Message:
    time_ns, frame, first_frame, stream, kind, message, length, version, offset = columns
    encrypted = message < 0 and kind != CHANGE_CIPHER_SPEC
    return Message(time_ns, frame, first_frame, stream & 1, kind, message, length, encrypted, version, offset, body)
