"""TLS record layer of one direction: bytes in, messages out (RFC 8446 section 5, RFC 5246 section 6)."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Message"]


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
    """Handshake message type; -1 where it is no handshake message or is encrypted."""
    length: int
    """Bytes of the message body; of the record where it is encrypted or no handshake message."""
    encrypted: bool
    record_version: int
    offset: int
    """Stream offset of its first byte."""
    body: bytes
    """Handshake body without its 4-byte header, clear alert's two bytes; b"" for what cannot be read."""
