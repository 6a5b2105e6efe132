"""Walks the table of :mod:`capanalyzer.handshake.states`, one message at a time.

What a message *is* depends on what came before: a record of type 23 is data in TLS 1.2 and may be a Finished in
TLS 1.3, where only its size tells. :class:`Handshake` keeps the little that takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from operator import itemgetter
from typing import Final

from capanalyzer.handshake.side import Side
from capanalyzer.handshake.states import DONE, STALLS, TRANSITIONS, Saw, State
from capanalyzer.tls.records import Message

__all__ = ["HELLO_RETRY_RANDOM", "MAX_UNEXPECTED", "Handshake", "causal_order", "read_choice", "walk"]

HELLO_RETRY_RANDOM: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""SHA-256 of "HelloRetryRequest": RFC 8446 section 4.1.3."""
MAX_UNEXPECTED: Final = 16
"""Messages out of place that are kept: the first one says what went wrong, a stream of them adds nothing."""

_SUPPORTED_VERSIONS: Final = 43
_SHA384_SUITES: Final = frozenset((0x1302,))
"""TLS 1.3 suites whose Finished has 48 bytes; the others of RFC 8446 and RFC 8998 have 32."""
_SHORT_TAG_SUITES: Final = frozenset((0x1305,))
"""AEADs with a tag of 8 bytes instead of 16 (CCM_8)."""
_PADDING: Final = 16
"""JSSE pads TLS 1.3 handshake and alert records by this much."""
_LEAST_SERVER_FLIGHT: Final = 7
"""Header, empty EncryptedExtensions, inner content type: with the tag, the shortest record that begins a flight."""

_SAW_OF_TYPE: Final[dict[int, int]] = {
    0: int(Saw.HELLO_REQUEST),
    1: int(Saw.CLIENT_HELLO),
    4: int(Saw.NEW_SESSION_TICKET),
    6: int(Saw.HELLO_RETRY_REQUEST),  # its own type in drafts of TLS 1.3 before 22
    11: int(Saw.CERTIFICATE),
    12: int(Saw.SERVER_KEY_EXCHANGE),
    13: int(Saw.CERTIFICATE_REQUEST),
    14: int(Saw.SERVER_HELLO_DONE),
    15: int(Saw.CERTIFICATE_VERIFY),
    16: int(Saw.CLIENT_KEY_EXCHANGE),
    21: int(Saw.SUPPLEMENTAL_DATA),  # CertificateURL, RFC 6066 section 5
    22: int(Saw.CERTIFICATE_STATUS),
    23: int(Saw.SUPPLEMENTAL_DATA),
}

# The table again with plain integers for steps (saw << 1 | side): this runs for every message of every session.
_NEXT: Final[dict[State, dict[int, State]]] = {
    state: {saw << 1 | side: target for (side, saw), target in row.items()} for state, row in TRANSITIONS.items()
}

_SHORT, _FINISHED, _CIPHERTEXT = int(Saw.SHORT_CIPHERTEXT), int(Saw.FINISHED_SIZED), int(Saw.CIPHERTEXT)
_SERVER_HELLO_12, _SERVER_HELLO_13 = int(Saw.SERVER_HELLO_12), int(Saw.SERVER_HELLO_13)
_ENCRYPTED, _DATA, _OTHER = int(Saw.ENCRYPTED_HANDSHAKE), int(Saw.APPLICATION_DATA), int(Saw.OTHER)


def read_choice(body: bytes) -> tuple[int, int, bool]:
    """(negotiated version, cipher suite, is a HelloRetryRequest) of a ServerHello body, as far as it goes.

    RFC 8446 section 4.1.3: the version is in supported_versions if that is there, else in legacy_version.
    """
    if len(body) < 35:
        return int.from_bytes(body[:2], "big"), 0, False
    version = body[0] << 8 | body[1]
    if body[0] == 0x7F and version < 0x7F16:  # drafts before 22 had no session id here
        return version, int.from_bytes(body[34:36], "big"), False
    at = 35 + body[34]
    suite = int.from_bytes(body[at : at + 2], "big")
    size = len(body)
    at += 5
    if body.find(b"\0\x2b\0\2", at) < 0:
        size = 0  # the usual case of TLS 1.2, told without reading the extensions one by one
    while at + 6 <= size:
        if body[at + 1] == _SUPPORTED_VERSIONS and not body[at]:
            version = body[at + 4] << 8 | body[at + 5]
            break
        at += 4 + (body[at + 2] << 8 | body[at + 3])
    return version, suite, body[2:34] == HELLO_RETRY_RANDOM


class Handshake:
    """The state of one handshake; ``see`` takes its messages in capture order. All attributes are results."""

    __slots__ = (
        "_flight_last",
        "_padded",
        "alert_size",
        "alert_sized",
        "change_cipher_spec",
        "data_from",
        "done_ns",
        "finished",
        "finished_size",
        "is_13",
        "retried",
        "since_ns",
        "state",
        "suite",
        "unexpected",
        "version",
    )

    def __init__(self) -> None:
        self.state = State.AWAIT_CLIENT_HELLO
        self.since_ns = 0
        """When ``state`` was entered, nanoseconds since the Unix epoch; 0 before any message."""
        self.done_ns: int | None = None
        """When the handshake was done, or looked so."""
        self.version: int | None = None
        """Negotiated version; None before a ServerHello."""
        self.suite = 0
        self.is_13 = False
        """TLS 1.3 or one of its drafts."""
        self.retried = False
        """A HelloRetryRequest was sent."""
        self.finished: list[Message | None] = [None, None]
        """Of (client, server), what was taken for its Finished."""
        self.change_cipher_spec: list[Message | None] = [None, None]
        """Of (client, server), the first."""
        self.alert_sized: list[Message | None] = [None, None]
        """Of (client, server) in TLS 1.3: the first record that is an alert by size and position, before the end of the
        sender's part of the handshake (client: its Finished; server: its first record after the client's)."""
        self.data_from = [False, False]
        """(client, server) sent what can only follow the handshake: data, in TLS 1.3 also the server's ticket."""
        self.unexpected: list[tuple[State, Message]] = []
        """Messages that no row of the table allows, at most ``MAX_UNEXPECTED``."""
        self.finished_size = 53
        """TLS 1.3: length of the record of a Finished without padding."""
        self.alert_size = 19
        """TLS 1.3: length of the record of an alert without padding."""
        self._flight_last: Message | None = None
        self._padded = [False, False]

    def padding(self, side: int) -> int:
        """Bytes by which a side's records are longer than they need be, by its Finished (JSSE: 16); TLS 1.3."""
        return _PADDING if self._padded[side] else 0

    @property
    def done(self) -> bool:
        return self.done_ns is not None

    def fork(self) -> None:
        """After a shallow copy: lists of its own."""
        self.finished = list(self.finished)
        self.change_cipher_spec = list(self.change_cipher_spec)
        self.alert_sized = list(self.alert_sized)
        self.data_from = list(self.data_from)
        self.unexpected = list(self.unexpected)
        self._padded = list(self._padded)

    def see(self, message: Message) -> None:
        """Take one message."""
        self.see_all((message,))

    def see_all(self, messages: Iterable[Message]) -> None:
        """Take messages in their order. What the table does not allow is kept as evidence; nothing raises."""
        state = self.state
        for message in messages:
            side = message[3]
            content = message[4]
            if content == 22:
                if message[7]:
                    saw = _ENCRYPTED
                    if self.finished[side] is None:
                        self.finished[side] = message
                else:
                    saw = self._server_hello(message) if message[5] == 2 else _SAW_OF_TYPE.get(message[5], _OTHER)
            elif content == 23:
                saw = self._by_size(message) if self.is_13 else _DATA
            elif content == 0x80:
                saw = self._sslv2(message)
            else:
                if content == 20 and self.change_cipher_spec[side] is None:
                    self.change_cipher_spec[side] = message
                continue
            target = _NEXT[state].get(saw << 1 | side)
            if target is state:
                if saw == _DATA or (saw == _CIPHERTEXT and self.done_ns is not None):
                    self.data_from[side] = True
            elif target is None:
                if len(self.unexpected) < MAX_UNEXPECTED:
                    self.unexpected.append((state, message))
            else:
                self.state = state = target
                self.since_ns = message[0]
                if saw == _DATA:
                    self.data_from[side] = True
                if target in DONE:
                    self._done(message, saw)

    def _done(self, message: Message, saw: int) -> None:
        """This message ended the handshake."""
        self.done_ns = message[0]
        if message[3] == 1:
            if saw in (_CIPHERTEXT, _FINISHED):
                self.data_from[1] = True  # a ticket or data, TLS 1.3
        elif saw == _FINISHED:
            self._client_finished(message)

    def _server_hello(self, message: Message) -> int:
        version, suite, retry = read_choice(message.body)
        if retry:
            self.retried = True
            return int(Saw.HELLO_RETRY_REQUEST)
        if self.version is None:
            self.version, self.suite = version, suite
            self.is_13 = version == 0x0304 or version >> 8 in (0x7F, 0xFB)  # drafts; Facebook's own drafts
            if self.is_13:
                tag = 8 if suite in _SHORT_TAG_SUITES else 16
                # Header 4, verify_data, inner content type 1, tag: RFC 8446 sections 4.4.4 and 5.2.
                self.finished_size = 5 + (48 if suite in _SHA384_SUITES else 32) + tag
                self.alert_size = 3 + tag
                return _SERVER_HELLO_13
        return _SERVER_HELLO_13 if self.is_13 else _SERVER_HELLO_12

    def _sslv2(self, message: Message) -> int:
        """SSLv2's messages take the places of TLS's (RFC 6101 appendix E; its own types after the hello)."""
        kind = message[5]
        if kind == 1:
            return int(Saw.CLIENT_HELLO)  # also TLS's, in SSLv2 form: RFC 5246 appendix E.2
        if kind == 4:
            if self.version is None:
                self.version = 0x0002
            return _SERVER_HELLO_12
        if kind == 2:
            return int(Saw.CLIENT_KEY_EXCHANGE)
        if kind == 0:
            return _OTHER  # ERROR
        return _ENCRYPTED if self.done_ns is None else _DATA

    def _by_size(self, message: Message) -> int:
        """What a TLS 1.3 ciphertext can be, by its length and place."""
        side, size = message[3], message[6]
        finished, alert = self.finished_size, self.alert_size
        is_alert = size == alert or size == alert + _PADDING
        if self.done_ns is not None:
            if not is_alert or (size != alert and not self._padded[side]):
                return _CIPHERTEXT
        elif side == 0:
            if size == finished or size == finished + _PADDING:
                return _FINISHED
            if size > finished:
                return _CIPHERTEXT
        elif self.state is State.AWAIT_SERVER_FLIGHT:
            if size >= _LEAST_SERVER_FLIGHT + alert - 3:
                self._flight_last = message
                return _CIPHERTEXT
        elif not is_alert:
            if self.state is State.AWAIT_CLIENT_FLIGHT:
                self._flight_last = message
            return _FINISHED if size == finished or size == finished + _PADDING else _CIPHERTEXT
        if is_alert and self.alert_sized[side] is None and not self.data_from[side] and self._is_early(side):
            self.alert_sized[side] = message
        return _SHORT

    def _is_early(self, side: int) -> bool:
        """Before the end of this side's part: a client that has sent its Finished may well close."""
        return side == 1 or self.done_ns is None

    def _client_finished(self, message: Message) -> None:
        """The client's Finished came: the last record of the server's flight was the server's, if it has the size."""
        size = self.finished_size
        self.finished[0] = message
        self._padded[0] = message[6] != size
        last = self._flight_last
        if last is not None and last[6] in (size, size + _PADDING):
            self.finished[1] = last
            self._padded[1] = last[6] != size


def walk(messages: Iterable[Message]) -> Handshake:
    """The handshake that these messages make."""
    handshake = Handshake()
    handshake.see_all(messages)
    return handshake


def causal_order(messages: Sequence[Message]) -> list[Message]:
    """The messages of both sides in an order the table allows, where capture order was none.

    Several receive queues, or several capturing devices merged into a file, can put an answer before its question. Each
    side's own order is certain (it is stream order). Between the sides the times tell, where they put every message
    into a place that the table allows; else whoever is awaited goes first if the table allows that, else the earlier
    frame. Returns capture order where this is no better.
    """
    timed = sorted(messages, key=itemgetter(0))  # stable
    if not walk(timed).unexpected and all(
        [m for m in timed if m.side == side] == [m for m in messages if m.side == side] for side in Side
    ):
        return timed
    queues = [[message for message in messages if message.side == side] for side in Side]
    handshake, order, at = Handshake(), [], [0, 0]
    while at[0] < len(queues[0]) and at[1] < len(queues[1]):
        heads = queues[0][at[0]], queues[1][at[1]]
        awaited = STALLS[handshake.state].awaited
        side = awaited if awaited is not None else int(heads[1].frame < heads[0].frame)
        if not _is_allowed(handshake, heads[side]):
            side = 1 - side if _is_allowed(handshake, heads[1 - side]) else int(heads[1].frame < heads[0].frame)
        handshake.see(heads[side])
        order.append(heads[side])
        at[side] += 1
    order += queues[0][at[0] :] + queues[1][at[1] :]
    return order if len(walk(order).unexpected) < len(walk(messages).unexpected) else list(messages)


def _is_allowed(handshake: Handshake, message: Message) -> bool:
    """Would the table allow this message now? Tried on a copy."""
    trial = copy(handshake)
    trial.fork()
    trial.unexpected = []
    trial.see(message)
    return not trial.unexpected
