"""Readers of the handshake messages besides hellos and Certificate (RFC 5246 section 7.4, RFC 8446 section 4.3, 4.6).

Each takes a whole message body without its 4-byte header and raises :class:`~capanalyzer.errors.Malformed` when it
does not fit; what of it can be understood depends on the version and cipher suite that the ServerHello named.
"""

from __future__ import annotations

from struct import unpack_from
from typing import Final, NamedTuple

from capanalyzer.errors import Malformed, Truncated, WireError
from capanalyzer.tls.codepoints import cipher_suite_name
from capanalyzer.tls.der import element, read_name
from capanalyzer.wire import Cursor

__all__ = [
    "CertificateRequestFacts",
    "KeyExchangeFacts",
    "TicketFacts",
    "key_exchange_of",
    "read_certificate_request",
    "read_certificate_status",
    "read_new_session_ticket",
    "read_server_key_exchange",
]

MAX_CA_NAMES: Final = 16
"""Names of accepted CAs kept as text; some servers send every root of a company."""


class CertificateRequestFacts(NamedTuple):
    """What client certificate the server wants."""

    certificate_types: tuple[int, ...]
    """ClientCertificateType codes (TLS 1.2 and before)."""
    signature_algorithms: tuple[int, ...]
    """From TLS 1.2 on."""
    ca_count: int
    """Accepted issuers named; 0: any."""
    ca_names: tuple[str, ...]
    """The first ``MAX_CA_NAMES`` of them, RFC 4514."""


class KeyExchangeFacts(NamedTuple):
    """ServerKeyExchange."""

    kind: str
    """``ECDHE`` ``DHE`` ``RSA_EXPORT`` ``PSK`` ``SRP`` ``ECCPWD``; ``unknown`` where the suite does not tell."""
    group: int | None
    """Named curve of ECDHE."""
    bits: int | None
    """Size of the prime of DHE, of the modulus of RSA_EXPORT."""
    signature_scheme: int | None
    """TLS 1.2; None before and for anonymous or PSK exchanges."""


class TicketFacts(NamedTuple):
    """NewSessionTicket."""

    lifetime_s: int
    ticket_size: int


def read_certificate_request(body: bytes, version: int) -> CertificateRequestFacts:
    """A CertificateRequest of ``version`` (0x0303 is TLS 1.2).

    :raises Malformed: its lengths do not fit.
    """
    try:
        with Cursor(body) as cursor:
            if version >= 0x0304:
                return _read_certificate_request_13(cursor)
            types = tuple(cursor.vector(1, "certificate_types").rest("certificate_types"))
            schemes: tuple[int, ...] = ()
            if version == 0x0303:
                schemes = _codes(cursor.vector(2, "supported_signature_algorithms").rest("algorithms"))
            count, names = _read_authorities(cursor)
            return CertificateRequestFacts(types, schemes, count, names)
    except Truncated as error:
        raise Malformed(error.reason, error.field, error.offset) from None


def _read_certificate_request_13(cursor: Cursor) -> CertificateRequestFacts:
    cursor.vector(1, "certificate_request_context")
    schemes: tuple[int, ...] = ()
    count = 0
    names: tuple[str, ...] = ()
    with cursor.vector(2, "extensions") as extensions:
        while extensions:
            kind = extensions.uint(2, "extension_type")
            extension = extensions.vector(2, "extension_data")
            if kind == 13:
                schemes = _codes(extension.vector(2, "signature_algorithms").rest("algorithms"))
            elif kind == 47:
                count, names = _read_authorities(extension)
    return CertificateRequestFacts((), schemes, count, names)


def _codes(data: bytes) -> tuple[int, ...]:
    return unpack_from(f">{len(data) >> 1}H", data)


def _read_authorities(cursor: Cursor) -> tuple[int, tuple[str, ...]]:
    """DistinguishedName<0..2^16-1>: how many, and the first as text. One that does not parse is an empty text."""
    names: list[str] = []
    count = 0
    with cursor.vector(2, "certificate_authorities") as entries:
        while entries:
            name = entries.vector(2, "DistinguishedName").rest("DistinguishedName")
            count += 1
            if len(names) < MAX_CA_NAMES:
                names.append(_name_text(name))
    return count, tuple(names)


def _name_text(der: bytes) -> str:
    try:
        _, start, end = element(der, 0, len(der))
        return read_name(der[start:end])[0]
    except WireError:
        return ""


def key_exchange_of(cipher_suite: int) -> str:
    """A suite's key exchange by name: ``ECDHE_RSA``, ``RSA``, ``DHE_PSK`` ...; "" for TLS 1.3's and unknown ones."""
    name = cipher_suite_name(cipher_suite)
    return name[4:].partition("_WITH_")[0] if "_WITH_" in name else ""


def read_server_key_exchange(body: bytes, version: int, cipher_suite: int) -> KeyExchangeFacts:
    """A ServerKeyExchange under the suite that the ServerHello chose (RFC 5246 section 7.4.3, RFC 8422 section 5.4).

    :raises Malformed: its lengths do not fit.
    """
    exchange = key_exchange_of(cipher_suite)
    is_signed = not exchange.endswith(("anon", "PSK")) and "anon" not in exchange
    try:
        cursor = Cursor(body)
        if exchange.endswith("PSK"):
            cursor.vector(2, "psk_identity_hint")
        if exchange.startswith("ECDHE") or exchange == "ECDH_anon":
            if cursor.uint(1, "curve_type") != 3:
                return KeyExchangeFacts("ECDHE", None, None, None)  # explicit curve, RFC 8422 forbids it
            group = cursor.uint(2, "namedcurve")
            cursor.vector(1, "point")
            return KeyExchangeFacts("ECDHE", group, None, _scheme(cursor, version) if is_signed else None)
        if exchange.startswith(("DHE", "DH_anon")):
            prime = cursor.vector(2, "dh_p").rest("dh_p")
            cursor.vector(2, "dh_g")
            cursor.vector(2, "dh_Ys")
            bits = int.from_bytes(prime, "big").bit_length()
            return KeyExchangeFacts("DHE", None, bits, _scheme(cursor, version) if is_signed else None)
        if exchange.startswith("RSA_EXPORT"):
            modulus = cursor.vector(2, "rsa_modulus").rest("rsa_modulus")
            return KeyExchangeFacts("RSA_EXPORT", None, int.from_bytes(modulus, "big").bit_length(), None)
    except Truncated as error:
        raise Malformed(error.reason, error.field, error.offset) from None
    for kind in ("PSK", "SRP", "ECCPWD"):
        if kind in exchange:
            return KeyExchangeFacts(kind, None, None, None)
    return KeyExchangeFacts("unknown", None, None, None)


def _scheme(cursor: Cursor, version: int) -> int | None:
    return cursor.uint(2, "signature_algorithm") if version == 0x0303 else None


def read_certificate_status(body: bytes) -> int:
    """Bytes of the stapled OCSP response of a CertificateStatus (RFC 6066 section 8).

    :raises Malformed: its length does not fit.
    """
    try:
        with Cursor(body) as cursor:
            cursor.uint(1, "status_type")
            return len(cursor.vector(3, "ocsp_response").rest("ocsp_response"))
    except Truncated as error:
        raise Malformed(error.reason, error.field, error.offset) from None


def read_new_session_ticket(body: bytes) -> TicketFacts:
    """A NewSessionTicket of TLS 1.2 and before (RFC 5077 section 3.3).

    :raises Malformed: its lengths do not fit.
    """
    try:
        with Cursor(body) as cursor:
            lifetime = cursor.uint(4, "ticket_lifetime_hint")
            return TicketFacts(lifetime, len(cursor.vector(2, "ticket").rest("ticket")))
    except Truncated as error:
        raise Malformed(error.reason, error.field, error.offset) from None
