"""Sessions that were taken the short way (:mod:`capanalyzer.handshake.ordinary`): facts are made when asked for.

An :class:`OrdinarySession` can be asked everything a :class:`~capanalyzer.handshake.session.Session` can. Whoever deals
with a hundred thousand of them looks at ``connection`` and ``flow`` instead, where what every report shows lies ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capanalyzer.handshake.build import address_text
from capanalyzer.handshake.machine import Handshake
from capanalyzer.handshake.session import Endpoint, KnownBy, Session
from capanalyzer.handshake.tls_facts import TlsFacts
from capanalyzer.streams.flow import Flow
from capanalyzer.tls.records import Message

if TYPE_CHECKING:
    from capanalyzer.handshake.ordinary import OrdinaryConnection
    from capanalyzer.handshake.side import Side

__all__ = ["OrdinarySession"]

_TLS: Final = ("tls", "tls")
_NO_OPENING: Final = (b"", b"")
_new = tuple.__new__


class OrdinarySession(Session):
    """A session of which only what is asked for is made, and then kept."""

    __slots__ = ("_plain", "connection", "flow")
    connection: OrdinaryConnection
    flow: Flow

    def __init__(self, connection: OrdinaryConnection, flow: Flow) -> None:
        # Not the dataclass's own: it would fill the slots that are to stay empty.
        self.connection, self.flow = connection, flow
        self.capture, self.stream = flow.capture, flow.stream

    @property
    def connect_ns(self) -> tuple[int | None, int | None]:
        return self.connection.connect_ns

    @property
    def first_close(self) -> tuple[bool, Side] | None:
        return self.connection.first_close

    def parties(self) -> tuple[str, Endpoint]:
        """The client's address, and the server."""
        flow = self.flow
        one, other = flow.addresses
        return address_text(one), _new(Endpoint, (address_text(other), flow.ports[1]))

    if not TYPE_CHECKING:  # for a type checker every field is simply there

        def __getattr__(self, name: str) -> Any:
            """A slot that is empty yet."""
            make = _MADE.get(name)
            if make is not None:
                value = make(self)
            elif name == "_plain":
                value = self.connection.plain_session(self.flow)
            else:
                value = getattr(self._plain, name)
            setattr(self, name, value)
            return value


def _endpoint(flow: Flow, side: int) -> Endpoint:
    return _new(Endpoint, (address_text(flow.addresses[side]), flow.ports[side]))


_MADE: Final = {
    "transport": lambda _: "tcp",
    "client": lambda session: _endpoint(session.flow, 0),
    "server": lambda session: _endpoint(session.flow, 1),
    "client_known_by": lambda _: KnownBy.SYN,
    "start_ns": lambda session: session.flow.first_ns,
    "end_ns": lambda session: session.flow.last_ns,
    "packets": lambda session: session.flow.packets,
    "payload_bytes": lambda session: session.flow.payload_bytes,
    "first_bytes": lambda session: session.connection.opening,
    "protocol": lambda _: _TLS,
    "opening": lambda _: _NO_OPENING,
    "upgrade": lambda _: None,
    "tls": lambda session: _OrdinaryTls(session.connection, session.flow),
}
"""How a field is made that needs no look at the segments."""


class _OrdinaryTls(TlsFacts):
    """TLS facts of which the messages are made when they are asked for."""

    def __init__(self, connection: OrdinaryConnection, flow: Flow) -> None:
        # What is known already, set in the place of what would be worked out from the messages.
        self._connection, self._flow = connection, flow
        self.handshake = _OrdinaryHandshake(connection, flow)
        known = self.__dict__
        known["_hellos"] = (connection.hello, None, connection.server_hello, None)
        known["alerts"] = tuple(connection.alerts)
        known["history"] = connection.history
        known["client_hello"] = connection.client_hello

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in ("messages", "_readers"):
                raise AttributeError(name)
            value = getattr(self._connection.plain_session(self._flow).tls, name)
            setattr(self, name, value)
            return value

    def _group_of_server_key_exchange(self) -> int | None:
        return self._connection.group

    def certificate_message(self, side: Side) -> Message | None:
        """This side's first Certificate message, if it can be read; an ordinary client sends none."""
        return self._connection.certificate if side else None


class _OrdinaryHandshake(Handshake):
    """The machine's results; those that are messages are made when they are asked for."""

    __slots__ = ("_connection", "_flow")

    def __init__(self, connection: OrdinaryConnection, flow: Flow) -> None:
        self._connection, self._flow = connection, flow
        machine = connection.machine
        self.state, self.version, self.suite = machine.state, machine.version, machine.suite
        self.is_13, self.retried, self.data_from = machine.is_13, False, machine.data_from
        self.alert_sized, self.unexpected, self.alert_size = machine.alert_sized, machine.unexpected, machine.alert_size
        self.done_ns, self.since_ns = connection.done_ns, connection.since_ns

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            value = getattr(self._connection.plain_session(self._flow).tls.handshake, name)
            setattr(self, name, value)
            return value
