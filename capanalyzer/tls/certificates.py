"""Certificate messages: the chain as sent (RFC 5246 section 7.4.2, RFC 8446 section 4.4.2).

Facts are kept by the bytes they came from: two thousand certificates serve a hundred thousand connections.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from capanalyzer.errors import Malformed
from capanalyzer.tls.x509 import CertificateFacts

__all__ = [
    "CertificateFacts",
    "Chain",
    "certificate_facts",
    "read_certificate_message",
    "read_chain",
    "read_shared_chain",
]

MAX_CERTIFICATES: Final = 64
"""Certificates read of one message; OpenSSL's chains stop at a depth of 100, real ones have under 6."""
MAX_KEPT: Final = 4096
"""Chains, and certificates, kept in their caches."""
MAX_KEPT_BYTES: Final = 16 << 20
"""Bytes of them, whichever comes first."""


class Chain(NamedTuple):
    """A Certificate message."""

    certificates: tuple[CertificateFacts, ...]
    """In the order sent, the leaf first; () where the sender has none."""
    error: str | None
    """What is wrong with the message itself."""


def _read_list(body: bytes, is_tls13: bool) -> tuple[list[bytes], str | None]:
    """The DERs that can be cut out of a Certificate message, and what is wrong with it."""
    certificates: list[bytes] = []
    size = len(body)
    at = 0
    if is_tls13:
        at = 1 + body[0] if body else 1
    if at + 3 > size:
        return certificates, f"Certificate message of {size} bytes"
    end = at + 3 + int.from_bytes(body[at : at + 3], "big")
    at += 3
    if end != size:
        if end > size:
            return certificates, f"certificate_list of {end - at} bytes, {size - at} left"
        return certificates, f"{size - end} bytes after certificate_list"
    while at < end:
        if len(certificates) >= MAX_CERTIFICATES:
            return certificates, f"more than {MAX_CERTIFICATES} certificates"
        stop = at + 3 + int.from_bytes(body[at : at + 3], "big")
        if at + 3 > end or stop > end:
            return certificates, f"a certificate of {stop - at - 3} bytes, {max(end - at - 3, 0)} left"
        certificates.append(body[at + 3 : stop])
        at = stop
        if is_tls13:
            if at + 2 > end:
                return certificates, "no extensions after a certificate"
            at += 2 + (body[at] << 8 | body[at + 1])
    if at != end:
        return certificates, f"extensions of a certificate reach {at - end} bytes too far"
    return certificates, None


def read_certificate_message(body: bytes, *, is_tls13: bool = False) -> tuple[bytes, ...]:
    """The DERs of a Certificate message (RFC 5246 section 7.4.2; with ``is_tls13`` RFC 8446 section 4.4.2).

    :raises Malformed: its lengths do not fit, or it holds more than ``MAX_CERTIFICATES``.
    """
    certificates, error = _read_list(body, is_tls13)
    if error is not None:
        raise Malformed(error, "Certificate", 0)
    return tuple(certificates)


class _Kept:
    """Values by the bytes they came from: found by the first bytes and the length, then compared; oldest out first."""

    def __init__(self) -> None:
        self._values: dict[tuple[int, bytes], tuple[bytes, Any]] = {}
        self._bytes = 0

    def get(self, data: bytes) -> Any:
        kept = self.find(data)
        return kept[1] if kept is not None else None

    def find(self, data: bytes) -> tuple[bytes, Any] | None:
        """The bytes that are kept, which are the same, and the value."""
        # 80 bytes reach over the lengths, the serial number and into the issuer: different certificates differ there.
        kept = self._values.get((len(data), data[:80]))
        return kept if kept is not None and kept[0] == data else None

    def put(self, data: bytes, value: Any) -> None:
        key = (len(data), data[:80])
        self._drop(key)
        if len(data) > MAX_KEPT_BYTES // 64:
            return
        while self._values and (len(self._values) >= MAX_KEPT or self._bytes + len(data) > MAX_KEPT_BYTES):
            self._drop(next(iter(self._values)))
        self._values[key] = (data, value)
        self._bytes += len(data)

    def _drop(self, key: tuple[int, bytes]) -> None:
        old = self._values.pop(key, None)
        if old is not None:
            self._bytes -= len(old[0])


_certificates: Final = _Kept()
_chains: Final = _Kept()


def certificate_facts(der: bytes) -> CertificateFacts:
    """The facts of one certificate; the same object for the same bytes while it is remembered."""
    facts: CertificateFacts | None = _certificates.get(der)
    if facts is None:
        facts = CertificateFacts(der)
        _certificates.put(der, facts)
    return facts


def read_chain(body: bytes, *, is_tls13: bool = False) -> Chain:
    """A Certificate message body. Never raises: what is wrong is told in ``error``, what can be read is there."""
    if is_tls13:
        ders, error = _read_list(body, True)
        return Chain(tuple(map(certificate_facts, ders)), error)
    chain: Chain | None = _chains.get(body)
    if chain is None:
        ders, error = _read_list(body, False)
        chain = Chain(tuple(map(certificate_facts, ders)), error)
        _chains.put(body, chain)
    return chain


def read_shared_chain(body: bytes) -> tuple[bytes, Chain]:
    """:func:`read_chain` up to TLS 1.2, and one body for all messages that are the same while it is remembered."""
    kept = _chains.find(body)
    return (body, read_chain(body)) if kept is None else kept
