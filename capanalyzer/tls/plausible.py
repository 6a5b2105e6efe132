"""Can these bytes be what they would have to be? Record headers, handshake messages and alerts told from ciphertext.

Nothing here remembers anything: :class:`capanalyzer.tls.records.TlsReader` asks where one of two readings is possible.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.tls.record_facts import APPLICATION_DATA, HANDSHAKE, MAX_RECORD

__all__ = [
    "are_alerts",
    "begins_record",
    "is_header",
    "is_hello",
    "is_plausible",
    "is_sslv2_start",
    "sslv2_size",
]

_KNOWN_HANDSHAKE: Final = frozenset(
    (0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 24, 25, 67, 203, 254)
)
"""Handshake types of the IANA registry, and 67 (NPN), 203 (encrypted extensions of early drafts)."""
_MOST: Final = {0: 0, 14: 0, 5: 0, 20: 64, 24: 1, 254: 255}
"""Longest body of messages with a fixed or short one: HelloRequest, ServerHelloDone, EndOfEarlyData, Finished ..."""
_LEAST: Final = {1: 38, 2: 38, 3: 35, 11: 3, 12: 4, 13: 3, 15: 4, 16: 1, 20: 12, 22: 4}
"""Shortest body: a hello has version, random, session id length ..."""


def is_header(data: bytes | bytearray, at: int) -> bool:
    """A TLS record header at ``at``, where one is due."""
    return 20 <= data[at] <= 24 and data[at + 1] == 3 and (data[at + 3] << 8 | data[at + 4]) <= MAX_RECORD


def _is_record(data: bytes, at: int) -> bool:
    """A TLS record header at ``at``, where anything may be: also the minor version and the length must be right."""
    return is_header(data, at) and data[at + 2] <= 4 and data[at + 3 : at + 5] != b"\0\0"


def begins_record(data: bytes, max_message: int) -> bool | None:
    """Does a plausible record begin here? None where there is too little to tell."""
    size = len(data)
    if size < 5:
        return None if _is_record(data + b"\x16\x03\x01\0\x01"[size:], 0) else False
    if not _is_record(data, 0):
        return False
    end = 5 + (data[3] << 8 | data[4])
    if end > size:
        if data[0] == HANDSHAKE:
            if size < 11:
                return None
            return data[5] != 0 and is_plausible(data, 5, end, max_message)
        return data[0] == APPLICATION_DATA or (None if end - size < 5 else False)
    return end == size or size - end < 5 or _is_record(data, end)


def is_plausible(data: bytes, place: int, end: int, max_message: int) -> bool:
    """Can a clear handshake message begin at ``place`` of a record that stops at ``end``?

    ``max_message``: longest body of anything but a Certificate.
    """
    if place + 4 > end:
        return place < end and data[place] in _KNOWN_HANDSHAKE
    kind = data[place]
    length = data[place + 1] << 16 | data[place + 2] << 8 | data[place + 3]
    after = place + 4 + length
    if after == end and length:
        return True
    if (
        kind not in _KNOWN_HANDSHAKE
        or (length > max_message and not _is_long_certificate(data, place, end))
        or length > _MOST.get(kind, length)
        or length < _LEAST.get(kind, 0)
    ):
        return False
    if kind <= 2 and kind and place + 5 < end:
        return data[place + 4] == 3 or data[place + 4] == 0x7F  # drafts of TLS 1.3 wrote 0x7Fxx into ServerHello
    if kind == 0 and after < end:
        # HelloRequest, then more: the explicit nonce of AES-GCM begins with zeros too (RFC 5288 section 3).
        return data[after] != 0 and is_plausible(data, after, end, max_message)
    return True


def is_hello(data: bytes, place: int, end: int) -> bool:
    """A ClientHello or ServerHello, by its type, a length under 64 kB and the legacy version."""
    return place + 6 <= end and 1 <= data[place] <= 2 and data[place + 1] == 0 and data[place + 4] == 3


def _is_long_certificate(data: bytes, place: int, end: int) -> bool:
    """A Certificate whose list fills it (RFC 5246 section 7.4.2): too long to keep, and no ciphertext either."""
    if data[place] != 11 or place + 7 > end:
        return data[place] == 11 and place + 4 == end
    return int.from_bytes(data[place + 4 : place + 7], "big") + 3 == int.from_bytes(data[place + 1 : place + 4], "big")


def are_alerts(body: bytes) -> bool:
    """Pairs of a level and a description."""
    return len(body) % 2 == 0 and all(1 <= level <= 2 for level in body[::2]) and all(code < 128 for code in body[1::2])


def is_sslv2_start(data: bytes | bytearray, at: int) -> bool:
    """A CLIENT-HELLO, SERVER-HELLO or ERROR in a two-byte header record (RFC 6101 appendix E)."""
    if not data[at] & 0x80:
        return False
    kind, high, low = data[at + 2], data[at + 3], data[at + 4]
    length = (data[at] & 0x7F) << 8 | data[at + 1]
    if kind == 1:  # version: 0.2 or 3.x
        return length >= 9 and ((high == 0 and low == 2) or (high == 3 and low <= 4))
    if kind == 4:  # session id hit, certificate type
        return length >= 11 and high <= 1
    return kind == 0 and length == 3 and high == 0


def sslv2_size(data: bytes | bytearray, at: int) -> int:
    """Bytes of an SSLv2 record, header included: two bytes, or three with padding."""
    if data[at] & 0x80:
        return 2 + ((data[at] & 0x7F) << 8 | data[at + 1])
    return 3 + ((data[at] & 0x3F) << 8 | data[at + 1])
