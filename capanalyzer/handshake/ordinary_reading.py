"""From the segments of a chunk to its ordinary handshakes, by whole columns (see capanalyzer.handshake.ordinary).

Three kinds of rows: *segments* (rows of :class:`~capanalyzer.streams.inorder.InOrder`), *messages* (rows of
:class:`~capanalyzer.tls.columns.Units`, by flow and in capture order), and *flows*: first all that are offered, in the
end the ordinary ones.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.late_alerts import LateAlerts, read_alerts
from capanalyzer.handshake.machine import read_choice
from capanalyzer.handshake.ordinary_batch import Batch, Objects
from capanalyzer.handshake.shapes import (
    CODE_ALERT,
    CODE_CCS,
    CODE_DATA_13,
    CODE_ENCRYPTED,
    CODE_HANDSHAKE,
    CODE_ODD,
    LENGTH_CLASS,
    Shapes,
)
from capanalyzer.packets.rows import pieces_at
from capanalyzer.streams.chunk import distinct, stable_order
from capanalyzer.streams.flow import FIN, RST
from capanalyzer.streams.inorder import InOrder
from capanalyzer.streams.runs import Runs
from capanalyzer.streams.tail import alerts_at_end
from capanalyzer.tls.alike import Hellos, client_hellos, server_hellos
from capanalyzer.tls.columns import Segments, read_units
from capanalyzer.tls.records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Message
from capanalyzer.tls.shapes import ClientHelloShape, ServerHelloShape

__all__ = ["Reading"]

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

_FIRST: Final = 16
"""First bytes that a report shows."""
_CLEAR: Final = np.zeros(256, np.bool_)
"""Handshake messages that an ordinary handshake has in the clear: ClientHello, ServerHello, NewSessionTicket,
Certificate, ServerKeyExchange, ServerHelloDone, ClientKeyExchange, CertificateStatus."""
_CLEAR[[1, 2, 4, 11, 12, 14, 16, 22]] = True
_CLIENT_HELLO, _SERVER_HELLO, _SERVER_KEY_EXCHANGE = 1, 2, 12
_CLASSES: Final = np.frombuffer(LENGTH_CLASS, np.uint8).astype(np.int64)


class Reading:
    """Reads the flows of one chunk when it is made: ``taken`` says which are ordinary, ``batch`` is what is kept."""

    def __init__(self, found: InOrder, cells: I64, shapes: Shapes) -> None:
        """:param cells: of the flows, by which they are known later."""
        self._found, self._shapes = found, shapes
        sizes = np.diff(found.ends, prepend=0)
        self._first_row = found.ends - sizes
        self._flow = np.repeat(np.arange(len(cells)), sizes)
        """By segment."""
        self._read_messages(len(cells))
        flows = np.flatnonzero(self._plain)
        stream = self._units.stream
        begin, end = np.searchsorted(stream, 2 * flows), np.searchsorted(stream, 2 * flows + 2)
        node, stop, reached = shapes.follow(
            self._codes(), np.diff(self._end_row, prepend=-1) != 0, begin, end, self._message
        )
        ordinary = np.zeros(len(shapes.nodes), np.bool_)
        kinds = distinct(node)
        for kind in kinds.compress(kinds >= 0).tolist():
            ordinary[kind] = shapes.nodes[kind].is_ordinary
        self.unfinished = np.zeros(len(cells), np.bool_)
        """Flows that may become ordinary with more of their messages."""
        self.unfinished[flows] = (node < 0) & (stop == end)
        self.lacks = np.zeros(len(cells), np.uint8)
        """Of those whose handshake is done: the sides without data, 1 the client, 2 the server."""
        self.lacks[flows] = np.where(self.unfinished.take(flows), shapes.lacks(reached), 0)
        chosen = np.flatnonzero((node >= 0) & ordinary.take(node))
        self._flows, self._node = flows.take(chosen), node.take(chosen)
        self._begin, self._stop = begin.take(chosen), stop.take(chosen)
        self.batch = self._keep(cells)
        self.taken = np.zeros(len(cells), np.bool_)
        self.taken[self._flows] = True

    # --- messages ----------------------------------------------------------------------------------------------------

    def _read_messages(self, count: int) -> None:
        """All messages of the flows that may be ordinary."""
        found = self._found
        rows = np.flatnonzero((found.length > 0) & found.sound & ~found.again)
        stream = 2 * self._flow.take(rows) + found.side.take(rows)
        order = stable_order(stream) if len(rows) else rows
        rows, stream = rows.take(order), stream.take(order)
        self._segments = Segments(stream, found.payload_at.take(rows), found.length.take(rows), 2 * count)
        units, irregular = read_units(found.table.data, self._segments, _CLEAR)
        plain = ~(irregular[::2] | irregular[1::2])
        # The client's ACK of the SYN/ACK comes right behind it; both sides' first segments have what reports show.
        plain &= found.side.take(self._first_row + 2) == 0
        plain &= (self._first_lengths() >= _FIRST).reshape(-1, 2).all(axis=1)
        self._plain = plain
        self._row = rows
        """Row of each segment with payload."""
        if len(units.stream):
            # In capture order: by flow, then by the row that completes them; what is equal stays in stream order.
            order = np.flatnonzero(plain.take(units.stream >> 1))
            if len(order):
                order = order.take(stable_order(rows.take(units.last.take(order))))
                order = order.take(stable_order(units.stream.take(order) >> 1))
            units.take(order)
        self._units = units
        self._end_row = rows.take(units.last)
        """By message: the row that completed it."""

    def _first_lengths(self) -> I64:
        """By stream: length of its first segment; 0 without one."""
        segments = self._segments
        if not len(segments.length):
            return np.zeros(len(segments.total), np.int64)
        lengths = segments.length.take(segments.first, mode="clip")
        return np.where(segments.total > 0, lengths, 0)

    def _message(self, at: int) -> Message:
        """A message; with its body where it is a ServerHello."""
        units, found = self._units, self._found
        last, first = int(self._end_row[at]), int(self._row[units.first[at]])
        kind, message, length = int(units.kind[at]), int(units.message[at]), int(units.length[at])
        return Message(
            int(found.time_ns[last]),
            int(found.frame[last]),
            int(found.frame[first]),
            int(units.stream[at]) & 1,
            kind,
            message,
            length,
            message < 0 and kind != CHANGE_CIPHER_SPEC,
            int(units.version[at]),
            int(units.offset[at]),
            self._body(at) if message == _SERVER_HELLO else b"",
        )

    def _body(self, at: int) -> bytes:
        """A message's body, over the segments of its stream."""
        segments, units, view = self._segments, self._units, self._found.table.data.data
        length, begin, segment = int(units.length[at]), int(units.position[at]), int(units.first[at])
        pieces = []
        while length:
            start = int(segments.position[segment])
            stop = min(start + int(segments.length[segment]), begin + length)
            pieces.append(view[begin:stop])
            length -= stop - begin
            segment += 1
            begin = int(segments.position[segment]) if length else 0
        return b"".join(pieces)

    def _bodies(self, at: I64) -> dict[int, bytes]:
        """Bodies of those of these messages that do not stand in one segment, by their number in ``at``."""
        units = self._units
        joined = np.flatnonzero(units.first.take(at) != units.last.take(at))
        return {
            number: self._body(place) for number, place in zip(joined.tolist(), at.take(joined).tolist(), strict=True)
        }

    # --- codes -------------------------------------------------------------------------------------------------------

    def _codes(self) -> I64:
        """See :mod:`capanalyzer.handshake.shapes`."""
        units = self._units
        kind, side = units.kind, units.stream & 1
        code = np.full(len(kind), CODE_ALERT, np.int64)
        code[kind == CHANGE_CIPHER_SPEC] = CODE_CCS
        code[kind == HANDSHAKE] = CODE_ENCRYPTED
        data = np.flatnonzero(kind == APPLICATION_DATA)
        code[data] = CODE_DATA_13 | _CLASSES.take(units.length.take(data), mode="clip") << 1
        clear = np.flatnonzero(units.message >= 0)
        code[clear] = CODE_HANDSHAKE | units.message.take(clear).astype(np.int64) << 1
        code |= side
        hellos = np.flatnonzero(units.message == _CLIENT_HELLO)
        code[hellos.compress(~self._begins_stream(hellos))] = CODE_ODD
        answers = np.flatnonzero(units.message == _SERVER_HELLO)
        code[answers.compress(~self._begins_stream(answers))] = CODE_ODD
        answers = answers.compress((code.take(answers) != CODE_ODD) & (side.take(answers) == 1))
        code[answers] = self._choices(answers)
        return code

    def _begins_stream(self, at: I64) -> Bools:
        """These hellos are the first of all and of a version that begins with 3."""
        units = self._units
        first: Bools = units.offset.take(at) == 0
        first &= self._found.table.data.take(units.position.take(at), mode="clip") == 3
        first &= units.length.take(at) > 0
        for number, body in self._bodies(at).items():
            first[number] = units.offset[at[number]] == 0 and body[:1] == b"\3"
        return first

    def _choices(self, at: I64) -> list[int]:
        """Codes of these ServerHellos."""
        units = self._units
        answers = server_hellos(
            self._found.table.data, units.position.take(at), units.length.take(at), self._bodies(at)
        )
        codes: dict[ServerHelloShape | None, int] = {None: CODE_ODD}
        self._answers, self._answer_of = answers, np.zeros(len(units.stream), np.int64)
        """ServerHellos; by message, its number among them."""
        self._answer_of[at] = np.arange(len(at))
        shapes: list[ServerHelloShape | None] = answers.shapes.tolist()
        for shape, body in zip(shapes, answers.bodies.tolist(), strict=True):
            if shape not in codes:
                version, suite, is_retry = read_choice(body)
                codes[shape] = CODE_ODD if is_retry else self._shapes.code_of_choice(version, suite)
        return [codes[shape] for shape in shapes]

    # --- what is kept ------------------------------------------------------------------------------------------------

    def _keep(self, cells: I64) -> Batch:
        """What is asked of the ordinary flows; leaves out those whose ClientHello cannot be read."""
        found, units, shapes = self._found, self._units, self._shapes
        kinds, kind = np.unique(self._node, return_inverse=True)
        nodes = [shapes.nodes[number] for number in kinds.tolist()]
        hello = self._begin + np.array([node.hello_at for node in nodes], np.int64).take(kind)
        hellos = client_hellos(
            found.table.data, units.position.take(hello), units.length.take(hello), self._bodies(hello)
        )
        read = hellos.shapes.astype(np.bool_)
        if not read.all():
            hellos = hellos.some(read)
            hello, kind = hello.compress(read), kind.compress(read)
            for name in ("_flows", "_node", "_begin", "_stop"):
                setattr(self, name, getattr(self, name).compress(read))
        answer = self._begin + np.array([node.server_hello_at for node in nodes], np.int64).take(kind)
        done = self._begin + np.array([node.handshake.done_ns for node in nodes], np.int64).take(kind)
        since = self._begin + np.array([node.handshake.since_ns for node in nodes], np.int64).take(kind)
        batch = Batch()
        batch.cell, batch.nodes, batch.node = cells.take(self._flows), shapes.nodes, self._node
        batch.silent = np.array([node.handshake.is_13 for node in nodes], np.bool_).take(kind)
        completed = self._end_row.take(hello)
        batch.hello_frame, batch.hello_ns = found.frame.take(completed), found.time_ns.take(completed)
        completed = self._end_row.take(answer)
        batch.answer_frame, batch.answer_ns = found.frame.take(completed), found.time_ns.take(completed)
        batch.done_ns = found.time_ns.take(self._end_row.take(done))
        batch.since_ns = found.time_ns.take(self._end_row.take(since))
        first_row = self._first_row.take(self._flows)
        batch.syn_ns, batch.ack_ns = found.time_ns.take(first_row), found.time_ns.take(first_row + 2)
        settled_row = self._end_row.take(self._stop - 1)
        batch.settled_frame = found.frame.take(settled_row)
        batch.opening = self._openings()
        batch.group = self._groups(len(cells)).take(self._flows)
        batch.hello_body, batch.hello_shape, batch.name = hellos.bodies, hellos.shapes, _names(hellos)
        number = self._answer_of.take(answer)
        batch.answer_body, batch.answer_shape = self._answers.bodies.take(number), self._answers.shapes.take(number)
        batch.certificate, batch.chain = self._certificates([node.certificate_at for node in nodes], kind)
        batch.close = self._closes(len(cells)).take(self._flows)
        batch.alerts, batch.late = LateAlerts(len(batch)), {}
        batch.segments = found.settle(self._flows)
        batch.messages = self._kept_messages()
        self._add_alerts(batch, settled_row)
        return batch

    def _openings(self) -> NDArray[np.uint8]:
        segments, data = self._segments, self._found.table.data
        streams = (2 * self._flows[:, None] + np.arange(2)).ravel()
        starts = segments.position.take(segments.first.take(streams))
        return pieces_at(data, starts, _FIRST).reshape(-1, 2 * _FIRST)

    def _groups(self, count: int) -> I64:
        """The named group of each flow's ServerKeyExchange, RFC 8422 section 5.4: curve_type 3, then the group."""
        units, segments, data = self._units, self._segments, self._found.table.data
        at = np.flatnonzero(units.message == _SERVER_KEY_EXCHANGE)
        first, position = units.first.take(at), units.position.take(at)
        ends = segments.position.take(first) + segments.length.take(first)
        inside = (position + 3 <= ends) & (units.length.take(at) > 3)
        at, position = at.compress(inside), position.compress(inside)
        start = pieces_at(data, position, 3)
        value = np.where(start[:, 0] == 3, start[:, 1].astype(np.int64) << 8 | start[:, 2], 0)
        groups = np.zeros(count, np.int64)
        groups[units.stream.take(at) >> 1] = value
        return groups

    def _certificates(self, places: list[int], kind: I64) -> tuple[Objects, Objects]:
        """By flow, the body of its Certificate message, and the certificates in it."""
        units, segments, view = self._units, self._segments, self._found.table.data.data
        place = np.array(places, np.int64).take(kind)
        bodies, chains = np.full(len(kind), None), np.full(len(kind), None)
        chains.fill(())
        flows = np.flatnonzero(place >= 0)
        if not len(flows):
            return bodies, chains
        from capanalyzer.tls.certificates import read_shared_chain  # a capture without TLS 1.2 does not need it

        messages = (self._begin + place).take(flows)
        first, begin = units.first.take(messages), units.position.take(messages)
        end = begin + units.length.take(messages)
        cut = np.minimum(end, segments.position.take(first) + segments.length.take(first))
        # Nearly all stand in one segment or in two that follow each other.
        second = segments.position.take(first + 1, mode="clip")
        is_long = units.last.take(messages) - first > 1
        columns = (flows, messages, is_long, begin, cut, second, second + (end - cut))
        for flow, at, many, start, stop, go_on, last in zip(*(column.tolist() for column in columns), strict=True):
            body = self._body(at) if many else b"".join((view[start:stop], view[go_on:last]))
            bodies[flow], chain = read_shared_chain(body)
            chains[flow] = chain.certificates
        return bodies, chains

    def _closes(self, count: int) -> NDArray[np.uint8]:
        """By flow, what closes it first (see Batch.close)."""
        found = self._found
        closing = np.flatnonzero(found.flags & (FIN | RST))[::-1]
        result = np.zeros(count, np.uint8)
        resets = (found.flags.take(closing) & RST) > 0
        result[self._flow.take(closing)] = 1 + found.side.take(closing) + 2 * resets
        return result

    def _kept_messages(self) -> Runs:
        units, found, last = self._units, self._found, self._end_row
        columns = (
            found.time_ns.take(last),
            found.frame.take(last),
            found.frame.take(self._row.take(units.first)),
            units.stream,
            units.kind,
            units.message,
            units.length,
            units.version,
            units.offset,
        )
        return Runs(columns, self._begin, self._stop - self._begin)

    def _add_alerts(self, batch: Batch, settled_row: I64) -> None:
        """Segments behind the settled handshake that end in an alert."""
        found, data = self._found, self._found.table.data
        number = np.full(len(self._first_row), -1)
        spoken = np.flatnonzero(~batch.silent)
        number[self._flows.take(spoken)] = spoken
        behind = np.full(len(self._first_row), len(self._flow))
        behind[self._flows] = settled_row
        flow = self._flow
        rows = np.flatnonzero(
            (number.take(flow) >= 0)
            & (np.arange(len(flow)) > behind.take(flow))
            & (found.captured > 0)
            & ((found.flags & RST) == 0)
        )
        position, length = found.payload_at.take(rows), found.captured.take(rows)
        start = alerts_at_end(data, position, length)
        hit = np.flatnonzero(start >= 0)
        rows, start, end = rows.take(hit), start.take(hit), (position + length).take(hit)
        seq = found.seq.take(rows) + (start - position.take(hit)).astype(np.uint32)
        length, clear = read_alerts(data, start, end)
        batch.alerts.add(
            number.take(flow.take(rows)),
            found.side.take(rows),
            found.time_ns.take(rows),
            found.frame.take(rows),
            seq,
            length,
            clear,
        )


def _names(hellos: Hellos[ClientHelloShape]) -> Objects:
    """The server name in each, None without one."""
    shapes: list[ClientHelloShape] = hellos.shapes.tolist()
    names = [
        None if (span := shape.sni_span) is None else body[span[0] : span[1]]
        for shape, body in zip(shapes, hellos.bodies.tolist(), strict=True)
    ]
    return np.fromiter(names, np.object_, len(names))
