"""The handshake as a table: what is awaited, what was seen, what is awaited then.

Theory of operation. An observer between two ends sees *messages*: handshake messages in the clear, and from some point
on only ciphertext, by record type, size and direction. Each message becomes a *step*, a pair of sender and
:class:`Saw`; a :class:`State` is named after what is *awaited*, so that the state in which a session stalls is half of
its diagnosis, and ``STALLS`` says beside the table which stage that is and who had to act. The table claims no more
than can be seen:

- Up to TLS 1.2 a handshake is readable to the ChangeCipherSpec. An encrypted handshake record after it is the Finished
  (RFC 5246 section 7.4.9), and the server's Finished ends a full handshake: ``ESTABLISHED``.
- In TLS 1.3 all after the ServerHello is application data records (RFC 8446 section 5.2). Only sizes tell: nothing
  shorter than a Finished can hold one (``SHORT_CIPHERTEXT``: an alert, an empty Certificate, EndOfEarlyData), a record
  of exactly its size most probably is one (``FINISHED_SIZED``), anything longer (``CIPHERTEXT``) may be a Certificate
  or data. Hence ``LOOKS_ESTABLISHED``: the client's Finished went out, as far as sizes tell.
- What one end can only send once it has received something from the other proves that thing, captured or not. Such rows
  (marked "proves") let captures of one direction, and captures that start in the middle, come as far as they can.

ChangeCipherSpec is no step: it makes what follows ciphertext, and in TLS 1.3 not even that. Nor are alerts, heartbeats,
FIN, RST, a gap or the end of the capture: they are how a session *ended*, kept beside the state it ended in. A message
that no row of the table allows leaves the state as it is and is kept as evidence.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final, NamedTuple, TypeAlias

from capanalyzer.handshake.side import Side

__all__ = ["DONE", "STALLS", "TRANSITIONS", "Saw", "Stall", "State", "Step"]


class Saw(IntEnum):
    """What a message is, as far as an observer can tell."""

    CLIENT_HELLO = 1
    HELLO_RETRY_REQUEST = 2
    SERVER_HELLO_12 = 3
    """A ServerHello that selects TLS 1.2 or before, SSL 3.0 included."""
    SERVER_HELLO_13 = 4
    HELLO_REQUEST = 5
    CERTIFICATE = 6
    CERTIFICATE_STATUS = 7
    """RFC 6066 section 8."""
    SERVER_KEY_EXCHANGE = 8
    CERTIFICATE_REQUEST = 9
    SERVER_HELLO_DONE = 10
    CLIENT_KEY_EXCHANGE = 11
    CERTIFICATE_VERIFY = 12
    NEW_SESSION_TICKET = 13
    """RFC 5077 section 3.3: in the clear up to TLS 1.2, before the server's ChangeCipherSpec."""
    SUPPLEMENTAL_DATA = 14
    """RFC 4680; CertificateURL (RFC 6066 section 5) takes the same place and counts as one."""
    ENCRYPTED_HANDSHAKE = 15
    """A record of type 22 that cannot be read: Finished, up to TLS 1.2."""
    APPLICATION_DATA = 16
    """A record of type 23 where it is not TLS 1.3's disguise: data, or 0-RTT data before the ServerHello."""
    SHORT_CIPHERTEXT = 17
    """TLS 1.3: too short for a Finished, or of an alert's size in the server's flight."""
    FINISHED_SIZED = 18
    """TLS 1.3: exactly a Finished, padding by a block of 16 (JSSE) allowed for."""
    CIPHERTEXT = 19
    """TLS 1.3: any other record of type 23."""
    OTHER = 20
    """A clear message that belongs to no handshake between these ends (unknown types)."""


class State(StrEnum):
    """What is awaited."""

    AWAIT_CLIENT_HELLO = "await-client-hello"
    AWAIT_SERVER_HELLO = "await-server-hello"
    AWAIT_SECOND_CLIENT_HELLO = "await-second-client-hello"
    AWAIT_SERVER_HELLO_AFTER_RETRY = "await-server-hello-after-retry"
    # TLS 1.2 and before
    AWAIT_SERVER_CERTIFICATE = "await-server-certificate"
    """ServerHello seen; a Certificate, or what a resumed or anonymous handshake has in its place."""
    AWAIT_SERVER_HELLO_DONE = "await-server-hello-done"
    AWAIT_SERVER_HELLO_DONE_AFTER_REQUEST = "await-server-hello-done-after-request"
    """As before, and a client certificate was asked for."""
    AWAIT_CLIENT_CERTIFICATE = "await-client-certificate"
    AWAIT_CLIENT_KEY_EXCHANGE = "await-client-key-exchange"
    AWAIT_CLIENT_FINISHED = "await-client-finished"
    AWAIT_SERVER_FINISHED = "await-server-finished"
    AWAIT_SERVER_FINISHED_RESUMED = "await-server-finished-resumed"
    """Abbreviated handshake, where the server finishes first (RFC 5246 section 7.3, figure 2)."""
    AWAIT_CLIENT_FINISHED_RESUMED = "await-client-finished-resumed"
    # TLS 1.3
    AWAIT_SERVER_FLIGHT = "await-server-flight"
    """EncryptedExtensions to Finished, none of it seen."""
    AWAIT_CLIENT_FLIGHT = "await-client-flight"
    """At least the beginning of the server's flight was seen."""
    AWAIT_CLIENT_FLIGHT_END = "await-client-flight-end"
    """The client sent ciphertext longer than a Finished: a Certificate, or its whole flight in one record."""
    # captured from the middle: only application data
    AWAIT_SERVER_DATA = "await-server-data"
    AWAIT_CLIENT_DATA = "await-client-data"
    ESTABLISHED = "established"
    """Both ends' Finished were seen, or what proves them."""
    LOOKS_ESTABLISHED = "looks-established"
    """TLS 1.3, or data both ways of a handshake that was not captured: established as far as can be seen."""


Step: TypeAlias = tuple[Side, Saw]

DONE: Final = frozenset((State.ESTABLISHED, State.LOOKS_ESTABLISHED))
"""The states in which no handshake message is awaited."""


class Stall(NamedTuple):
    """What it means that a session stopped in a state."""

    stage: str
    """Stage of the public vocabulary: ``first-bytes`` ``server-hello`` ``server-flight`` ``client-flight``
    ``server-finished`` ``application``."""
    awaited: Side | None
    """Who had to send next; None where nothing is owed."""


_C, _S = Side.CLIENT, Side.SERVER

_HELLOS: Final[dict[Step, State]] = {
    (_S, Saw.HELLO_RETRY_REQUEST): State.AWAIT_SECOND_CLIENT_HELLO,  # RFC 8446 section 4.1.4
    (_S, Saw.SERVER_HELLO_12): State.AWAIT_SERVER_CERTIFICATE,
    (_S, Saw.SERVER_HELLO_13): State.AWAIT_SERVER_FLIGHT,
}
"""What may answer a ClientHello."""

_SERVER_NOT_SEEN: Final[dict[Step, State]] = {
    # The client's second flight proves the server's, of which nothing was captured.
    (_C, Saw.CERTIFICATE): State.AWAIT_CLIENT_KEY_EXCHANGE,
    (_C, Saw.CLIENT_KEY_EXCHANGE): State.AWAIT_CLIENT_FINISHED,
    (_C, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_SERVER_FINISHED,
}

_CLIENT_NOT_SEEN: Final[dict[Step, State]] = {
    # The server finishes last in a full handshake: its ticket or Finished proves the client's flight.
    (_S, Saw.NEW_SESSION_TICKET): State.AWAIT_SERVER_FINISHED,
    (_S, Saw.ENCRYPTED_HANDSHAKE): State.ESTABLISHED,
}

_SERVER_MESSAGES: Final[dict[Step, State]] = {
    # In this order, each at most once: RFC 5246 section 7.3, RFC 6066 section 8, RFC 4680.
    (_S, Saw.CERTIFICATE_STATUS): State.AWAIT_SERVER_HELLO_DONE,
    (_S, Saw.SERVER_KEY_EXCHANGE): State.AWAIT_SERVER_HELLO_DONE,
    (_S, Saw.CERTIFICATE_REQUEST): State.AWAIT_SERVER_HELLO_DONE_AFTER_REQUEST,
    (_S, Saw.SERVER_HELLO_DONE): State.AWAIT_CLIENT_KEY_EXCHANGE,
}

_DATA: Final[dict[Step, State]] = {
    (_S, Saw.APPLICATION_DATA): State.ESTABLISHED,  # proves both Finished: a server sends data after them only
}

TRANSITIONS: Final[dict[State, dict[Step, State]]] = {
    State.AWAIT_CLIENT_HELLO: {
        (_C, Saw.CLIENT_HELLO): State.AWAIT_SERVER_HELLO,
        (_S, Saw.HELLO_REQUEST): State.AWAIT_CLIENT_HELLO,  # RFC 5246 section 7.4.1.1
        **_HELLOS,  # proves the ClientHello
        (_S, Saw.CERTIFICATE): State.AWAIT_SERVER_HELLO_DONE,
        (_C, Saw.APPLICATION_DATA): State.AWAIT_SERVER_DATA,
        (_S, Saw.APPLICATION_DATA): State.AWAIT_CLIENT_DATA,
        **_SERVER_NOT_SEEN,
        **_CLIENT_NOT_SEEN,
    },
    State.AWAIT_SERVER_HELLO: {
        **_HELLOS,
        (_C, Saw.CLIENT_HELLO): State.AWAIT_SERVER_HELLO,  # sent twice by some SSLv2-compatible clients
        (_C, Saw.APPLICATION_DATA): State.AWAIT_SERVER_HELLO,  # 0-RTT, RFC 8446 section 2.3
        **_SERVER_NOT_SEEN,
        **_CLIENT_NOT_SEEN,
        **_DATA,
    },
    State.AWAIT_SECOND_CLIENT_HELLO: {
        (_C, Saw.CLIENT_HELLO): State.AWAIT_SERVER_HELLO_AFTER_RETRY,
        (_C, Saw.APPLICATION_DATA): State.AWAIT_SECOND_CLIENT_HELLO,  # 0-RTT sent before the retry arrived
        (_S, Saw.SERVER_HELLO_13): State.AWAIT_SERVER_FLIGHT,  # proves the second ClientHello
    },
    State.AWAIT_SERVER_HELLO_AFTER_RETRY: {
        (_S, Saw.SERVER_HELLO_13): State.AWAIT_SERVER_FLIGHT,
        (_C, Saw.APPLICATION_DATA): State.AWAIT_SERVER_HELLO_AFTER_RETRY,
    },
    # TLS 1.2 and before, full handshake: RFC 5246 section 7.3, figure 1.
    State.AWAIT_SERVER_CERTIFICATE: {
        (_S, Saw.SUPPLEMENTAL_DATA): State.AWAIT_SERVER_CERTIFICATE,
        (_S, Saw.CERTIFICATE): State.AWAIT_SERVER_HELLO_DONE,
        **_SERVER_MESSAGES,  # without a Certificate: anonymous and PSK suites (RFC 4279)
        # Abbreviated handshake, figure 2.
        (_S, Saw.NEW_SESSION_TICKET): State.AWAIT_SERVER_FINISHED_RESUMED,
        (_S, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_CLIENT_FINISHED_RESUMED,
        **_SERVER_NOT_SEEN,
        (_C, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_SERVER_FINISHED,
        **_DATA,
    },
    State.AWAIT_SERVER_HELLO_DONE: {
        **_SERVER_MESSAGES,
        **_SERVER_NOT_SEEN,
        **_CLIENT_NOT_SEEN,
        **_DATA,
    },
    State.AWAIT_SERVER_HELLO_DONE_AFTER_REQUEST: {
        (_S, Saw.CERTIFICATE_STATUS): State.AWAIT_SERVER_HELLO_DONE_AFTER_REQUEST,
        (_S, Saw.SERVER_HELLO_DONE): State.AWAIT_CLIENT_CERTIFICATE,
        **_SERVER_NOT_SEEN,
        **_CLIENT_NOT_SEEN,
        **_DATA,
    },
    State.AWAIT_CLIENT_CERTIFICATE: {
        (_C, Saw.SUPPLEMENTAL_DATA): State.AWAIT_CLIENT_CERTIFICATE,
        (_C, Saw.CERTIFICATE): State.AWAIT_CLIENT_KEY_EXCHANGE,
        (_C, Saw.CLIENT_KEY_EXCHANGE): State.AWAIT_CLIENT_FINISHED,  # SSL 3.0: a no_certificate alert instead
        (_C, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_SERVER_FINISHED,
        **_CLIENT_NOT_SEEN,
        **_DATA,
    },
    State.AWAIT_CLIENT_KEY_EXCHANGE: {
        (_C, Saw.SUPPLEMENTAL_DATA): State.AWAIT_CLIENT_KEY_EXCHANGE,
        (_C, Saw.CERTIFICATE): State.AWAIT_CLIENT_KEY_EXCHANGE,  # not asked for, as far as was seen
        (_C, Saw.CLIENT_KEY_EXCHANGE): State.AWAIT_CLIENT_FINISHED,
        (_C, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_SERVER_FINISHED,
        **_CLIENT_NOT_SEEN,
        **_DATA,
    },
    State.AWAIT_CLIENT_FINISHED: {
        (_C, Saw.CERTIFICATE_VERIFY): State.AWAIT_CLIENT_FINISHED,
        (_C, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_SERVER_FINISHED,
        **_CLIENT_NOT_SEEN,
        **_DATA,
    },
    State.AWAIT_SERVER_FINISHED: {
        (_C, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_SERVER_FINISHED,  # NPN or channel id came before the Finished
        (_C, Saw.APPLICATION_DATA): State.AWAIT_SERVER_FINISHED,  # false start, RFC 7918
        (_S, Saw.NEW_SESSION_TICKET): State.AWAIT_SERVER_FINISHED,
        (_S, Saw.ENCRYPTED_HANDSHAKE): State.ESTABLISHED,
        **_DATA,
    },
    State.AWAIT_SERVER_FINISHED_RESUMED: {
        (_S, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_CLIENT_FINISHED_RESUMED,
        (_C, Saw.ENCRYPTED_HANDSHAKE): State.ESTABLISHED,  # proves the server's
        (_C, Saw.APPLICATION_DATA): State.ESTABLISHED,
        **_DATA,
    },
    State.AWAIT_CLIENT_FINISHED_RESUMED: {
        (_S, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_CLIENT_FINISHED_RESUMED,
        (_C, Saw.ENCRYPTED_HANDSHAKE): State.ESTABLISHED,
        (_C, Saw.APPLICATION_DATA): State.ESTABLISHED,  # proves its Finished
        **_DATA,  # RFC 7918 lets clients start early, not servers
    },
    # TLS 1.3, RFC 8446 section 2: only the presence, size and direction of ciphertext is visible.
    State.AWAIT_SERVER_FLIGHT: {
        (_S, Saw.SHORT_CIPHERTEXT): State.AWAIT_SERVER_FLIGHT,  # an alert in place of the flight
        (_S, Saw.FINISHED_SIZED): State.AWAIT_CLIENT_FLIGHT,
        (_S, Saw.CIPHERTEXT): State.AWAIT_CLIENT_FLIGHT,
        (_C, Saw.SHORT_CIPHERTEXT): State.AWAIT_SERVER_FLIGHT,
        (_C, Saw.CIPHERTEXT): State.AWAIT_SERVER_FLIGHT,  # 0-RTT
        (_C, Saw.FINISHED_SIZED): State.LOOKS_ESTABLISHED,  # proves the server's flight
    },
    State.AWAIT_CLIENT_FLIGHT: {
        (_S, Saw.SHORT_CIPHERTEXT): State.AWAIT_CLIENT_FLIGHT,
        (_S, Saw.FINISHED_SIZED): State.AWAIT_CLIENT_FLIGHT,
        (_S, Saw.CIPHERTEXT): State.AWAIT_CLIENT_FLIGHT,
        (_C, Saw.SHORT_CIPHERTEXT): State.AWAIT_CLIENT_FLIGHT,  # alert, empty Certificate, EndOfEarlyData
        (_C, Saw.CIPHERTEXT): State.AWAIT_CLIENT_FLIGHT_END,
        (_C, Saw.FINISHED_SIZED): State.LOOKS_ESTABLISHED,
    },
    State.AWAIT_CLIENT_FLIGHT_END: {
        (_C, Saw.SHORT_CIPHERTEXT): State.AWAIT_CLIENT_FLIGHT_END,
        (_C, Saw.CIPHERTEXT): State.AWAIT_CLIENT_FLIGHT_END,  # CertificateVerify, or data after a coalesced flight
        (_C, Saw.FINISHED_SIZED): State.LOOKS_ESTABLISHED,
        (_S, Saw.SHORT_CIPHERTEXT): State.AWAIT_CLIENT_FLIGHT_END,  # the server refuses
        (_S, Saw.FINISHED_SIZED): State.LOOKS_ESTABLISHED,
        (_S, Saw.CIPHERTEXT): State.LOOKS_ESTABLISHED,  # ticket or data: proves the client's Finished
    },
    # Captured from the middle.
    State.AWAIT_SERVER_DATA: {
        (_C, Saw.APPLICATION_DATA): State.AWAIT_SERVER_DATA,
        (_S, Saw.APPLICATION_DATA): State.LOOKS_ESTABLISHED,
        (_C, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_SERVER_DATA,  # renegotiation, tickets
        (_S, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_SERVER_DATA,
        (_C, Saw.CLIENT_HELLO): State.AWAIT_SERVER_HELLO,
        **_HELLOS,
    },
    State.AWAIT_CLIENT_DATA: {
        (_C, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_CLIENT_DATA,
        (_S, Saw.ENCRYPTED_HANDSHAKE): State.AWAIT_CLIENT_DATA,
        (_S, Saw.APPLICATION_DATA): State.AWAIT_CLIENT_DATA,
        (_C, Saw.APPLICATION_DATA): State.LOOKS_ESTABLISHED,
        (_C, Saw.CLIENT_HELLO): State.AWAIT_SERVER_HELLO,
    },
    # Tickets, renegotiation and key updates are ciphertext and change nothing for an observer.
    State.ESTABLISHED: {
        (side, saw): State.ESTABLISHED for side in Side for saw in (Saw.ENCRYPTED_HANDSHAKE, Saw.APPLICATION_DATA)
    },
    State.LOOKS_ESTABLISHED: {
        (side, saw): State.LOOKS_ESTABLISHED
        for side in Side
        for saw in (
            Saw.ENCRYPTED_HANDSHAKE,
            Saw.APPLICATION_DATA,
            Saw.SHORT_CIPHERTEXT,
            Saw.FINISHED_SIZED,
            Saw.CIPHERTEXT,
        )
    },
}

STALLS: Final[dict[State, Stall]] = {
    State.AWAIT_CLIENT_HELLO: Stall("first-bytes", _C),
    State.AWAIT_SERVER_HELLO: Stall("server-hello", _S),
    State.AWAIT_SECOND_CLIENT_HELLO: Stall("server-hello", _C),
    State.AWAIT_SERVER_HELLO_AFTER_RETRY: Stall("server-hello", _S),
    State.AWAIT_SERVER_CERTIFICATE: Stall("server-flight", _S),
    State.AWAIT_SERVER_HELLO_DONE: Stall("server-flight", _S),
    State.AWAIT_SERVER_HELLO_DONE_AFTER_REQUEST: Stall("server-flight", _S),
    State.AWAIT_CLIENT_CERTIFICATE: Stall("client-flight", _C),
    State.AWAIT_CLIENT_KEY_EXCHANGE: Stall("client-flight", _C),
    State.AWAIT_CLIENT_FINISHED: Stall("client-flight", _C),
    State.AWAIT_SERVER_FINISHED: Stall("server-finished", _S),
    State.AWAIT_SERVER_FINISHED_RESUMED: Stall("server-flight", _S),
    State.AWAIT_CLIENT_FINISHED_RESUMED: Stall("client-flight", _C),
    State.AWAIT_SERVER_FLIGHT: Stall("server-flight", _S),
    State.AWAIT_CLIENT_FLIGHT: Stall("client-flight", _C),
    State.AWAIT_CLIENT_FLIGHT_END: Stall("client-flight", _C),
    State.AWAIT_SERVER_DATA: Stall("application", None),
    State.AWAIT_CLIENT_DATA: Stall("application", None),
    State.ESTABLISHED: Stall("application", None),
    State.LOOKS_ESTABLISHED: Stall("application", None),
}
