"""Sessions that were taken the short way (:mod:`capanalyzer.handshake.ordinary`): facts are made when asked for.

An :class:`OrdinarySession` can be asked everything a :class:`~capanalyzer.handshake.session.Session` can. Whoever deals
with a hundred thousand of them looks at the :class:`~capanalyzer.handshake.departure.Departure` instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.build import address_text, build_session
from capanalyzer.handshake.direction import Direction
from capanalyzer.handshake.machine import Handshake, walk
from capanalyzer.handshake.session import Endpoint, KnownBy, Session, Side
from capanalyzer.handshake.tls_facts import Alert, TlsFacts
from capanalyzer.lazy import lazy
from capanalyzer.streams.flow import FIN, RST, SYN, Flow
from capanalyzer.tls.hello import ClientHello, ServerHello
from capanalyzer.tls.history import MAX_HISTORY
from capanalyzer.tls.records import ALERT, Message

if TYPE_CHECKING:
    from capanalyzer.handshake.departure import Chain, Departure

__all__ = ["OrdinarySession"]

I64 = NDArray[np.int64]

_TLS: Final = ("tls", "tls")
_NO_OPENING: Final = (b"", b"")
_CONTROL: Final = SYN | FIN | RST
_FIRST: Final = 16
_SHOWN: Final = (1, 2, 11)
_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE = _SHOWN
_new = tuple.__new__


class OrdinarySession(Session):
    """A session of which only what is asked for is made, and then kept."""

    __slots__ = ("_plain", "departure", "number")
    departure: Departure
    number: int
    """Its number in the departure."""

    def __init__(self, departure: Departure, number: int, stream: int) -> None:
        # Not the dataclass's own: it would fill the slots that are to stay empty.
        self.departure, self.number = departure, number
        self.capture, self.stream = departure.flows.capture, stream

    @property
    def flow(self) -> Flow:
        """Its counters and identity."""
        return self.departure.flows.flow(self.number)

    @property
    def connect_ns(self) -> tuple[int | None, int | None]:
        batch, row = self.departure.where(self.number)
        return int(batch.syn_ns[row]), int(batch.ack_ns[row])

    @property
    def close(self) -> int:
        """What closed it first, as in :attr:`.ordinary_batch.Batch.close`."""
        batch, row = self.departure.where(self.number)
        return int(batch.close[row])

    @property
    def first_close(self) -> tuple[bool, Side] | None:
        close = self.close
        return (close > 2, Side.SERVER if close & 1 == 0 else Side.CLIENT) if close else None

    if not TYPE_CHECKING:  # for a type checker every field is simply there

        def __getattr__(self, name: str) -> Any:
            """A slot that is empty yet."""
            make = _MADE.get(name)
            if make is not None:
                value = make(self)
            elif name == "_plain":
                value = _plain(self.departure, self.number)
            else:
                value = getattr(self._plain, name)
            setattr(self, name, value)
            return value


def _endpoint(session: OrdinarySession, side: int) -> Endpoint:
    flow = session.flow
    return _new(Endpoint, (address_text(flow.addresses[side]), flow.ports[side]))


def _first_bytes(departure: Departure, number: int) -> tuple[bytes, bytes]:
    batch, row = departure.where(number)
    both = batch.opening[row].tobytes()
    return both[:_FIRST], both[_FIRST:]


_MADE: Final = {
    "transport": lambda _: "tcp",
    "client": lambda session: _endpoint(session, 0),
    "server": lambda session: _endpoint(session, 1),
    "client_known_by": lambda _: KnownBy.SYN,
    "start_ns": lambda session: session.flow.first_ns,
    "end_ns": lambda session: session.flow.last_ns,
    "packets": lambda session: session.flow.packets,
    "payload_bytes": lambda session: session.flow.payload_bytes,
    "first_bytes": lambda session: _first_bytes(session.departure, session.number),
    "protocol": lambda _: _TLS,
    "opening": lambda _: _NO_OPENING,
    "upgrade": lambda _: None,
    "f5": lambda _: None,
    "own_times": lambda _: None,
    "tls": lambda session: _OrdinaryTls(session.departure, session.number),
}
"""How a field is made that needs no look at the segments."""


class _OrdinaryTls(TlsFacts):
    """TLS facts of which the messages are made when they are asked for.

    It knows its departure, not its session: two objects that knew each other would live until a garbage collection, and
    with them the departure.
    """

    def __init__(self, departure: Departure, number: int) -> None:
        # What is known already, set in the place of what would be worked out from the messages.
        self._departure, self._number = departure, number
        self._batch, self._row = batch, row = departure.where(number)
        self.handshake = _OrdinaryHandshake(departure, number)
        known = self.__dict__
        known["alerts"] = batch.alerts.of(row)
        known["client_hello"] = ClientHello(batch.hello_shape[row], batch.hello_body[row])
        known["server_hello"] = ServerHello(batch.answer_shape[row], batch.answer_body[row])

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in ("messages", "_readers"):
                raise AttributeError(name)
            value = getattr(_plain(self._departure, self._number).tls, name)
            setattr(self, name, value)
            return value

    @lazy
    def _hellos(self) -> tuple[Message | None, Message | None, Message | None, Message | None]:
        shown = self._shown
        return shown[_CLIENT_HELLO], None, shown[_SERVER_HELLO], None

    @lazy
    def _shown(self) -> dict[int, Message]:
        """Hellos and the server's Certificate, by their type."""
        messages = self._batch.messages_of(self._row)
        return {message.handshake_type: message for message in messages if message.handshake_type in _SHOWN}

    @lazy
    def history(self) -> str:
        """Zeek's letters."""
        letters = self._batch.nodes[int(self._batch.node[self._row])].history
        for alert in self.alerts:
            if not alert.encrypted and len(letters) < MAX_HISTORY:
                letters += "l" if alert.side else "L"
        return letters

    def _group_of_server_key_exchange(self) -> int | None:
        return int(self._batch.group[self._row]) or None

    @lazy
    def certificates(self) -> Chain:
        """The server's chain."""
        chain: Chain = self._batch.chain[self._row]
        return chain

    def certificate_message(self, side: Side) -> Message | None:
        """This side's first Certificate message, if it can be read; an ordinary client sends none."""
        return self._shown.get(_CERTIFICATE) if side else None


class _OrdinaryHandshake(Handshake):
    """The machine's results; those that are messages are made when they are asked for."""

    __slots__ = ("_departure", "_number")

    def __init__(self, departure: Departure, number: int) -> None:
        self._departure, self._number = departure, number
        batch, row = departure.where(number)
        machine = batch.nodes[int(batch.node[row])].handshake
        self.state, self.version, self.suite = machine.state, machine.version, machine.suite
        self.is_13, self.retried, self.data_from = machine.is_13, False, machine.data_from
        self.alert_sized, self.unexpected, self.alert_size = machine.alert_sized, machine.unexpected, machine.alert_size
        self.done_ns, self.since_ns = int(batch.done_ns[row]), int(batch.since_ns[row])

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            value = getattr(_plain(self._departure, self._number).tls.handshake, name)
            setattr(self, name, value)
            return value


def _plain(departure: Departure, number: int) -> Session:
    """The session with all its facts, made from its segments."""
    batch, row = departure.where(number)
    settled = int(batch.settled_frame[row])
    segments = batch.segments.rows(row)
    rows = [one for one in segments if one[0] <= settled]
    openings = _first_bytes(departure, number)
    directions = Direction(), Direction()
    for side, direction in enumerate(directions):
        direction.isn = rows[side][4]
        direction.syn = rows[side]
        direction.start(direction.isn + 1 & 0xFFFFFFFF)
        # What was sent again does not count twice.
        ends = [(one[4] - direction.isn - 1 + one[7]) & 0xFFFFFFFF for one in rows if one[2] == side and one[7]]
        direction.offset = max(ends, default=0)
        direction.next_seq = direction.isn + 1 + direction.offset & 0xFFFFFFFF
        direction.prefix, direction.protocol, direction.tls_at = openings[side] or b"", "tls", 0
    rows += [one for one in segments[len(rows) :] + batch.late.get(row, []) if one[3] & _CONTROL]
    for side, direction in enumerate(directions):
        direction.fin = next((one for one in rows if one[2] == side and one[3] & FIN), None)
        syns = [one for one in rows if one[2] == side and one[3] & SYN]
        direction.syn_count, direction.syn_last_ns = len(syns), syns[-1][1]
    messages = batch.messages_of(row)
    handshake = walk(messages)
    messages += [
        Message(a.time_ns, a.frame, a.frame, a.side, ALERT, -1, a.length, a.encrypted, 0x0303, 0, _alert_body(a))
        for a in batch.alerts.of(row)
    ]
    return build_session(
        departure.flows.flow(number),
        client=0,
        known_by=KnownBy.SYN,
        directions=directions,
        rows=rows,
        closes=[one for one in rows if one[3] & (FIN | RST)],
        ack_row=rows[2],
        messages=messages,
        handshake=handshake,
        reading=None,
        settled=True,
    )


def _alert_body(alert: Alert) -> bytes:
    return b"" if alert.level is None or alert.code is None else bytes((alert.level, alert.code))
