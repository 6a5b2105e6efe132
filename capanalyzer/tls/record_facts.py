"""What is read of a direction's records: messages, and the one that is unfinished; code points of the record layer."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = [
    "ALERT",
    "APPLICATION_DATA",
    "CHANGE_CIPHER_SPEC",
    "HANDSHAKE",
    "HEARTBEAT",
    "MAX_MESSAGE",
    "MAX_RECORD",
    "SSLV2",
    "Message",
    "Pending",
]

CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23
HEARTBEAT: Final = 24
"""Record types, RFC 8446 section 5.1, RFC 6520."""
SSLV2: Final = 0x80
"""Our content type for messages in SSLv2 form (RFC 6101 appendix E)."""

MAX_RECORD: Final = (1 << 14) + 2048
"""Longest TLSCiphertext, RFC 5246 section 6.2.3; TLS 1.3 allows less."""
MAX_MESSAGE: Final = 256 * 1024
"""Longest handshake message that is collected; OpenSSL's default limit for a Certificate is 100 kB."""


class Message(NamedTuple):
    """A TLS message, or a record that cannot be read, in the order seen."""

    time_ns: int
    """Capture time of the segment that completed it."""
    frame: int
    """Frame where it was complete."""
    first_frame: int
    """Frame where its first byte (record header) was."""
    side: int
    """0 client, 1 server."""
    content_type: int
    """TLS record type 20 to 24; 0x80 for an SSLv2-format hello."""
    handshake_type: int
    """Handshake message type; -1 where it is no handshake message or is encrypted.

    With content type 0x80 it is SSLv2's: 1 CLIENT-HELLO, 2 CLIENT-MASTER-KEY, 4 SERVER-HELLO, 0 ERROR."""
    length: int
    """Bytes of the message body; of the record where it is encrypted or no handshake message."""
    encrypted: bool
    record_version: int
    offset: int
    """Stream offset of its first byte: of the record's header for a record's first message, else of its own header."""
    body: bytes
    """Handshake body without its 4-byte header, clear alert's two bytes; b"" for what cannot be read.

    A clear heartbeat's first three bytes (type, payload length); an SSLv2 message without its type byte."""


class Pending(NamedTuple):
    """A record or handshake message whose end has not come."""

    content_type: int
    handshake_type: int
    """-1 where it is no handshake message, is encrypted, or its header is incomplete."""
    wanted: int
    """Bytes of the whole, header included; 0 where the header itself is incomplete."""
    present: int
    """Bytes of it that are here."""
    first_frame: int
    offset: int
    """Stream offset of its first byte."""
    body: bytes
    """What is here of a clear handshake message, without the 4-byte header."""
