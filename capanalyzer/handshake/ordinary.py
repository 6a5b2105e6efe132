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

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from capanalyzer.handshake.build import build_session
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
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.handshake.session import KnownBy, Session, Side
from capanalyzer.handshake.shapes import Shape, Shapes
from capanalyzer.handshake.tls_facts import Alert
from capanalyzer.streams.flow import FIN, RST, SYN, Flow, Row
from capanalyzer.streams.inorder import InOrder
from capanalyzer.streams.tail import alert_at_end
from capanalyzer.tls.hello import read_client_hello
from capanalyzer.tls.history import MAX_HISTORY
from capanalyzer.tls.records import ALERT, Message

if TYPE_CHECKING:
    from capanalyzer.tls.certificates import CertificateFacts
    from capanalyzer.tls.hello import ClientHello

__all__ = ["Ordinary", "OrdinaryConnection"]

_SERVER_HELLO, _CERTIFICATE = 2, 11
_TLS13: Final = 0x0304
_CONTROL: Final = SYN | FIN | RST
_SIDES: Final = (Side.CLIENT, Side.SERVER)
_CODE_SERVER_HELLO: Final = 1 << 40
_new = tuple.__new__

RECENT_CHUNKS: Final = 4
"""Chunks kept in columns (some 5 MB each) for connections that are still open; those that stay open longer keep their
own few rows instead."""


class Ordinary:
    """Takes flows the short way; one for each capture, for it remembers the handshakes met."""

    def __init__(self) -> None:
        self._shapes = Shapes()
        self._recent: deque[Batch[OrdinaryConnection]] = deque()

    def take(self, found: InOrder) -> list[OrdinaryConnection | None]:
        """For each of the flows: the connection if it is ordinary. ``found`` is settled by this call."""
        batch: Batch[OrdinaryConnection] = Batch(found)
        taken = [
            None if begin < 0 else self._connect(batch, number, begin, end)
            for number, (begin, end) in enumerate(batch.bounds)
        ]
        settled = [-1 if connection is None else connection.last_row for connection in taken]
        for number, row, side, frame, time_ns, flags, alert in batch.late(settled):
            connection = taken[number]
            if connection is not None:
                connection.close(row, side, frame, time_ns, flags, alert)
        batch.settle()
        self._recent.append(batch)
        if len(self._recent) > RECENT_CHUNKS:
            for connection in list(self._recent.popleft().unfinished.values()):
                connection.let_go()
        return taken

    def _connect(
        self, batch: Batch[OrdinaryConnection], number: int, begin: int, end: int
    ) -> OrdinaryConnection | None:
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
        "_batch",
        "_chain",
        "_client_hello",
        "_kept",
        "_late",
        "_later",
        "_number",
        "_shape",
        "_units",
        "alerts",
        "certificate",
        "connect_ns",
        "done_ns",
        "first_close",
        "group",
        "hello",
        "last_row",
        "opening",
        "server_hello",
        "silent",
        "since_ns",
    )

    settled: Final = True
    silent: bool
    """TLS 1.3: its alerts look like data."""
    wanted: Final = (WINDOW, WINDOW)

    def __init__(
        self,
        batch: Batch[OrdinaryConnection],
        number: int,
        begin: int,
        end: int,
        shape: Shape,
        shown: tuple[Message, Message, Message | None],
    ) -> None:
        self._batch: Batch[OrdinaryConnection] | None = batch
        self._number, self._units = number, (begin, end)
        self._shape = shape
        self.hello, self.server_hello, self.certificate = shown
        """The messages; whole, unlike all others."""
        self.last_row = batch.end_row[end - 1]
        """The row with which the handshake was settled."""
        machine, times = shape.handshake, batch.end_ns
        self.silent = machine.is_13
        self.done_ns = times[begin + (machine.done_ns or 0)]
        """When the handshake was done."""
        self.since_ns = times[begin + machine.since_ns]
        """When the machine came into its last state."""
        self.opening = batch.opening[number]
        """First bytes of (client, server)."""
        self.connect_ns = batch.connect_ns[number]
        """Times of the SYN, and of the ACK that completed the connect."""
        self.group = batch.group[number] or None
        """Named group of the ServerKeyExchange; None without one."""
        self._later: list[int] = []
        """Rows of the same chunk that came after the handshake and say how the session ended."""
        self._late: list[Row] = []
        """The same of later chunks."""
        self._kept: tuple[list[Row], list[Row], list[Message]] | None = None
        """Rows up to the settled handshake, those of ``_later``, and the messages, once the chunk is let go."""
        self.alerts: list[Alert] = []
        self.first_close: tuple[bool, Side] | None = None
        """(is a RST, who sent it)."""
        self._client_hello: ClientHello | None = None
        self._chain: tuple[CertificateFacts, ...] | None = None
        batch.unfinished[number] = self

    def close(self, row: int, side: int, frame: int, time_ns: int, flags: int, alert: bytes) -> None:
        """A row of the same chunk that closes, or one behind the handshake that ends in an alert."""
        self.see(side, frame, time_ns, flags, alert)
        if row > self.last_row:
            self._later.append(row)

    def feed(self, rows: Sequence[Row]) -> None:
        """Rows that came after the chunk in which the handshake was settled."""
        for row in rows:
            frame, time_ns, side, flags, payload = row[0], row[1], row[2], row[3], row[8]
            at = alert_at_end(payload) if payload and not self.silent and not flags & RST else -1
            if at >= 0 or flags & _CONTROL:
                self.see(side, frame, time_ns, flags, payload[at:] if at >= 0 else b"")
                self._late.append(row)

    def see(self, side: int, frame: int, time_ns: int, flags: int, alert: bytes) -> None:
        """A segment after the handshake that closes, or that ends in ``alert``, an alert record."""
        if flags & (FIN | RST) and self.first_close is None:
            self.first_close = bool(flags & RST), _SIDES[side]
        if alert and not self.silent and sum(known.side == side for known in self.alerts) < MAX_LATE_ALERTS:
            length = len(alert) - 5
            clear = length == 2 and 1 <= alert[5] <= 2
            level, code = (alert[5], alert[6]) if clear else (None, None)
            self.alerts.append(_new(Alert, (time_ns, frame, _SIDES[side], level, code, not clear, length)))

    def finish(self, flow: Flow) -> Session:
        """The session as it is now."""
        if self._batch is not None:
            self._batch.unfinished.pop(self._number, None)
        return OrdinarySession(self, flow)

    def let_go(self) -> None:
        """Keep of the chunk only what is this connection's: it may stay open for long."""
        self._kept = self._from_chunk()
        self._batch = None

    def _from_chunk(self) -> tuple[list[Row], list[Row], list[Message]]:
        batch = self._batch
        assert batch is not None, "asked before it is let go"
        found = batch.found
        return (
            found.made_rows(batch.first_row[self._number], self.last_row + 1),
            [row for at in self._later for row in found.made_rows(at, at + 1)],
            [batch.message(at) for at in range(*self._units)],
        )

    @property
    def machine(self) -> Handshake:
        """The machine after these messages; its times are places among them (see shapes)."""
        return self._shape.handshake

    @property
    def history(self) -> str:
        """Zeek's letters."""
        letters = self._shape.history
        for alert in self.alerts:
            if not alert.encrypted and len(letters) < MAX_HISTORY:
                letters += "l" if alert.side else "L"
        return letters

    @property
    def client_hello(self) -> ClientHello:
        """The ClientHello, read once."""
        hello = self._client_hello
        if hello is None:
            hello = self._client_hello = read_client_hello(self.hello[10])
        return hello

    @property
    def certificates(self) -> tuple[CertificateFacts, ...]:
        """The server's chain, where it can be read; read once."""
        chain = self._chain
        if chain is None:
            from capanalyzer.tls.certificates import read_chain  # a capture without TLS 1.2 does not need it

            chain = self._chain = () if self.certificate is None else read_chain(self.certificate[10]).certificates
        return chain

    def plain_session(self, flow: Flow) -> Session:
        """The session with all its facts, made from the rows of its segments."""
        rows, later, messages = self._kept or self._from_chunk()
        settled_in = rows[-1][0]
        rows = rows + [row for row in later + self._late if row[3] & _CONTROL]
        directions = Direction(), Direction()
        for side, direction in enumerate(directions):
            direction.isn = rows[side][4]
            direction.syn, direction.syn_count, direction.syn_last_ns = rows[side], 1, rows[side][1]
            direction.start(direction.isn + 1 & 0xFFFFFFFF)
            direction.offset = sum(row[7] for row in rows if row[2] == side and row[0] <= settled_in)
            direction.next_seq = direction.isn + 1 + direction.offset & 0xFFFFFFFF
            direction.prefix, direction.protocol, direction.tls_at = self.opening[side] or b"", "tls", 0
            direction.fin = next((row for row in rows if row[2] == side and row[3] & FIN), None)
        shown = {
            (m.side, m.handshake_type): m for m in (self.hello, self.server_hello, self.certificate) if m is not None
        }
        messages = [shown.get((m.side, m.handshake_type), m) for m in messages]
        handshake = walk(messages)
        messages += [
            Message(a.time_ns, a.frame, a.frame, a.side, ALERT, -1, a.length, a.encrypted, 0x0303, 0, _alert_body(a))
            for a in self.alerts
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
