"""TLS alerts as libraries spell them, and what one means that the other end sent."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs.line import Role

__all__ = ["alert_by_name", "received", "sent"]

_NAMES: Final[dict[str, int]] = {
    # RFC 8446 section 6.2, RFC 5246 section 7.2.2, with underscores as spaces
    "close notify": 0,
    "unexpected message": 10,
    "bad record mac": 20,
    "decryption failed": 21,
    "record overflow": 22,
    "decompression failure": 30,
    "handshake failure": 40,
    "no certificate": 41,
    "bad certificate": 42,
    "unsupported certificate": 43,
    "certificate revoked": 44,
    "certificate expired": 45,
    "certificate unknown": 46,
    "illegal parameter": 47,
    "unknown ca": 48,
    "access denied": 49,
    "decode error": 50,
    "decrypt error": 51,
    "export restriction": 60,
    "protocol version": 70,
    "insufficient security": 71,
    "internal error": 80,
    "inappropriate fallback": 86,
    "user canceled": 90,
    "user cancelled": 90,
    "no renegotiation": 100,
    "missing extension": 109,
    "unsupported extension": 110,
    "certificate unobtainable": 111,
    "unrecognized name": 112,
    "bad certificate status response": 113,
    "bad certificate hash value": 114,
    "unknown psk identity": 115,
    "certificate required": 116,
    "no application protocol": 120,
    "ech required": 121,
    # Go, crypto/tls
    "unknown certificate authority": 48,
    "unknown certificate": 46,
    "expired certificate": 45,
    "revoked certificate": 44,
    "error decoding message": 50,
    "error decrypting message": 51,
    "protocol version not supported": 70,
    "insufficient security level": 71,
    "encrypted client hello required": 121,
    # GnuTLS, gnutls_alert_get_name
    "certificate was revoked": 44,
    "certificate is bad": 42,
    "certificate is not supported": 43,
    "certificate was expired": 45,
    "ca is unknown": 48,
    "error in protocol version": 70,
    "the server name sent was not recognized": 112,
    "no supported application protocol could be negotiated": 120,
    "insufficient security for the requested protocol": 71,
    "illegal parameter for the requested protocol": 47,
    "handshake failed": 40,
    "decompression failed": 30,
    "certificate is expired": 45,
    "access was denied": 49,
    "no renegotiation is allowed": 100,
    "an extension was expected but was not seen": 109,
    "an unsupported extension was sent": 110,
    "could not retrieve the specified certificate": 111,
    "the srp/psk username is missing or not known": 115,
    "certificate is required": 116,
}
_SPACES: Final = re.compile(r"[\s_]+")

_OF_CERTIFICATES: Final = {
    42: "alert-certificate-rejected",
    43: "alert-unsupported-certificate",
    44: "alert-certificate-revoked",
    45: "alert-certificate-expired",
    46: "alert-certificate-rejected",
    48: "alert-unknown-ca",
}
_OTHERS: Final = {
    0: "alert-close-notify",
    10: "alert-unexpected-message",
    20: "alert-record-corrupted",
    21: "alert-record-corrupted",
    22: "alert-record-corrupted",
    30: "alert-record-corrupted",
    40: "alert-handshake-failure",
    47: "alert-message-rejected",
    49: "alert-access-denied",
    50: "alert-message-rejected",
    51: "alert-record-corrupted",
    70: "alert-protocol-version",
    71: "alert-insufficient-security",
    80: "alert-internal-error",
    86: "alert-inappropriate-fallback",
    90: "alert-user-canceled",
    109: "alert-message-rejected",
    110: "alert-message-rejected",
    112: "alert-unrecognized-name",
    115: "alert-unknown-psk",
    116: "alert-certificate-required",
    120: "alert-no-application-protocol",
}
_FROM_SERVERS: Final = frozenset((86, 112, 115, 116, 120))
_FROM_CLIENTS: Final = {
    41: "client-certificate-missing",
    111: "alert-other",
    113: "alert-stapled-response",
    114: "alert-other",
    121: "alert-ech-required",
}
"""What only one of the ends has reason to send: RFC 7507, RFC 6066 sections 3, 5 and 8, RFC 4279, RFC 7301, RFC 8446
section 6.2, RFC 9849; 41 is SSL 3.0's (RFC 6101).
"""
_SENT: Final = {
    10: "sent-unexpected-message",
    20: "record-corrupted",
    21: "record-corrupted",
    22: "record-corrupted",
    30: "record-corrupted",
    40: "sent-handshake-failure",
    47: "message-malformed",
    49: "sent-access-denied",
    50: "message-malformed",
    51: "record-corrupted",
    70: "version-refused",
    71: "sent-insufficient-security",
    80: "local-internal-error",
    90: "sent-user-canceled",
    109: "message-malformed",
    110: "message-malformed",
}
_SENT_BY_SERVER: Final = {
    86: "fallback-refused",
    112: "sni-refused",
    115: "sent-unknown-psk",
    116: "client-certificate-missing",
    120: "no-alpn",
}
_SENT_ABOUT_SERVER: Final = {
    42: "verify-failed",
    43: "verify-purpose",
    44: "verify-revoked",
    45: "verify-expired",
    46: "verify-failed",
    48: "verify-unknown-issuer",
}


def alert_by_name(name: str) -> int | None:
    """``unknown_ca``, ``UNKNOWN_CA``, ``unknown certificate authority`` ... -> 48."""
    return _NAMES.get(_SPACES.sub(" ", name.strip().lower()))


def received(number: int, role: Role | None) -> str:
    """The meaning of an alert that the other end sent to a program of ``role``."""
    if number in _OF_CERTIFICATES:
        return "alert-client-certificate-rejected" if role is Role.CLIENT else _OF_CERTIFICATES[number]
    if role is Role.SERVER and number in (40, 100):
        return "alert-handshake-failure-from-client" if number == 40 else "renegotiation-refused"
    if (role is Role.SERVER and number in _FROM_SERVERS) or (role is Role.CLIENT and number in _FROM_CLIENTS):
        return "alert-out-of-role"
    return _FROM_CLIENTS.get(number) or _OTHERS.get(number, "alert-other")


def sent(number: int, role: Role | None) -> str:
    """The meaning of an alert that a program of ``role`` says it sent itself."""
    if number in _SENT_ABOUT_SERVER:
        return "client-certificate-refused" if role is Role.SERVER else _SENT_ABOUT_SERVER[number]
    if number == 41 and role is not Role.SERVER:
        return "client-certificate-missing"
    if role is not Role.CLIENT and number in _SENT_BY_SERVER:
        return _SENT_BY_SERVER[number]
    return _SENT.get(number, "sent-other")
