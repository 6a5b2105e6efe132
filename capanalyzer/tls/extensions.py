"""Readers of hello extensions, one each, in one table (RFC 8446 section 4.2, RFC 6066, RFC 7301 and others).

A reader takes an extension's body and gives a small immutable value, or raises :class:`Malformed`. What it gives must
not depend on the bytes that :func:`opaque_spans` names: these may differ between two hellos that share everything else
(see :mod:`capanalyzer.tls.templates`).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import unpack_from
from typing import Any, Final, NamedTuple

from capanalyzer.errors import Malformed
from capanalyzer.wire import Cursor

__all__ = [
    "CLIENT_READERS",
    "SERVER_READERS",
    "EchFacts",
    "KeyShare",
    "PskFacts",
    "is_grease",
    "opaque_spans",
    "server_name_span",
    "without_grease",
]

SERVER_NAME: Final = 0
SUPPORTED_GROUPS: Final = 10
EC_POINT_FORMATS: Final = 11
SIGNATURE_ALGORITHMS: Final = 13
ALPN: Final = 16
PADDING: Final = 21
EXTENDED_MASTER_SECRET: Final = 23
COMPRESS_CERTIFICATE: Final = 27
RECORD_SIZE_LIMIT: Final = 28
SESSION_TICKET: Final = 35
PRE_SHARED_KEY: Final = 41
EARLY_DATA: Final = 42
SUPPORTED_VERSIONS: Final = 43
COOKIE: Final = 44
PSK_KEY_EXCHANGE_MODES: Final = 45
CERTIFICATE_AUTHORITIES: Final = 47
SIGNATURE_ALGORITHMS_CERT: Final = 50
KEY_SHARE: Final = 51
ENCRYPTED_CLIENT_HELLO: Final = 0xFE0D
RENEGOTIATION_INFO: Final = 0xFF01


class KeyShare(NamedTuple):
    """One key_share entry, RFC 8446 section 4.2.8."""

    group: int
    size: int
    """Bytes of the key_exchange field."""


class PskFacts(NamedTuple):
    """pre_shared_key of a ClientHello, RFC 8446 section 4.2.11."""

    identity_sizes: tuple[int, ...]
    binder_sizes: tuple[int, ...]


class EchFacts(NamedTuple):
    """encrypted_client_hello, RFC 9849. GREASE ECH cannot be told from the real one by an observer."""

    outer: bool
    """False: the inner hello's marker, never seen in the clear unless by mistake."""
    kdf: int
    aead: int
    payload_size: int


def is_grease(code: int) -> bool:
    """0x0A0A, 0x1A1A ... 0xFAFA: RFC 8701 section 2."""
    return code & 0x0F0F == 0x0A0A and code >> 8 == code & 0xFF


def without_grease(codes: tuple[int, ...]) -> tuple[int, ...]:
    """The same code points without the reserved ones."""
    return tuple(code for code in codes if code & 0x0F0F != 0x0A0A or code >> 8 != code & 0xFF)


# --- readers ----------------------------------------------------------------------------------------------------------


def _codes(body: bytes, prefix: int, field: str) -> tuple[int, ...]:
    """A vector of 16-bit code points whose length takes ``prefix`` bytes."""
    size = int.from_bytes(body[:prefix], "big")
    if len(body) != prefix + size or size & 1 or len(body) < prefix:
        raise Malformed(f"a list of {size} bytes in an extension of {len(body)}", field, 0)
    return unpack_from(f">{size >> 1}H", body, prefix)


def _read_groups(body: bytes) -> tuple[int, ...]:
    return _codes(body, 2, "supported_groups")


def _read_signature_algorithms(body: bytes) -> tuple[int, ...]:
    return _codes(body, 2, "signature_algorithms")


def _read_signature_algorithms_cert(body: bytes) -> tuple[int, ...]:
    return _codes(body, 2, "signature_algorithms_cert")


def _read_versions(body: bytes) -> tuple[int, ...]:
    return _codes(body, 1, "supported_versions")


def _read_compress_certificate(body: bytes) -> tuple[int, ...]:
    return _codes(body, 1, "compress_certificate")


def _read_selected_version(body: bytes) -> int:
    return _one(body, 2, "supported_versions")


def _one(body: bytes, width: int, field: str) -> int:
    if len(body) != width:
        raise Malformed(f"{len(body)} bytes instead of {width}", field, 0)
    return int.from_bytes(body, "big")


def _octets(field: str) -> Callable[[bytes], bytes]:
    """``opaque field<0..255>`` that fills the extension."""

    def read(body: bytes) -> bytes:
        if not body or len(body) != 1 + body[0]:
            raise Malformed(f"a list of {body[0] if body else 0} bytes in an extension of {len(body)}", field, 0)
        return body[1:]

    return read


def _read_alpn(body: bytes) -> tuple[bytes, ...]:
    size = len(body)
    if size < 2 or size != 2 + (body[0] << 8 | body[1]):
        raise Malformed("the list does not fill the extension", "application_layer_protocol_negotiation", 0)
    names = []
    at = 2
    while at < size:
        end = at + 1 + body[at]
        if end > size:
            raise Malformed(f"a name of {body[at]} bytes, {size - at - 1} left", "protocol_name", at)
        names.append(body[at + 1 : end])
        at = end
    return tuple(names)


def _read_key_shares(body: bytes) -> tuple[KeyShare, ...]:
    shares = []
    with Cursor(body) as cursor, cursor.vector(2, "client_shares") as entries:
        while entries:
            group = entries.uint(2, "group")
            shares.append(KeyShare(group, len(entries.vector(2, "key_exchange"))))
    return tuple(shares)


def _read_server_share(body: bytes) -> KeyShare:
    """The server's entry, or the group alone in a HelloRetryRequest (size 0)."""
    with Cursor(body) as cursor:
        group = cursor.uint(2, "group")
        return KeyShare(group, len(cursor.rest("key_exchange")) - 2 if cursor else 0)


def _read_offered_psks(body: bytes) -> PskFacts:
    identities, binders = [], []
    with Cursor(body) as cursor:
        with cursor.vector(2, "identities") as entries:
            while entries:
                identities.append(len(entries.vector(2, "identity")))
                entries.take(4, "obfuscated_ticket_age")
        with cursor.vector(2, "binders") as entries:
            while entries:
                binders.append(len(entries.vector(1, "binder")))
    return PskFacts(tuple(identities), tuple(binders))


def _read_selected_psk(body: bytes) -> int:
    return _one(body, 2, "selected_identity")


def _read_record_size_limit(body: bytes) -> int:
    return _one(body, 2, "record_size_limit")


def _read_ech(body: bytes) -> EchFacts:
    with Cursor(body) as cursor:
        if cursor.uint(1, "ECHClientHello.type"):
            return EchFacts(False, 0, 0, 0)
        kdf, aead = cursor.uint(2, "kdf_id"), cursor.uint(2, "aead_id")
        cursor.take(1, "config_id")
        cursor.vector(2, "enc")
        payload = cursor.vector(2, "payload")
        return EchFacts(True, kdf, aead, len(payload))


def _empty(field: str) -> Callable[[bytes], bool]:
    def read(body: bytes) -> bool:
        if body:
            raise Malformed(f"{len(body)} bytes in an extension that has none", field, 0)
        return True

    return read


def _read_server_name(body: bytes) -> tuple[int, int]:
    """(start, end) of the first host_name in the body."""
    span = server_name_span(body)
    if span is None:
        raise Malformed("no readable host name", "server_name", 0)
    return span


def server_name_span(body: bytes) -> tuple[int, int] | None:
    """Where the first host_name lies in a server_name extension (RFC 6066 section 3); None without a readable one."""
    size = len(body)
    if size < 5:
        return None
    end = 2 + (body[0] << 8 | body[1])
    if end > size:
        return None
    at = 2
    while at + 3 <= end:
        name_end = at + 3 + (body[at + 1] << 8 | body[at + 2])
        if name_end > end:
            return None
        if body[at] == 0:
            return at + 3, name_end
        at = name_end
    return None


CLIENT_READERS: Final[dict[int, Callable[[bytes], Any]]] = {
    SERVER_NAME: _read_server_name,
    SUPPORTED_GROUPS: _read_groups,
    EC_POINT_FORMATS: _octets("ec_point_formats"),
    SIGNATURE_ALGORITHMS: _read_signature_algorithms,
    ALPN: _read_alpn,
    EXTENDED_MASTER_SECRET: _empty("extended_master_secret"),
    COMPRESS_CERTIFICATE: _read_compress_certificate,
    RECORD_SIZE_LIMIT: _read_record_size_limit,
    PRE_SHARED_KEY: _read_offered_psks,
    EARLY_DATA: _empty("early_data"),
    SUPPORTED_VERSIONS: _read_versions,
    PSK_KEY_EXCHANGE_MODES: _octets("psk_key_exchange_modes"),
    SIGNATURE_ALGORITHMS_CERT: _read_signature_algorithms_cert,
    KEY_SHARE: _read_key_shares,
    ENCRYPTED_CLIENT_HELLO: _read_ech,
    RENEGOTIATION_INFO: _octets("renegotiation_info"),
}
"""Extensions of a ClientHello that are read; any other is kept as bytes."""

SERVER_READERS: Final[dict[int, Callable[[bytes], Any]]] = {
    EC_POINT_FORMATS: _octets("ec_point_formats"),
    ALPN: _read_alpn,
    EXTENDED_MASTER_SECRET: _empty("extended_master_secret"),
    RECORD_SIZE_LIMIT: _read_record_size_limit,
    PRE_SHARED_KEY: _read_selected_psk,
    SUPPORTED_VERSIONS: _read_selected_version,
    KEY_SHARE: _read_server_share,
    RENEGOTIATION_INFO: _octets("renegotiation_info"),
}
"""Extensions of a ServerHello or HelloRetryRequest."""


# --- what may vary ----------------------------------------------------------------------------------------------------


def opaque_spans(kind: int, body: bytes, from_client: bool) -> list[tuple[int, int]]:
    """Parts of an extension's body that carry a value, not structure: keys, names, tickets, ciphertext, padding.

    Empty for an extension that does not parse, so that it is compared whole. Spans are in order and do not overlap.
    """
    size = len(body)
    if kind in (PADDING, SESSION_TICKET):
        return [(0, size)]
    if kind == SERVER_NAME and from_client:
        span = server_name_span(body)
        return [span] if span else []
    if kind == COOKIE:
        return [(2, size)] if size > 2 else []
    if kind == KEY_SHARE:
        return _key_share_spans(body) if from_client else [(4, size)] if size > 4 else []
    if kind == PRE_SHARED_KEY and from_client:
        return _psk_spans(body)
    if kind == ENCRYPTED_CLIENT_HELLO and from_client:
        return _ech_spans(body)
    return []


def _key_share_spans(body: bytes) -> list[tuple[int, int]]:
    spans, at, size = [], 2, len(body)
    while at + 4 <= size:
        end = at + 4 + (body[at + 2] << 8 | body[at + 3])
        if end > size:
            return []
        spans.append((at + 4, end))
        at = end
    return spans


def _psk_spans(body: bytes) -> list[tuple[int, int]]:
    spans, size = [], len(body)
    identities_end = 2 + int.from_bytes(body[:2], "big")
    at = 2
    while at + 2 <= identities_end <= size:
        end = at + 2 + (body[at] << 8 | body[at + 1]) + 4
        if end > identities_end:
            return []
        spans.append((at + 2, end))
        at = end
    at = identities_end + 2
    while at < size:
        end = at + 1 + body[at]
        if end > size:
            return []
        spans.append((at + 1, end))
        at = end
    return spans


def _ech_spans(body: bytes) -> list[tuple[int, int]]:
    if len(body) < 10 or body[0]:
        return []
    enc_end = 8 + (body[6] << 8 | body[7])
    if enc_end + 2 > len(body) or enc_end + 2 + (body[enc_end] << 8 | body[enc_end + 1]) != len(body):
        return []
    return [(5, 6), (8, enc_end), (enc_end + 2, len(body))]
