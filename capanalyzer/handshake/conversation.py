"""What both directions of a connection say, once they are in order: where TLS begins, who is the client, the messages.

:class:`Conversation` is the half of a :class:`~capanalyzer.handshake.connection.Connection` that knows bytes; the
other half knows packets.

Reading stops at a hole. Where the other end acknowledged bytes beyond it the capture lost them, not the path; when the
session is made, reading goes on behind such a hole, at the next segment that begins with a record: that data went both
ways may be all that is left to prove a handshake.
"""

from __future__ import annotations

from copy import copy, deepcopy
from operator import itemgetter
from typing import Final

from capanalyzer.classify.first_bytes import classify
from capanalyzer.classify.reading import UpgradeReading
from capanalyzer.classify.upgrade import may_upgrade, read_upgrade
from capanalyzer.handshake.direction import WINDOW, Direction
from capanalyzer.handshake.machine import Handshake, walk
from capanalyzer.handshake.session import KnownBy
from capanalyzer.handshake.tds_reader import TdsReader
from capanalyzer.handshake.tls_facts import MAX_MESSAGES
from capanalyzer.streams.flow import Flow, Row
from capanalyzer.streams.reassembly import distance
from capanalyzer.streams.tail import alert_at_end
from capanalyzer.tls.records import ALERT, HANDSHAKE, SSLV2, Message, TlsReader

__all__ = ["MAX_LATE_ALERTS", "MAX_WINDOW", "TLS_PORTS", "Conversation"]

MAX_WINDOW: Final = 256 * 1024
"""The same while a handshake message announces more."""
MAX_WALKED: Final = 1024 * 1024
"""And while it is a message too long to be kept, which is passed over in order to reach what follows it."""
MAX_LATE_ALERTS: Final = 4
"""Alerts of each side read after the handshake: a warning or two, then the close."""
_ENOUGH: Final = 1_024
"""First bytes by which a protocol is told."""
_FIRST: Final = 16
"""First bytes that a report shows."""
TLS_PORTS: Final = frozenset(
    (443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 5061, 6380, 6697, 8443, 8883, 9443)
)
"""Ports on which TLS is expected."""
SERVICE_PORTS: Final = frozenset(
    (21, 22, 23, 25, 80, 110, 119, 143, 389, 587, 1080, 1433, 1883, 3128, 3306, 3389, 5222, 5269, 5432, 5671, 5672)
) | frozenset((6379, 6667, 8000, 8080, 8081, 8888, 9000, 9200, 27017))
"""Other ports that are a service's: the unprivileged ones among them are no client's choice."""
_BOTH: Final = [True, True]
_SHORT: Final = 1_024
"""A dialogue of fewer bytes is read again when it has doubled, a longer one when it is four times as long."""
_MAY_BEGIN_TLS: Final = frozenset((b"\x16", b"\x80", b"\x81", b"\x12", b"\x04"))
"""First byte of a segment in which TLS may begin: handshake record, hello in SSLv2 form, TDS packets."""
_CLIENT_ONLY: Final = frozenset(("http", "http2", "proxy-v1", "proxy-v2"))
_SERVER_ONLY: Final = frozenset(("http-response",))
_BY_CLIENT: Final = frozenset((1, 15, 16))
"""ClientHello; CertificateVerify and ClientKeyExchange, which only clients send in the clear."""
_BY_SERVER: Final = frozenset((0, 2, 4, 6, 12, 13, 14, 22))
"""HelloRequest, ServerHello, NewSessionTicket, ServerKeyExchange, CertificateRequest ..., likewise."""


class Conversation:
    """Both directions, numbered as the flow's sides; which one is the client is decided here.

    :param tls_ports: ports on which TLS is expected, for telling client from server where nothing else does.
    """

    __slots__ = (
        "_ask_at",
        "_client",
        "_directions",
        "_given",
        "_handshake",
        "_known_by",
        "_log",
        "_messages",
        "_reading",
        "_tls_ports",
        "_upgrade_over",
        "_walked",
        "settled",
    )

    def __init__(self, tls_ports: frozenset[int]) -> None:
        self._tls_ports = tls_ports
        self._log: list[Row] = []
        self.settled = False
        """No payload and no pure acknowledgement is of interest any more."""

    def _reset(self) -> None:
        self._directions = (Direction(), Direction())
        self._handshake = Handshake()
        self._given = False  # a session refers to the machine
        self._walked = 0  # messages that the machine has seen
        self._messages: list[Message] = []
        self._client = 0
        self._known_by: KnownBy | None = None
        self._reading: UpgradeReading | None = None
        self._upgrade_over = False
        self._ask_at = 0  # bytes of the dialogue at which it is read again

    @property
    def silent(self) -> bool:
        """Settled, and no alert of it can be read any more: TLS 1.3, where alerts look like data, or plaintext."""
        first, second = self._directions
        return self.settled and (self._handshake.is_13 or (first.reader is None and second.reader is None))

    # --- messages ----------------------------------------------------------------------------------------------------

    def _take(self, mine: Direction, reader: TlsReader) -> None:
        """New messages of a reader."""
        messages = reader.messages
        seen = mine.seen
        if len(messages) == seen:
            if reader.wants_more:
                self._widen(mine, reader)
            return
        if mine.moved or self._known_by is None:
            self._correct(mine, reader)
        fresh = messages[seen:] if seen else messages
        kept = self._messages
        if len(kept) + len(fresh) <= MAX_MESSAGES:
            kept += fresh
        else:
            room = max(MAX_MESSAGES - len(kept), 0)
            kept += fresh[:room]
            kept += [message for message in fresh[room:] if message[4] == ALERT]
        mine.seen = len(messages)
        # No handshake is over before both ends have sent application data records (in TLS 1.3 their Finished are some),
        # so until then the machine need not know of the messages.
        if reader.application_records:
            first, second = self._directions
            other = second.reader if mine is first else first.reader
            if other is not None and other.application_records:
                self._walk()
        if mine.offset >= mine.limit and reader.wants_more:
            self._widen(mine, reader)

    def _walk(self) -> None:
        """Let the machine see what it has not seen; find out whether all is over."""
        messages = self._messages
        if self._given:  # a session that was made before keeps what it saw
            self._given = False
            self._handshake = copy(self._handshake)
            self._handshake.fork()
        handshake = self._handshake
        handshake.see_all(messages[self._walked :] if self._walked else messages)
        self._walked = len(messages)
        if handshake.done_ns is not None and handshake.data_from == _BOTH:
            first, second = self._directions
            self.settled = first.offset >= _FIRST and second.offset >= _FIRST

    def _widen(self, mine: Direction, reader: TlsReader) -> None:
        """Want more where a handshake message announces more, or where a record that stands in the way of one does."""
        until = reader.wants_until
        if until <= mine.limit:
            return
        pending = reader.pending
        if pending is None:
            return
        if pending.content_type == HANDSHAKE and pending.handshake_type >= 0:
            window = MAX_WALKED
        elif not mine.resync and all(direction.reader is not None for direction in self._directions):
            if self._walked < len(self._messages):
                self._walk()
            if self._handshake.done_ns is not None:
                return  # bulk data behind the handshake
            window = MAX_WINDOW
        else:
            return  # bulk data of a session of which the handshake is not to be had
        mine.limit = max(mine.limit, min(until, (mine.tls_at or 0) + window))

    def _correct(self, mine: Direction, reader: TlsReader) -> None:
        """Unusual streams: frames of pieces that came early, and who is the client by who says what."""
        messages = reader.messages
        for at in range(mine.seen, len(messages)):
            frame = mine.moved_frame(messages[at].offset)
            if frame is not None:
                messages[at] = messages[at]._replace(first_frame=frame)
        if self._known_by is None:
            side = 0 if self._directions[0] is mine else 1
            for message in messages[mine.seen :]:
                kind = message.handshake_type
                if message.content_type == HANDSHAKE:
                    is_client = True if kind in _BY_CLIENT else False if kind in _BY_SERVER else None
                else:
                    is_client = {1: True, 2: True, 4: False}.get(kind) if message.content_type == SSLV2 else None
                if is_client is not None:
                    self._decide(side if is_client else 1 - side, KnownBy.HELLO)
                    break

    # --- which side is the client ------------------------------------------------------------------------------------

    def _decide(self, client: int, known_by: KnownBy) -> None:
        self._known_by = known_by
        if client != self._client:
            self._client = client
            self._rename()

    def _rename(self) -> None:
        """The sides were taken for each other: what was read already gets its right sender."""
        for number, direction in enumerate(self._directions):
            reader = direction.reader
            if reader is not None:
                reader.side = number ^ self._client
                reader.messages[:] = [message._replace(side=reader.side) for message in reader.messages]
        self._messages = [message._replace(side=1 - message.side) for message in self._messages]
        self._handshake = walk(self._messages)
        self._walked = len(self._messages)

    def _guess(self, flow: Flow) -> KnownBy:
        """No SYN and no hello: by what they say, else by port, else the first to be seen."""
        names = [classify(d.prefix[:_ENOUGH], ended=True) if d.prefix else None for d in self._directions]
        asks = [name in _CLIENT_ONLY for name in names]
        answers = [name in _SERVER_ONLY for name in names]
        if asks[0] is not asks[1] or answers[0] is not answers[1]:
            client = 0 if (asks[0] and not asks[1]) or (answers[1] and not answers[0]) else 1
            known_by = KnownBy.HELLO
        else:
            service = [port in self._tls_ports or port in SERVICE_PORTS for port in flow.ports]
            if service[0] is service[1]:
                service = [port < 1024 for port in flow.ports]
            client = 1 if service[0] and not service[1] else 0
            known_by = KnownBy.FIRST_PACKET if service[0] is service[1] else KnownBy.PORT
        if client != self._client:
            self._client = client
            self._rename()
        return known_by

    # --- where TLS begins --------------------------------------------------------------------------------------------

    def _open(self, side: int, mine: Direction, came: bytes) -> None:
        """There is more of a direction in which no TLS has begun yet; ``came``: the bytes that were missing so far."""
        protocol = mine.protocol
        if protocol is None:
            mine.protocol = protocol = classify(mine.prefix[:_ENOUGH])
            if protocol is None:
                return
        if protocol in ("tls", "sslv2"):
            self._begin(side, mine, 0)
            return
        other = self._directions[1 - side]
        if self._directions[0].isn is None and other.isn is None and protocol == "unknown":
            mine.resync = True
            self._begin(side, mine, 0)
            return
        # The dialogue is read from its beginning each time: not at every segment of a long one, but wherever
        # something that may be TLS begins, and for the answer to a hello.
        size = mine.offset + other.offset
        if size >= self._ask_at or other.reader is not None or came[:1] in _MAY_BEGIN_TLS:
            self._ask_at = 2 * size if size < _SHORT else 4 * size
            self._follow(mine, other)

    def _begin(self, side: int, mine: Direction, at: int) -> None:
        """TLS begins at stream offset ``at``: read what is here of it."""
        mine.tls_at = at
        mine.limit = at + WINDOW
        if at and self._reading is not None and self._reading.kind == "tds":
            reader: TlsReader = TdsReader(side ^ self._client, offset=at)
        else:
            reader = TlsReader(side ^ self._client, offset=at, mid_stream=mine.resync)
        mine.reader = reader
        prefix, marks = mine.prefix, mine.marks
        if len(marks) == 1 and not at:
            reader.feed(prefix, marks[0][1], marks[0][2])
        else:
            ends = [mark[0] for mark in marks[1:]] + [len(prefix)]
            for (start, frame, time_ns), end in zip(marks, ends, strict=True):
                if end > at:
                    reader.feed(prefix[max(start, at) : end], frame, time_ns)
        if not at:
            mine.marks = marks[:1]
        if not at:
            mine.prefix = prefix[:_ENOUGH] if mine.resync else prefix[:_FIRST]
        self._take(mine, reader)

    def _follow(self, mine: Direction, other: Direction) -> None:
        """A plaintext dialogue: has it come to TLS, and can it still?"""
        client, server = self._directions[self._client], self._directions[1 - self._client]
        if not self._upgrade_over:
            cuts = [mark[0] for mark in client.marks]
            reading = read_upgrade(client.prefix, server.prefix, cuts)
            self._reading = reading
            if reading is not None:
                client.expected_at, server.expected_at = reading.client_tls_at, reading.server_tls_at
                self._upgrade_over = reading.done
        for side, direction in ((self._client, client), (1 - self._client, server)):
            at = direction.expected_at
            # Not before something is there: what was agreed on may not be what comes.
            if at is not None and direction.reader is None and len(direction.prefix) > max(at, _FIRST):
                self._begin(side, direction, at)
        if (
            client.reader is None
            and server.reader is None
            and (self._upgrade_over or not self._may_upgrade(client, server))
            and client.expected_at is None
            and server.expected_at is None
            and len(client.prefix) >= _FIRST
            and len(server.prefix) >= _FIRST
            and mine.protocol is not None
            and other.protocol is not None
        ):
            self.settled = True

    def _conclude(self) -> None:
        """No more will come: read the dialogue with its last words."""
        first, second = self._directions
        if first.reader is None and second.reader is None and first.offset + second.offset < self._ask_at:
            self._ask_at = 0
            if first.prefix or second.prefix:
                self._follow(first, second)

    def _may_upgrade(self, client: Direction, server: Direction) -> bool:
        return self._reading is not None or may_upgrade(client.prefix, (client.protocol, server.protocol))

    # --- where it ends -----------------------------------------------------------------------------------------------

    def _after_settled(self, row: Row) -> None:
        """Payload after the handshake is of no interest, but for an alert: it says how the session was ended.

        It is read from the end of its segment (see :mod:`capanalyzer.streams.tail`), whatever came before it.
        """
        frame, time_ns, side, payload = row[0], row[1], row[2], row[8]
        mine = self._directions[side]
        at = -1 if self._handshake.is_13 else alert_at_end(payload)
        if at < 0 or mine.reader is None or len(mine.late_alerts) >= MAX_LATE_ALERTS:
            return
        length = len(payload) - at - 5
        clear = length == 2 and 1 <= payload[-2] <= 2
        offset = mine.offset + distance(row[4] + at & 0xFFFFFFFF, mine.next_seq)
        if offset in mine.late_alerts:
            return  # sent again
        mine.late_alerts.append(offset)
        number = mine.reader.side
        body = payload[-2:] if clear else b""
        version = 0x300 | payload[at + 2]
        self._messages.append(
            Message(time_ns, frame, frame, number, ALERT, -1, length, not clear, version, offset, body)
        )

    def _unfinished(self) -> list[Message]:
        """Handshake messages that are whole inside a record that is not: all that came of a flight which stopped."""
        found: list[Message] = []
        for side, direction in enumerate(self._directions):
            reader = direction.reader
            if reader is not None and reader.wants_more:
                last = next((row for row in reversed(self._log) if row[2] == side and row[8]), None)
                if last is not None:
                    trial = deepcopy(reader)  # more may come where a session is asked for early
                    trial.finish(last[0], last[1])
                    found += trial.messages[len(reader.messages) :]
        return found

    def _skip_holes(self, side: int, mine: Direction) -> None:
        """Go on behind bytes that were acknowledged and are not in the capture."""
        if mine.acked_seq < 0 or (mine.reader is None and (mine.prefix or mine.protocol is not None)):
            return
        while mine.waiting:
            at, data, frame, time_ns = mine.waiting[0]
            missing = at - mine.offset
            if distance(mine.acked_seq, mine.next_seq) < missing:
                break
            if mine.gap_at is None:
                mine.gap_at, mine.gap_length = mine.offset, missing
            if mine.reader is None:
                mine.resync = True
                mine.tls_at = at
                mine.reader = TlsReader(side ^ self._client, offset=at, mid_stream=True)
                mine.prefix = data[:_ENOUGH]
            elif missing:
                mine.reader.gap(missing, frame, time_ns)
            mine.reader.feed(data, frame, time_ns)
            mine.waiting.pop(0)
            mine.waiting_bytes -= len(data)
            mine.offset = at + len(data)
            mine.next_seq = mine.next_seq + missing + len(data) & 0xFFFFFFFF
        if mine.reader is not None and len(mine.reader.messages) > mine.seen:
            self._take(mine, mine.reader)
            self._messages.sort(key=itemgetter(0, 1))  # stable: each side's own order stays
            self._handshake = walk(self._messages)
            self._walked = len(self._messages)
