"""Names of TLS code points: IANA's, and those that are seen without being registered.

A table is imported when the first of its names is asked for. Unknown codes come as ``0x1234``, unknown alerts and types
of one byte as ``unknown(123)``, the reserved values of RFC 8701 as ``GREASE``.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

__all__ = [
    "alert_name",
    "certificate_compression_name",
    "certificate_type_name",
    "cipher_suite_name",
    "client_certificate_type_name",
    "compression_name",
    "content_type_name",
    "extension_name",
    "group_name",
    "handshake_name",
    "handshake_type_name",
    "point_format_name",
    "signature_scheme_name",
    "version_name",
]

_VERSIONS: Final = {
    0x0002: "SSL 2.0",
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
    0xFEFF: "DTLS 1.0",
    0xFEFD: "DTLS 1.2",
    0xFEFC: "DTLS 1.3",
}

_MESSAGES: Final = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    3: "HelloVerifyRequest",
    4: "NewSessionTicket",
    5: "EndOfEarlyData",
    6: "HelloRetryRequest",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    21: "CertificateURL",
    22: "CertificateStatus",
    23: "SupplementalData",
    24: "KeyUpdate",
    25: "CompressedCertificate",
    67: "NextProtocol",
    254: "MessageHash",
}
"""As the RFCs name the structures; 6 is a draft's, today's HelloRetryRequest is a ServerHello."""


@cache
def _names(table: str) -> dict[int, str]:
    names: dict[int, str] = import_module(f"{__name__}.{table}").NAMES
    return names


def _wide(table: str, code: int) -> str:
    """The name of a 16-bit code point."""
    name = _names(table).get(code)
    if name is not None:
        return name
    return "GREASE" if code & 0x0F0F == 0x0A0A and code >> 8 == code & 0xFF else f"0x{code:04x}"


def _narrow(table: str, code: int) -> str:
    """The name of an 8-bit code point."""
    return _names(table).get(code) or f"unknown({code})"


def version_name(code: int) -> str:
    """``TLS 1.2`` and so on; drafts and unknown versions as ``0x7f1c``."""
    name = _VERSIONS.get(code)
    if name is not None:
        return name
    return "GREASE" if code & 0x0F0F == 0x0A0A and code >> 8 == code & 0xFF else f"0x{code:04x}"


def cipher_suite_name(code: int) -> str:
    """``TLS_AES_128_GCM_SHA256`` and so on; an SSLv2 cipher kind has 24 bits."""
    return _wide("cipher_suites", code)


def extension_name(code: int) -> str:
    """``server_name`` and so on."""
    return _wide("extensions", code)


def group_name(code: int) -> str:
    """``x25519`` and so on (named curves before TLS 1.3)."""
    return _wide("groups", code)


def signature_scheme_name(code: int) -> str:
    """``rsa_pss_rsae_sha256`` and so on."""
    return _wide("signature_schemes", code)


def alert_name(code: int) -> str:
    """``handshake_failure`` and so on, without IANA's ``_RESERVED``."""
    return _narrow("alerts", code)


def handshake_type_name(code: int) -> str:
    """``client_hello`` and so on."""
    return _narrow("handshake_types", code)


def handshake_name(code: int) -> str:
    """``ClientHello`` and so on, as the RFCs write the message."""
    return _MESSAGES.get(code) or f"handshake message {code}"


def content_type_name(code: int) -> str:
    """``application_data`` and so on."""
    return _narrow("content_types", code)


def point_format_name(code: int) -> str:
    """``uncompressed`` and so on."""
    return _narrow("point_formats", code)


def client_certificate_type_name(code: int) -> str:
    """``rsa_sign`` and so on, of a CertificateRequest."""
    return _narrow("client_certificate_types", code)


def certificate_type_name(code: int) -> str:
    """``X509`` and so on, RFC 7250."""
    return _narrow("certificate_types", code)


def compression_name(code: int) -> str:
    """``NULL``, ``DEFLATE`` ..."""
    return _narrow("compression_methods", code)


def certificate_compression_name(code: int) -> str:
    """``zlib``, ``brotli``, ``zstd``, RFC 8879."""
    return _wide("certificate_compression", code)
