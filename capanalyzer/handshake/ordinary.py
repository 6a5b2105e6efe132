"""The short way for ordinary sessions: a TLS handshake in order, complete, settled within one chunk of the capture.

The plain way (:class:`capanalyzer.handshake.connection.Connection`) puts every segment in order and makes an object of
every message. For connections whose segments are in order already (:mod:`capanalyzer.streams.inorder`) neither is
needed: the records of all of them are read as columns (:mod:`capanalyzer.tls.columns`), each one's messages are
followed along the tree of known handshakes (:mod:`capanalyzer.handshake.shapes`), and only what every report shows is
cut out. All else that a session can be asked (TCP details, the list of messages) is worked out when somebody asks; of
handshake messages other than the hellos and the certificates only the headers are kept.

Whatever is not exactly ordinary is left to the plain way: :meth:`Ordinary.take` then gives None for that flow. Both
ways give the same reports; a test holds that on all captures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from capanalyzer.handshake.build import address_text, build_session
from capanalyzer.handshake.connection import MAX_LATE_ALERTS
from capanalyzer.handshake.direction import WINDOW, Direction
from capanalyzer.handshake.machine import Handshake, read_choice, walk
from capanalyzer.handshake.ordinary_batch import (
    CODE_ALERT,
    CODE_DATA,
    CODE_DATA_13,
    CODE_ENCRYPTED,
    CODE_HANDSHAKE,
    Batch,
)
from capanalyzer.handshake.session import Endpoint, KnownBy, Session, Side
from capanalyzer.handshake.shapes import Shape, Shapes
from capanalyzer.handshake.tls_facts import Alert, TlsFacts
from capanalyzer.streams.flow import FIN, RST, SYN, Flow, Row
from capanalyzer.streams.inorder import InOrder
from capanalyzer.streams.tail import alert_at_end
from capanalyzer.tls.history import MAX_HISTORY
from capanalyzer.tls.records import ALERT, Message

__all__ = ["Ordinary", "OrdinaryConnection"]

_SERVER_HELLO, _CERTIFICATE = 2, 11
_TLS13: Final = 0x0304
_TLS: Final = ("tls", "tls")
_NO_OPENING: Final = (b"", b"")
_CONTROL: Final = SYN | FIN | RST
_SIDES: Final = (Side.CLIENT, Side.SERVER)
_CODE_SERVER_HELLO: Final = 1 << 40
_new = tuple.__new__


class Ordinary:
    """Takes flows the short way; one for each capture, for it remembers the handshakes met."""

    def __init__(self) -> None:
        self._shapes = Shapes()

    def take(self, found: InOrder) -> list[OrdinaryConnection | None]:
        """For each of the flows: the connection if it is ordinary. ``found`` is settled by this call."""
        batch = Batch(found)
        taken = [
            None if begin < 0 else self._connect(batch, number, begin, end)
            for number, (begin, end) in enumerate(batch.bounds)
        ]
        settled = [-1 if connection is None else connection.last_row for connection in taken]
        for number, row, side, frame, time_ns, flags, alert in batch.late(settled):
            connection = taken[number]
            if connection is not None:
                connection.see(side, frame, time_ns, flags, alert)
                connection.later.append(row)
        batch.settle()
        return taken

    def _connect(self, batch: Batch, number: int, begin: int, end: int) -> OrdinaryConnection | None:
        """Walk one flow's messages along the tree of known handshakes until it is settled."""
        shape = self._shapes.root
        codes, rows, shown = batch.codes, batch.end_row, batch.shown_from[number]
        hello = answer = certificate = None
        is_13 = False
        at = begin
        while at < end:
            code = codes[at]
            if code >= CODE_HANDSHAKE:
                message = code >> 1 & 0xFF
                if message <= _SERVER_HELLO or message == _CERTIFICATE:
                    values = batch.shown[shown]
                    shown += 1
                    if message == _CERTIFICATE:
                        if certificate is not None:
                            return None
                        certificate = values
                    elif values.offset or values.body[0] != 3:
                        return None
                    elif message == _SERVER_HELLO:
                        chosen, suite, is_retry = read_choice(values.body)
                        if is_retry or hello is None or answer is not None:
                            return None
                        is_13 = chosen == _TLS13
                        code = _CODE_SERVER_HELLO | chosen << 16 | suite
                        answer = values
                    else:
                        hello = values
                elif is_13:
                    return None
            elif code >= CODE_DATA_13:
                if not is_13:
                    code = CODE_DATA | (code & 1)
            elif code >= CODE_ALERT or (is_13 and code >= CODE_ENCRYPTED):
                return None
            following = shape.next.get(code)
            if following is None:
                following = self._shapes.extend(
                    shape, code, batch.message(at, answer if code > _CODE_SERVER_HELLO else None)
                )
                if following is None:
                    return None
            shape = following
            at += 1
            if shape.is_settled and (at == end or rows[at] != rows[at - 1]):
                break
        if not shape.is_ordinary or hello is None or answer is None:
            return None
        return OrdinaryConnection(batch, number, begin, at, shape, (hello, answer, certificate))


class OrdinaryConnection:
    """A connection that was taken the short way. Sides: 0 is the client, who sent the SYN."""

    __slots__ = (
        "_alerts",
        "_batch",
        "_first_close",
        "_late",
        "_number",
        "_shape",
        "_units",
        "certificate",
        "hello",
        "last_row",
        "later",
        "server_hello",
    )

    settled: Final = True
    wanted: Final = (WINDOW, WINDOW)

    def __init__(
        self,
        batch: Batch,
        number: int,
        begin: int,
        end: int,
        shape: Shape,
        shown: tuple[Message, Message, Message | None],
    ) -> None:
        self._batch, self._number, self._units = batch, number, (begin, end)
        self._shape = shape
        self.hello, self.server_hello, self.certificate = shown
        self.last_row = batch.end_row[end - 1]
        """The row with which the handshake was settled."""
        self.later: list[int] = []
        """Rows of the same chunk that came after it and say how the session ended."""
        self._late: list[Row] = []
        """The same of later chunks."""
        self._alerts: list[Alert] = []
        self._first_close: tuple[bool, Side] | None = None

    def feed(self, rows: Sequence[Row]) -> None:
        """Rows that came after the chunk in which the handshake was settled."""
        for row in rows:
            frame, time_ns, side, flags, payload = row[0], row[1], row[2], row[3], row[8]
            at = alert_at_end(payload) if payload and not flags & RST else -1
            if at >= 0 or flags & _CONTROL:
                self.see(side, frame, time_ns, flags, payload[at:] if at >= 0 else b"")
                self._late.append(row)

    def see(self, side: int, frame: int, time_ns: int, flags: int, alert: bytes) -> None:
        """A segment after the handshake that closes, or that ends in ``alert``, an alert record."""
        if flags & (FIN | RST) and self._first_close is None:
            self._first_close = bool(flags & RST), _SIDES[side]
        if alert and sum(known.side == side for known in self._alerts) < MAX_LATE_ALERTS:
            length = len(alert) - 5
            clear = length == 2 and 1 <= alert[5] <= 2
            level, code = (alert[5], alert[6]) if clear else (None, None)
            self._alerts.append(_new(Alert, (time_ns, frame, _SIDES[side], level, code, not clear, length)))

    def finish(self, flow: Flow) -> Session:
        """The session as it is now."""
        plain = _Plain(self, flow)
        session = _OrdinarySession.__new__(_OrdinarySession)
        session.plain = plain
        session.capture, session.stream, session.transport = flow.capture, flow.stream, "tcp"
        addresses, ports = flow.addresses, flow.ports
        session.client = _new(Endpoint, (address_text(addresses[0]), ports[0]))
        session.server = _new(Endpoint, (address_text(addresses[1]), ports[1]))
        session.client_known_by = KnownBy.SYN
        session.start_ns, session.end_ns = flow.first_ns, flow.last_ns
        session.packets, session.payload_bytes = flow.packets, flow.payload_bytes
        batch, number = self._batch, self._number
        session.first_bytes = batch.opening[number]
        session.protocol, session.opening, session.upgrade = _TLS, _NO_OPENING, None
        session.connect_ns, session.first_close = batch.connect_ns[number], self._first_close
        session.tls = _OrdinaryTls(plain, self, tuple(self._alerts))
        return session

    def handshake(self, plain: _Plain) -> Handshake:
        """The machine's results, with the times of this session's messages."""
        return _OrdinaryHandshake(plain, self._shape.handshake, self._batch, self._units[0])

    @property
    def group(self) -> int:
        """Named group of the ServerKeyExchange; 0 without one."""
        return self._batch.group[self._number]

    @property
    def history(self) -> str:
        """Zeek's letters."""
        letters = self._shape.history
        for alert in self._alerts:
            if not alert.encrypted and len(letters) < MAX_HISTORY:
                letters += "l" if alert.side else "L"
        return letters

    def plain_session(self, flow: Flow) -> Session:
        """The session with all its facts, made from the rows of its segments."""
        batch, found = self._batch, self._batch.found
        start = batch.first_row[self._number]
        rows = found.made_rows(start, self.last_row + 1)
        closing = [row for at in self.later for row in found.made_rows(at, at + 1)] + self._late
        rows += [row for row in closing if row[3] & _CONTROL]
        opening = batch.opening[self._number]
        directions = Direction(), Direction()
        for side, direction in enumerate(directions):
            direction.isn = rows[side][4]
            direction.syn, direction.syn_count, direction.syn_last_ns = rows[side], 1, rows[side][1]
            direction.start(direction.isn + 1 & 0xFFFFFFFF)
            direction.offset = sum(row[7] for row in rows if row[2] == side and row[0] <= found.frame[self.last_row])
            direction.next_seq = direction.isn + 1 + direction.offset & 0xFFFFFFFF
            direction.prefix, direction.protocol, direction.tls_at = opening[side] or b"", "tls", 0
            direction.fin = next((row for row in rows if row[2] == side and row[3] & FIN), None)
        messages = [batch.message(at) for at in range(*self._units)]
        shown = {
            (m.side, m.handshake_type): m for m in (self.hello, self.server_hello, self.certificate) if m is not None
        }
        messages = [shown.get((m.side, m.handshake_type), m) for m in messages]
        handshake = walk(messages)
        messages += [
            Message(a.time_ns, a.frame, a.frame, a.side, ALERT, -1, a.length, a.encrypted, 0x0303, 0, _alert_body(a))
            for a in self._alerts
        ]
        return build_session(
            flow,
            client=0,
            known_by=KnownBy.SYN,
            directions=directions,
            rows=rows,
            closes=[row for row in rows if row[3] & (FIN | RST)],
            ack_row=rows[2],
            messages=messages,
            handshake=handshake,
            reading=None,
            settled=True,
        )


def _alert_body(alert: Alert) -> bytes:
    return b"" if alert.level is None or alert.code is None else bytes((alert.level, alert.code))


class _Plain:
    """The session that the plain way makes; made once, when something of it is asked for."""

    __slots__ = ("_connection", "_flow", "_session")

    def __init__(self, connection: OrdinaryConnection, flow: Flow) -> None:
        self._connection, self._flow = connection, flow
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        if self._session is None:
            self._session = self._connection.plain_session(self._flow)
        return self._session

    @property
    def tls(self) -> TlsFacts:
        tls = self.session.tls
        assert tls is not None, "an ordinary session has TLS"
        return tls


class _OrdinarySession(Session):
    """A session whose TCP facts, quality and timeline are made when they are asked for."""

    __slots__ = ("connect_ns", "first_close", "plain")
    plain: _Plain
    connect_ns: tuple[int | None, int | None]
    first_close: tuple[bool, Side] | None

    if not TYPE_CHECKING:  # for a type checker every field is simply there

        def __getattr__(self, name: str) -> Any:
            value = getattr(self.plain.session, name)
            setattr(self, name, value)
            return value


class _OrdinaryTls(TlsFacts):
    """TLS facts of which the messages are made when they are asked for."""

    def __init__(self, plain: _Plain, connection: OrdinaryConnection, alerts: tuple[Alert, ...]) -> None:
        # What is known already, set in the place of what would be worked out from the messages.
        self._plain = plain
        self.handshake = connection.handshake(plain)
        self._certificate = connection.certificate
        self._group = connection.group
        known = self.__dict__
        known["_hellos"] = (connection.hello, None, connection.server_hello, None)
        known["alerts"] = alerts
        known["history"] = connection.history

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in ("messages", "_readers"):
                raise AttributeError(name)
            value = getattr(self._plain.tls, name)
            setattr(self, name, value)
            return value

    def _group_of_server_key_exchange(self) -> int | None:
        return self._group or None

    def certificate_message(self, side: Side) -> Message | None:
        """This side's first Certificate message, if it can be read; an ordinary client sends none."""
        return self._certificate if side else None


class _OrdinaryHandshake(Handshake):
    """The machine's results; those that are messages are made when they are asked for."""

    __slots__ = ("plain",)

    def __init__(self, plain: _Plain, shape: Handshake, batch: Batch, begin: int) -> None:
        self.plain = plain
        self.state, self.version, self.suite = shape.state, shape.version, shape.suite
        self.is_13, self.retried, self.data_from = shape.is_13, False, shape.data_from
        self.alert_sized, self.unexpected, self.alert_size = shape.alert_sized, shape.unexpected, shape.alert_size
        self.done_ns = batch.end_ns[begin + (shape.done_ns or 0)]
        self.since_ns = batch.end_ns[begin + shape.since_ns]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            value = getattr(self.plain.tls.handshake, name)
            setattr(self, name, value)
            return value
