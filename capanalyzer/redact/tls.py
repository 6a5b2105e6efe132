"""A TLS stream with its identities replaced: records and messages keep their types and lengths.

Hellos stay but for names, tickets and what is not known to be harmless; certificates are rewritten
(:mod:`capanalyzer.redact.der`); signatures and key exchanges are overwritten but for what they say of algorithms and
sizes; ciphertext is overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from capanalyzer.errors import WireError
from capanalyzer.redact.der import redact_certificate, redact_distinguished_name
from capanalyzer.redact.redactor import Redactor
from capanalyzer.tls.certificates import read_chain
from capanalyzer.tls.hello import read_client_hello, read_server_hello
from capanalyzer.tls.plausible import begins_record, is_header, is_hello, is_plausible, is_sslv2_start, sslv2_size
from capanalyzer.tls.record_facts import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, MAX_MESSAGE
from capanalyzer.tls.signatures import Signature

__all__ = ["redact_tls"]

_HARMLESS: Final = frozenset((1, 5, 10, 11, 13, 14, 15, 16, 17, 21, 22, 23, 24, 27, 28, 34, 42, 43, 45, 48, 49, 50,
                              51, 13172, 17513, 17613, 30032, 65281))  # fmt: skip
"""Extensions that say what the software can do, not who it is."""
_NAME, _TICKET, _AUTHORITIES, _PSK = 0, 35, 47, 41
_MOST_METHODS: Final = 4
"""Compression methods: three were ever defined (RFC 3749, RFC 3943)."""
_NONCE: Final = 8
"""First bytes of ciphertext that stay: by them it is told from clear messages."""


def redact_tls(data: bytes, at: int, starts: Sequence[int], redactor: Redactor) -> bytes:
    """A direction's stream from ``at``, where TLS begins or goes on; what is before it is left as it is.

    :param starts: offsets at which segments begin, ascending: where a record is looked for when one is missing.
    """
    return _Stream(data, redactor).read(at, starts)


class _Stream:
    def __init__(self, data: bytes, redactor: Redactor) -> None:
        self._old = data
        self._redactor = redactor
        self._new = bytearray(data)
        self._pieces: list[tuple[int, int]] = []
        """(start, end) of the clear handshake bytes not rewritten yet."""
        self._ciphers = False

    def read(self, at: int, starts: Sequence[int]) -> bytes:
        old, size = self._old, len(self._old)
        while at < size:
            if size - at >= 5 and is_header(old, at):
                end = min(size, at + 5 + (old[at + 3] << 8 | old[at + 4]))
                self._record(old[at], at + 5, end)
                at = end
            elif size - at >= 5 and is_sslv2_start(old, at):
                end = min(size, at + sslv2_size(old, at))
                self._sslv2(at, end)
                at = end
            else:
                self._flush()
                following = next(
                    (
                        place
                        for place in starts
                        if place > at and begins_record(old[place : place + 20000], MAX_MESSAGE)
                    ),
                    size,
                )
                if size - at < 5:
                    following = size
                self._fill(at, following)
                at = following
        self._flush()
        return bytes(self._new)

    def _fill(self, start: int, end: int) -> None:
        if start < end:
            self._new[start:end] = self._redactor.words.fill(self._old[start:end])

    def _record(self, kind: int, start: int, end: int) -> None:
        old = self._old
        if kind == HANDSHAKE:
            if self._ciphers and not is_hello(old, start, end):
                self._fill(start + _NONCE, end)
            elif not self._pieces and not is_plausible(old, start, end, MAX_MESSAGE):
                self._ciphers = True
                self._fill(start + _NONCE, end)
            else:
                self._pieces.append((start, end))
            return
        self._flush()
        if kind == CHANGE_CIPHER_SPEC:
            self._ciphers = True
        if kind == APPLICATION_DATA or end - start > 2:
            self._fill(start + (_NONCE if kind == ALERT else 0), end)

    def _sslv2(self, start: int, end: int) -> None:
        head = start + (2 if self._old[start] & 0x80 else 3)
        if self._old[head : head + 1] == b"\x04":  # SERVER-HELLO: a certificate behind eleven bytes
            size = int.from_bytes(self._old[head + 5 : head + 7], "big")
            stop = min(end, head + 11 + size)
            self._new[head + 11 : stop] = redact_certificate(self._old[head + 11 : stop], self._redactor)
        elif self._old[head : head + 1] not in (b"\x00", b"\x01"):
            self._fill(head + 1, end)

    def _flush(self) -> None:
        """Rewrite the clear handshake messages gathered, across the records that hold them."""
        pieces, self._pieces = self._pieces, []
        if not pieces:
            return
        joined = b"".join(self._old[start:end] for start, end in pieces)
        made, at = bytearray(self._redactor.words.fill(joined)), 0
        while at + 4 <= len(joined):
            size = int.from_bytes(joined[at + 1 : at + 4], "big")
            made[at : at + 4] = joined[at : at + 4]
            body = joined[at + 4 : at + 4 + size]
            padded = body + bytes(min(size, MAX_MESSAGE) - len(body)) if len(body) < size else body
            made[at + 4 : at + 4 + len(body)] = self._message(joined[at], padded)[: len(body)]
            at += 4 + size
        if at < len(joined) < at + 4:
            made[at:] = joined[at:]
        at = 0
        for start, end in pieces:
            self._new[start:end] = made[at : at + end - start]
            at += end - start

    def _message(self, kind: int, body: bytes) -> bytes:
        message = _Message(body, self._redactor)
        reader = _READERS.get(kind)
        if reader is not None:
            reader(message)
        return bytes(message.new)


def _is_sound(read: Callable[[bytes], object], body: bytes) -> bool:
    """All lengths in a hello fit."""
    try:
        read(body)
    except WireError:
        return False
    return True


def _broken_signatures(body: bytes) -> frozenset[bytes]:
    """Certificates of a message whose named issuer is there too, and did not make their signature."""
    chain = read_chain(body).certificates
    found = set()
    for one in chain:
        checked = [one.signature_by(issuer) for issuer in chain if one.names_issuer(issuer)]
        if checked and all(result is Signature.BROKEN for result in checked):
            found.add(one.der)
    return frozenset(found)


class _Message:
    """A message's body: overwritten at first, then copied back piece by piece as it is understood."""

    def __init__(self, body: bytes, redactor: Redactor) -> None:
        self.old, self.redactor = body, redactor
        self.new = bytearray(redactor.words.fill(body))
        self.at = 0

    def keep(self, size: int) -> None:
        end = min(len(self.old), self.at + size)
        self.new[self.at : end] = self.old[self.at : end]
        self.at = end

    def number(self, width: int) -> int:
        """A length, which stays."""
        value = int.from_bytes(self.old[self.at : self.at + width], "big")
        self.keep(width)
        return value

    def put(self, data: bytes) -> None:
        end = min(len(self.old), self.at + len(data))
        self.new[self.at : end] = data[: end - self.at]
        self.at = end

    # -- messages ------------------------------------------------------------------------------------------------------

    def all(self) -> None:
        self.keep(len(self.old))

    def client_hello(self) -> None:
        self.keep(34)
        self.keep(min(self.number(1), 32))
        suites = self.number(2)
        if not _is_sound(read_client_hello, self.old):
            return  # by a length that is wrong a name would be taken for cipher suites, and stay
        self.keep(suites)
        methods = self.number(1)
        if suites % 2 or methods > _MOST_METHODS:
            return
        self.keep(methods)
        self.extensions()

    def server_hello(self) -> None:
        self.keep(34)
        self.keep(min(self.number(1), 32))
        self.keep(3)
        if _is_sound(read_server_hello, self.old):
            self.extensions()

    def extensions(self) -> None:
        if self.at >= len(self.old):
            return
        stop = min(len(self.old), self.at + 2 + int.from_bytes(self.old[self.at : self.at + 2], "big"))
        self.keep(2)
        while self.at < stop:
            kind = self.number(2)
            size = self.number(2)
            end = min(self.at + size, len(self.old))
            if kind == _NAME and size > 5:
                self.server_names(end)
            elif kind == _AUTHORITIES:
                self.authorities()
            elif kind == _PSK:
                self.identities(end, size)
            elif kind in _HARMLESS or size <= 2 or (kind & 0x0F0F == 0x0A0A and kind >> 8 == kind & 0xFF):
                self.keep(size)
            self.at = end
        if self.at < len(self.old):
            self.keep(len(self.old) - self.at if not any(self.old[self.at :]) else 0)

    def server_names(self, end: int) -> None:
        self.keep(2)
        while self.at + 3 <= end:
            self.keep(1)
            size = self.number(2)
            self.put(self.redactor.name_data(self.old[self.at : min(self.at + size, end)]))

    def identities(self, end: int, size: int) -> None:
        if size <= 4:
            self.keep(size)  # the server's choice
            return
        stop = min(end, self.at + 2 + int.from_bytes(self.old[self.at : self.at + 2], "big"))
        self.keep(2)
        while self.at < stop:
            self.at = min(len(self.old), self.number(2) + self.at)
            self.keep(4)
        stop = min(end, self.at + 2 + int.from_bytes(self.old[self.at : self.at + 2], "big"))
        self.keep(2)
        while self.at < stop:
            self.at = min(len(self.old), self.number(1) + self.at)

    def certificates(self) -> None:
        stop = min(len(self.old), self.at + 3 + int.from_bytes(self.old[self.at : self.at + 3], "big"))
        self.keep(3)
        broken = _broken_signatures(self.old)
        while self.at < stop:
            size = self.number(3)
            der = self.old[self.at : self.at + size]
            self.put(redact_certificate(der, self.redactor, signature_is_broken=der in broken))

    def authorities(self) -> None:
        stop = min(len(self.old), self.at + 2 + int.from_bytes(self.old[self.at : self.at + 2], "big"))
        self.keep(2)
        while self.at < stop:
            size = self.number(2)
            self.put(redact_distinguished_name(self.old[self.at : self.at + size], self.redactor))

    def certificate_request(self) -> None:
        self.keep(self.number(1))
        size = int.from_bytes(self.old[self.at : self.at + 2], "big")
        if self.at + 2 + size < len(self.old):  # TLS 1.2: signature algorithms before the authorities
            self.keep(2 + size)
        self.authorities()

    def server_key_exchange(self) -> None:
        if self.old[:1] == b"\x03":
            self.keep(3)
            self.at += self.number(1)
        else:
            for place in range(3):
                size = self.number(2)
                end = self.at + size
                if place == 0:
                    self.keep(1)  # of the prime: its size
                self.at = min(end, len(self.old))
        self.keep(4)

    def beginning(self, size: int) -> None:
        self.keep(size)


_READERS: Final[dict[int, Callable[[_Message], None]]] = {
    0: _Message.all,
    1: _Message.client_hello,
    2: _Message.server_hello,
    4: lambda message: message.beginning(6),
    11: _Message.certificates,
    12: _Message.server_key_exchange,
    13: _Message.certificate_request,
    14: _Message.all,
    15: lambda message: message.beginning(4),
    16: lambda message: message.beginning(2),
    20: _Message.all,
    22: lambda message: message.beginning(4),
}
"""By handshake type; of others nothing stays but type and length."""
