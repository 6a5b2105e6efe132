"""One TCP connection on its way to becoming a :class:`~capanalyzer.handshake.session.Session`.

The tracker feeds the rows that can matter, in capture order; :class:`Connection` puts each direction in order and
hands it to the other half of itself, :class:`~capanalyzer.handshake.conversation.Conversation`. Rows are kept (bounded)
until the session is made, because what only some verdicts need (retransmissions, acknowledgements, the timeline) is
worked out from them when it is asked for.

Written for speed where every packet comes by (``feed``): an in-order segment of a connection whose reader exists costs
one call of the reader. Everything unusual goes to methods of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from capanalyzer.handshake.build import build_session
from capanalyzer.handshake.conversation import MAX_LATE_ALERTS, MAX_WINDOW, TLS_PORTS, Conversation
from capanalyzer.handshake.direction import Direction
from capanalyzer.handshake.machine import walk
from capanalyzer.handshake.sent_order import MIXED_NS, in_sent_order
from capanalyzer.handshake.session import KnownBy, Session
from capanalyzer.streams.flow import Flow, Row
from capanalyzer.streams.reassembly import distance

__all__ = ["MAX_CLOSES", "MAX_LATE_ALERTS", "MAX_LOG", "MAX_WINDOW", "TLS_PORTS", "Connection"]

MAX_LOG: Final = 2_048
"""Rows kept for what is worked out later; the tracker hands over about half of that at most."""
MAX_ISNS: Final = 8
"""Initial sequence numbers remembered of one end."""
MAX_CLOSES: Final = 16
"""FIN and RST segments kept."""
MAX_RESTARTS: Final = 3
"""How often a connection is read again because something earlier than its beginning turned up."""
MAX_EARLIER: Final = 64 * 1024
"""How far before the first segment seen a later one may begin and still be taken for the true beginning."""
_FIN, _SYN, _RST, _PSH, _ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_SHORT: Final = range(2, 7)
"""Bytes by which an Ethernet frame without TCP payload and options is padded (IEEE 802.3 section 3.2.8), and less."""


class Connection(Conversation):
    """One live TCP flow. Sides are 0 and 1 as in rows.

    :param tls_ports: ports on which TLS is expected, for telling client from server where nothing else does.
    """

    __slots__ = ("_ack_row", "_await_ack", "_closes", "_restarts")

    def __init__(self, *, tls_ports: frozenset[int] = TLS_PORTS) -> None:
        super().__init__(tls_ports)
        self._restarts = 0
        self._reset()

    def _reset(self) -> None:
        super()._reset()
        self._closes: list[Row] = []
        self._ack_row: Row | None = None
        self._await_ack = False

    @property
    def wanted(self) -> tuple[int, int]:
        """Stream offset up to which payload of (side 0, side 1) is of interest."""
        first, second = self._directions
        return first.limit, second.limit

    # --- rows --------------------------------------------------------------------------------------------------------

    def feed(self, rows: Sequence[Row]) -> None:
        """Take rows of this flow in capture order. Each row once; how they are grouped makes no difference."""
        log = self._log
        directions = self._directions
        for row in rows:
            frame, time_ns, side, flags, seq, ack, _, length, payload, _, _, _ = row
            if length in _SHORT and _is_padding(flags, length, payload):
                row = (*row[:7], 0, b"", *row[9:])  # noqa: PLW2901 - what it should have been
                length, payload = 0, b""
            if flags & 7:  # SYN, RST, FIN
                if len(log) < MAX_LOG:
                    log.append(row)
                self._control(row)
                if self._log is not log:
                    log, directions = self._log, self._directions
                    continue
                if flags & _RST or not length:
                    if flags & (_FIN | _ACK) == _FIN | _ACK:
                        self._acknowledge(directions[1 - side], ack)
                    continue
                if flags & _SYN:
                    seq = seq + 1 & 0xFFFFFFFF
            elif self.settled:
                self._after_settled(row)
                continue
            else:
                if len(log) < MAX_LOG:
                    log.append(row)
                if self._await_ack and side == self._client:
                    self._await_ack = False
                    self._ack_row = row
            mine = directions[side]
            if flags & _ACK:
                other = directions[1 - side]
                if ack != other.acked_seq:
                    self._acknowledge(other, ack)
            if not length or mine.offset >= mine.limit:
                continue
            if self.settled:
                self._after_settled(row)
            elif seq == mine.next_seq and not mine.waiting and len(payload) == length:
                offset = mine.offset
                mine.offset = offset + length
                mine.next_seq = seq + length & 0xFFFFFFFF
                reader = mine.reader
                if reader is None:
                    mine.marks.append((offset, frame, time_ns))
                    mine.more.append(payload)
                    self._open(side, mine, payload)
                elif reader.feed(payload, frame, time_ns) or reader.record_end > mine.limit:
                    self._take(mine, reader)
            else:
                self._irregular(side, mine, row, seq)
                if self._log is not log:
                    log, directions = self._log, self._directions

    def _acknowledge(self, other: Direction, ack: int) -> None:
        """``other``'s bytes up to ``ack`` arrived."""
        if other.other_isns and not other.offset and (ack - 1 & 0xFFFFFFFF) in other.other_isns:
            # Its connection is the one that this SYN/ACK opened, not the first.
            other.isn, other.other_isns = ack - 1 & 0xFFFFFFFF, ()
            other.start(ack)
            other.first_acked_seq = other.acked_seq = ack
            return
        if other.acked_seq < 0:
            other.first_acked_seq = other.acked_seq = ack
        elif (ack - other.acked_seq & 0xFFFFFFFF) < 0x80000000:
            other.acked_seq = ack

    def _control(self, row: Row) -> None:
        """SYN, FIN or RST; payload apart."""
        side, flags, seq, ack, length = row[2], row[3], row[4], row[5], row[7]
        mine = self._directions[side]
        if flags & _SYN:
            if mine.syn_count and seq == mine.isn and 0 <= row[1] - mine.syn_last_ns <= MIXED_NS:
                mine.syn_copies += 1
            else:
                mine.syn_count += 1
            mine.syn_last_ns = row[1]
            if mine.syn is None:
                self._first_syn(row, mine)
            elif seq != mine.isn and not mine.offset and len(mine.other_isns) < MAX_ISNS:
                mine.other_isns += (seq,)
            if length and len(row[8]):
                mine.data_in_syn = True
        if flags & (_FIN | _RST):
            if len(self._closes) < MAX_CLOSES:
                self._closes.append(row)
            if flags & _FIN and mine.fin is None:
                mine.fin = row
                mine.fin_end = seq + length & 0xFFFFFFFF
            if self._await_ack and side == self._client and flags & (_ACK | _RST) == _ACK:
                self._await_ack = False
                self._ack_row = row
        if flags & _RST and flags & _ACK:
            other = self._directions[1 - side]
            if ack != other.acked_seq and other.next_seq >= 0 and abs(distance(ack, other.next_seq)) <= MAX_WINDOW:
                self._acknowledge(other, ack)  # further away it is a guess of a forged reset

    def _first_syn(self, row: Row, mine: Direction) -> None:
        side, flags, seq, ack = row[2], row[3], row[4], row[5]
        mine.syn = row
        mine.isn = seq
        first = seq + 1 & 0xFFFFFFFF
        if mine.next_seq < 0 or not mine.offset:
            mine.start(first)  # what is waiting has a place that was counted from elsewhere
            if mine.waiting and self._may_restart():
                self._restart()
                return
        elif mine.first_seq != first and self._may_restart():
            self._restart()  # data was captured before the SYN
            return
        if not flags & _ACK:
            if self._known_by is not KnownBy.SYN:
                self._decide(side, KnownBy.SYN)
            return
        if self._known_by is not KnownBy.SYN:
            self._decide(1 - side, KnownBy.SYN_ACK)
        other = self._directions[1 - side]
        if other.next_seq < 0:
            other.start(ack)
        self._await_ack = self._ack_row is None

    def _irregular(self, side: int, mine: Direction, row: Row, seq: int) -> None:
        """A segment that is not simply the next one: early, late, cut, or the first of all."""
        frame, time_ns, length, payload = row[0], row[1], row[7], row[8]
        if mine.next_seq < 0:
            if length == 1 and (payload == b"\0" or mine.acked_seq == seq + 1 & 0xFFFFFFFF):
                mine.start(seq + 1 & 0xFFFFFFFF)  # captured from the middle, and begins with a keep-alive
                if mine.acked_seq != mine.next_seq:
                    mine.probe = payload  # a zero byte, and nobody acknowledged what is before it: it may be data
                return
            mine.start(seq)
        ahead = distance(seq, mine.next_seq)
        if mine.offset + ahead >= mine.limit:
            return
        if len(payload) < length and ahead + len(payload) >= 0:
            mine.truncated = True
        if ahead < 0:
            if mine.isn is None and mine.offset + ahead < 0 and length > 1 and self._is_beginning(side, mine, seq):
                self._restart()
                return
            if length <= 1 and ahead == -1:
                return  # keep-alive, RFC 9293 section 3.8.4: its byte means nothing
            self._compare(side, mine, row, seq)
        pieces = mine.feed(seq, payload, frame, time_ns)
        if not pieces:
            return
        if len(pieces) > 1:
            mine.note_moved(pieces)
        reader = mine.reader
        for offset, data, _, came_ns in pieces:  # what they complete together was complete in this frame
            time_ns = max(time_ns, came_ns)  # whose time may be an earlier one: that of a file need not ascend
            if reader is None:
                mine.marks.append((offset, frame, time_ns))
                mine.more.append(data)
            else:
                reader.feed(data, frame, time_ns)
        if reader is None:
            self._open(side, mine, pieces[0][1])
        else:
            self._take(mine, reader)

    def _compare(self, side: int, mine: Direction, row: Row, seq: int) -> None:
        """Does a segment sent again say what was said before?"""
        payload = row[8]
        for old in self._log:
            if old is row or old[2] != side or not old[8] or old[3] & (_SYN | _RST):
                continue
            shift = distance(seq, old[4])
            if -len(payload) < shift < len(old[8]):
                start = max(shift, 0)
                end = min(shift + len(payload), len(old[8]))
                if old[8][start:end] != payload[start - shift : end - shift]:
                    mine.conflict = True
                    return

    # --- what came before the beginning ------------------------------------------------------------------------------

    def _is_beginning(self, side: int, mine: Direction, seq: int) -> bool:
        """Captured from the middle, and now a segment before the first one: is it joined to what is there?"""
        return self._may_restart() and self._base(side, mine) != mine.first_seq

    def _may_restart(self) -> bool:
        return self._restarts < MAX_RESTARTS and len(self._log) < MAX_LOG and not self.settled

    def _base(self, side: int, mine: Direction) -> int:
        """Lowest sequence number that is joined without a hole to the first segment seen."""
        base = mine.first_seq
        pieces = [
            (distance(row[4], base), row[7])
            for row in self._log
            if row[2] == side and row[7] > 1 and not row[3] & (_SYN | _RST)
        ]
        lowest = 0
        for start, length in sorted(pieces, reverse=True):
            if -MAX_EARLIER <= start < lowest <= start + length:
                lowest = start
        return base + lowest & 0xFFFFFFFF

    def _restart(self) -> None:
        """Something before the beginning turned up: read all rows again, from the right beginning."""
        old = self._directions
        bases = [
            direction.isn + 1 & 0xFFFFFFFF
            if direction.isn is not None
            else self._base(side, direction)
            if direction.next_seq >= 0
            else -1
            for side, direction in enumerate(old)
        ]
        syns = [direction.syn for direction in old]
        rows = self._log
        self._restarts += 1
        self._log = []
        self._reset()
        for direction, base, syn in zip(self._directions, bases, syns, strict=True):
            direction.next_seq = base
            if syn is not None:
                direction.isn = syn[4]
        self.feed(rows)

    # --- the session -------------------------------------------------------------------------------------------------

    def finish(self, flow: Flow) -> Session:
        """The facts as they are now. May be called again later, after more rows and with newer counters."""
        rows = in_sent_order(self._log) if len(self._log) < MAX_LOG and self._may_be_mixed_up else None
        if rows is None:
            return self._session(flow)
        if not self.settled:
            return self._finish_again(rows, flow)
        session = self._session(flow)
        session.quality.lost = True  # what came when it seemed to be over was not kept
        return session

    @property
    def _may_be_mixed_up(self) -> bool:
        """Of a handshake that was seen from its beginning to its end the order was right."""
        return not self.settled or self._handshake.done_ns is None or bool(self._handshake.unexpected)

    def _finish_again(self, rows: list[Row], flow: Flow) -> Session:
        """Read anew, in the order in which it was said."""
        again = Connection(tls_ports=self._tls_ports)
        again.feed(rows)
        session = again._session(flow)
        own_ns = {row[0]: row[1] for row in self._log}
        session.own_times = {row[0]: own_ns[row[0]] for row in rows if row[1] != own_ns[row[0]]}
        return session

    def _session(self, flow: Flow) -> Session:
        for side, direction in enumerate(self._directions):
            if direction.waiting and not self.settled:
                self._skip_holes(side, direction)
        self._conclude()
        if self._walked < len(self._messages):
            self._walk()
        known_by = self._known_by
        if known_by is None:
            known_by = self._guess(flow)
        self._given = True
        messages, handshake = self._messages, self._handshake
        if handshake.done_ns is None:
            unfinished = self._unfinished()
            if unfinished:
                messages = sorted(messages + unfinished, key=itemgetter(0, 1))
                handshake = walk(messages)
        return build_session(
            flow,
            client=self._client,
            known_by=known_by,
            directions=self._directions,
            rows=self._log,
            closes=self._closes,
            ack_row=self._ack_row,
            messages=messages,
            handshake=handshake,
            reading=self._reading,
            settled=self.settled,
        )


def _is_padding(flags: int, length: int, payload: bytes) -> bool:
    """Padding that a device on the way has counted as part of the IP packet: zeros on a segment that carries nothing.
    What is written and sent ends with PSH, short writes at once (RFC 9293 section 3.9.1.2).
    """
    return not flags & (_PSH | _RST) and len(payload) == length and not any(payload)
