"""All TLS that could be read of one session. Parsing beyond message headers happens when a field is first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from capanalyzer.handshake import bodies
from capanalyzer.handshake.machine import Handshake, walk
from capanalyzer.handshake.side import Side
from capanalyzer.handshake.states import State
from capanalyzer.lazy import lazy
from capanalyzer.tls.records import ALERT, APPLICATION_DATA, HANDSHAKE, SSLV2, Message

if TYPE_CHECKING:
    from capanalyzer.tls.certificates import CertificateFacts
    from capanalyzer.tls.hello import ClientHello, ServerHello
    from capanalyzer.tls.records import TlsReader

__all__ = ["MAX_MESSAGES", "Alert", "TlsFacts"]

MAX_MESSAGES: Final = 256
"""Messages of both sides kept in ``messages``: a handshake has about fifteen, some data records follow."""

_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE = 1, 2, 11
_SERVER_KEY_EXCHANGE: Final = 12
_NAMED_CURVE: Final = b"\x03"
_EARLY_DATA: Final = 42
_EMPTY_CERTIFICATE_13: Final = 25
"""TLS 1.3 record with an empty Certificate: header 4, context 1, list length 3, inner type 1, tag 16."""
_EMPTY_MESSAGE: Final = 8
_PADDING: Final = 16


class Alert(NamedTuple):
    """A record of type 21. Level, code are None where it cannot be read."""

    time_ns: int
    frame: int
    side: Side
    level: int | None
    code: int | None
    encrypted: bool
    length: int
    """Record length."""


class TlsFacts:
    """What both directions' messages say together.

    Built from the messages alone, so that a hand-made list gives a complete object; ``handshake`` and ``readers`` are
    given by whoever has them already.
    """

    def __init__(
        self,
        messages: Sequence[Message],
        *,
        handshake: Handshake | None = None,
        readers: tuple[TlsReader | None, TlsReader | None] = (None, None),
    ) -> None:
        self.messages: Sequence[Message] = messages
        """Both directions merged in capture order, at most ``MAX_MESSAGES`` (data records beyond are only counted)."""
        self.handshake = walk(messages) if handshake is None else handshake
        self._readers = readers

    # --- the machine's results ----------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """What is awaited, or ESTABLISHED / LOOKS_ESTABLISHED."""
        return self.handshake.state

    @property
    def handshake_done_ns(self) -> int | None:
        """When the state became ESTABLISHED or LOOKS_ESTABLISHED."""
        return self.handshake.done_ns

    @property
    def version(self) -> int | None:
        """Negotiated version (0x0304 for TLS 1.3, drafts as they are); None before a ServerHello."""
        return self.handshake.version

    @property
    def is_13(self) -> bool:
        """TLS 1.3 or a draft of it was negotiated: all after the ServerHello is ciphertext."""
        return self.handshake.is_13

    @property
    def unexpected(self) -> tuple[tuple[State, Message], ...]:
        """Messages that no row of the table allows (bounded)."""
        return tuple(self.handshake.unexpected)

    @property
    def change_cipher_spec(self) -> tuple[Message | None, Message | None]:
        """(client, server), first one each."""
        client, server = self.handshake.change_cipher_spec
        return client, server

    @property
    def finished(self) -> tuple[Message | None, Message | None]:
        """(client, server): the record taken for Finished (encrypted handshake record after CCS; in TLS 1.3 inferred
        from its size and place, None where it shares a record with other messages).
        """
        client, server = self.handshake.finished
        return client, server

    @property
    def alert_sized(self) -> tuple[Message | None, Message | None]:
        """(client, server), TLS 1.3 only: the first record that is an alert by its size and place: the client's in
        place of its Finished, the server's in its flight or before any ticket or answer. A finding, not an alert.
        """
        client, server = self.handshake.alert_sized
        return client, server

    @property
    def data_from(self) -> tuple[bool, bool]:
        """(client, server) sent what can only follow the handshake: data, and in TLS 1.3 the server's ticket."""
        client, server = self.handshake.data_from
        return client, server

    @property
    def carries_data(self) -> bool:
        """Data went both ways, though of one end's first record not all came yet: a long one takes many segments."""
        data, readers = self.handshake.data_from, self._readers
        if data[0] and data[1]:
            return True
        if self.handshake.done_ns is None or not (data[0] or data[1]):
            return False
        reader = readers[1] if data[0] else readers[0]
        return reader is not None and reader.is_in_data

    @property
    def is_read(self) -> bool:
        """Something of a handshake can be read: it was going on."""
        return any(message[4] == HANDSHAKE and not message[7] for message in self.messages)

    # --- hellos -------------------------------------------------------------------------------------------------------

    @lazy
    def _hellos(self) -> tuple[Message | None, Message | None, Message | None, Message | None]:
        """First and second ClientHello, ServerHello, HelloRetryRequest."""
        client = second = server = retry = None
        for message in self.messages:
            kind = message[5]
            if kind == _CLIENT_HELLO:
                if message[3] == 0 and not message[7]:
                    if client is None:
                        client = message
                    elif second is None and retry is not None:
                        second = message
            elif kind == _SERVER_HELLO:
                if message[3] == 1 and message[4] == HANDSHAKE and not message[7]:
                    if self.handshake.retried and server is None and bodies.is_retry(message):
                        retry = message if retry is None else retry
                    elif server is None:
                        server = message
            elif kind == 6 and message[3] == 1 and retry is None:
                retry = message  # HelloRetryRequest had a type of its own in drafts before 22
            elif kind == 4 and message[4] == SSLV2 and message[3] == 1 and server is None:
                server = message
        return client, second, server, retry

    @property
    def client_hello_message(self) -> Message | None:
        return self._hellos[0]

    @property
    def server_hello_message(self) -> Message | None:
        return self._hellos[2]

    @property
    def hello_retry_message(self) -> Message | None:
        return self._hellos[3]

    @lazy
    def client_hello(self) -> ClientHello | None:
        """The first one; None where there is none or its fixed fields do not parse (see ``malformed``)."""
        return bodies.client_hello_of(self._hellos[0])

    @lazy
    def second_client_hello(self) -> ClientHello | None:
        """After a HelloRetryRequest."""
        return bodies.client_hello_of(self._hellos[1])

    @lazy
    def server_hello(self) -> ServerHello | None:
        """The real one, never the HelloRetryRequest."""
        return bodies.server_hello_of(self._hellos[2])

    @lazy
    def hello_retry(self) -> ServerHello | None:
        """The HelloRetryRequest."""
        return bodies.server_hello_of(self._hellos[3])

    @lazy
    def downgrade_sentinel(self) -> bool:
        """ServerHello.random ends in DOWNGRD 00/01 (RFC 8446 section 4.1.3)."""
        message = self._hellos[2]
        return message is not None and message.body[26:33] == b"DOWNGRD" and message.body[33:34] in (b"\0", b"\1")

    @lazy
    def key_exchange_group(self) -> int | None:
        """The named group of the key exchange: RFC 8446 section 4.2.8, RFC 8422 section 5.4; None where unseen."""
        answer = self.server_hello
        if answer is not None and answer.key_share is not None:
            return answer.key_share.group
        return self._group_of_server_key_exchange()

    def _group_of_server_key_exchange(self) -> int | None:
        for message in self.messages:
            if message[5] == _SERVER_KEY_EXCHANGE and message.body[:1] == _NAMED_CURVE and len(message.body) > 2:
                return int.from_bytes(message.body[1:3], "big")
        return None

    # --- certificates -------------------------------------------------------------------------------------------------

    @lazy
    def certificates(self) -> tuple[CertificateFacts, ...]:
        """The server's chain as sent, readable up to TLS 1.2."""
        server = self._hellos[2]
        if server is not None and server.content_type == SSLV2:
            return bodies.sslv2_certificate_of(server.body)
        return bodies.chain_of(self.certificate_message(Side.SERVER))

    @lazy
    def client_certificates(self) -> tuple[CertificateFacts, ...]:
        return bodies.chain_of(self.certificate_message(Side.CLIENT))

    def certificate_message(self, side: Side) -> Message | None:
        """This side's first Certificate message, if it can be read."""
        for message in self.messages:
            if message[5] == _CERTIFICATE and message[3] == side and message[4] == HANDSHAKE:
                return message
        return None

    @lazy
    def client_certificate_sent(self) -> bool | None:
        """False: a CertificateRequest was answered by an empty Certificate; None: not seen.

        In TLS 1.3 by the size of the client's first record (likely, not certain). A Finished means that none was asked
        for. An empty Certificate is a record of 25 bytes, or 8 bytes more than a Finished with which it shares one; one
        with certificates is longer still. JSSE's records have 16 bytes of padding.
        """
        message = self.certificate_message(Side.CLIENT)
        if message is not None:
            return message.length > 3
        hello, handshake = self._hellos[2], self.handshake
        if not handshake.is_13 or hello is None or self._offers_early_data:
            return None
        behind = self.messages[self.messages.index(hello) :]
        first = next((m.length for m in behind if m.content_type == APPLICATION_DATA and m.side == Side.CLIENT), 0)
        empty = (_EMPTY_CERTIFICATE_13, handshake.finished_size + _EMPTY_MESSAGE)
        if any(first in (size, size + _PADDING) for size in empty):
            return False
        return True if first > handshake.finished_size + _EMPTY_MESSAGE + _PADDING else None

    @property
    def _offers_early_data(self) -> bool:
        hello = self.client_hello
        return hello is not None and any(kind == _EARLY_DATA for kind, _ in hello.extensions)

    # --- the rest -----------------------------------------------------------------------------------------------------

    @lazy
    def alerts(self) -> tuple[Alert, ...]:
        """Records of type 21, in capture order."""
        found = []
        for message in self.messages:
            if message[4] == ALERT:
                body, hidden = message.body, message.encrypted
                clear = not hidden and len(body) == 2
                found.append(
                    Alert(
                        message.time_ns,
                        message.frame,
                        Side(message.side),
                        body[0] if clear else None,
                        body[1] if clear else None,
                        not clear,
                        message.length,
                    )
                )
        return tuple(found)

    @lazy
    def resumed(self) -> bool:
        """Abbreviated handshake: a session id or ticket of an earlier session is taken up and no Certificate sent (RFC
        5246 section 7.3, RFC 5077), or a pre-shared key was selected (RFC 8446 section 2.2).
        """
        hello = self.server_hello
        if hello is None:
            return False
        if self.handshake.is_13:
            return hello.selected_psk is not None
        if self.certificate_message(Side.SERVER) is not None:
            return False
        message = self._hellos[0]
        if message is not None and message.content_type == HANDSHAKE:
            mine, answer = (
                bodies.session_id_of(message.body),
                bodies.session_id_of(self._hellos[2].body if self._hellos[2] else b""),
            )
            if mine and mine == answer:
                return True
        # The server finishes first: a ticket was accepted, with or without a session id.
        client, server = self.handshake.finished
        skipped = not any(m[5] in (12, 14, 16) for m in self.messages if m[4] == HANDSHAKE)
        return skipped and server is not None and next(m for m in self.messages if m in (client, server)) is server

    @lazy
    def history(self) -> str:
        """Zeek's ssl_history letters, capital = client."""
        from capanalyzer.tls.history import history  # only reports ask

        return history(self.messages)

    @lazy
    def application_records(self) -> tuple[int, int]:
        """(client, server): type-23 records in the part of the stream looked at; in TLS 1.3 only those after the
        client's Finished, as far as sizes tell: the server's tickets are among them, alerts by size are not.
        """
        counts = [0, 0]
        for message in self._data_messages:
            counts[message.side] += 1
        return counts[0], counts[1]

    @lazy
    def _data_messages(self) -> list[Message]:
        records = [message for message in self.messages if message[4] == APPLICATION_DATA]
        handshake = self.handshake
        if not handshake.is_13:
            return records
        done_ns, finished = handshake.done_ns, handshake.finished[0]
        if done_ns is None:
            return []
        at = records.index(finished) + 1 if finished in records else 0
        if not at:
            at = next((n for n, m in enumerate(records) if m.time_ns >= done_ns), len(records))
        alerts = {id(m) for m in handshake.alert_sized if m is not None}
        found = records[at:]
        for side in Side:
            last = next((m for m in reversed(found) if m.side == side), None)
            if last is not None and last.length == handshake.alert_size:
                alerts.add(id(last))  # the close_notify
        return [m for m in found if id(m) not in alerts]

    @lazy
    def malformed(self) -> tuple[tuple[Side, int, str], ...]:
        """(side, frame, what) where a message did not parse although it was complete."""
        found = [
            (Side(reader.side), frame, what)
            for reader in self._readers
            if reader is not None
            for frame, what in reader.malformed
        ]
        for message in self.messages:
            if message[4] == HANDSHAKE and not message[7] and message[5] in (_CLIENT_HELLO, _SERVER_HELLO):
                if message is self._hellos[0] and self.client_hello is not None:
                    continue
                error = bodies.hello_error(message)
                if error:
                    found.append((Side(message.side), message.frame, error))
        return tuple(found)

    def shed(self) -> None:
        """Let go of the readers: what can still be asked of them is worked out now."""
        _ = self.malformed, self.desynchronised
        self._readers = (None, None)

    @lazy
    def desynchronised(self) -> tuple[bool, bool]:
        """(client, server): bytes that are no TLS record followed TLS records; reading stopped there."""
        client, server = self._readers
        return (
            client is not None and client.desynchronised is not None,
            server is not None and server.desynchronised is not None,
        )
