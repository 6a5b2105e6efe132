"""Signatures of TLS and its relatives: SSLv2-format hellos and the Chinese national variant."""

from __future__ import annotations

from typing import Final

from capanalyzer.classify.signs import MAX_RECORD, NO, UNDECIDED, Sign, likely, looks_like_tls, yes

__all__ = ["HANDSHAKE_TYPES", "may_begin_tls", "sslv2", "tlcp", "tls"]

_NO: Final = Sign(NO)
_TLS, _TLS_CUT = yes("tls"), likely("tls")

HANDSHAKE_TYPES: Final = frozenset(
    (0, 1, 2, 3, 4, 5, 6, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25, 67, 203, 254)
)
"""TLS HandshakeType registry, plus 67 next_protocol and 203 encrypted_extensions of drafts that are still met."""
_SMALL_HANDSHAKE: Final = 256
"""An encrypted handshake record at the start of a capture (Finished, resumption) has no readable type and is small."""
_MAX_MESSAGE: Final = 1 << 18
"""Announced handshake length above which it is no handshake message (largest chains are about 100 kB)."""


def tls(data: bytes) -> Sign:
    """TLSPlaintext or TLSCiphertext (RFC 8446 section 5.1, RFC 5246 section 6.2)."""
    size = len(data)
    if size < 3:
        return UNDECIDED if size < 2 or data[1] == 3 else _alert_without_version(data)
    if data[1] != 3 or data[2] > 4:
        return _alert_without_version(data)
    if size < 5:
        return _TLS_CUT
    kind, length = data[0], data[3] << 8 | data[4]
    if length > MAX_RECORD:
        return _NO
    if kind == 23:
        return _TLS
    if length == 0:  # an empty record is forbidden but for data (RFC 8446 section 5.1); met before a real one
        follows = looks_like_tls(data, 5)
        return _NO if follows is False else _TLS if follows and size > 9 else _TLS_CUT
    if size == 5:
        return _TLS_CUT
    if kind == 22:
        if data[5] in HANDSHAKE_TYPES:
            if length < 4:  # a header spread over records: legal, and used against middleboxes
                return _TLS
            if size < 9:
                return _TLS_CUT
            if data[6] << 16 | data[7] << 8 | data[8] < _MAX_MESSAGE:
                return _TLS
        return _TLS if length <= _SMALL_HANDSHAKE else _NO
    if kind == 20:
        return _TLS if length == 1 and data[5] == 1 else _NO
    if kind == 21 and length < 3:  # one byte: an alert in two records, which RFC 5246 allows
        return _TLS if data[5] in (1, 2) else _NO
    return _TLS if length >= 16 or kind == 24 else _NO


def may_begin_tls(data: bytes) -> bool:
    """So few bytes that they tell nothing, and a TLS record (type 20 to 24, version 3.x) may begin with them."""
    return 0 < len(data) < 3 and 20 <= data[0] <= 24 and data[1:] in (b"", b"\x03")


def _alert_without_version(data: bytes) -> Sign:
    """An alert that a server sends before any version was talked about, with zeros in the version's place."""
    head = b"\x15\x00\x00\x00\x02"
    if len(data) < 7:
        return UNDECIDED if head.startswith(data[:5]) else _NO
    return _TLS if data.startswith(head) and data[5] in (1, 2) else _NO


def tlcp(data: bytes) -> Sign:
    """The Chinese national variant: a TLS record layer with version 1.1 (GB/T 38636-2020 section 6.3)."""
    head = b"\x16\x01\x01"
    if len(data) < 6:
        cut = data[:3]
        return UNDECIDED if head.startswith(cut) else _NO
    return (
        yes("tlcp")
        if data.startswith(head) and 4 <= data[3] << 8 | data[4] <= MAX_RECORD and data[5] in (1, 2)
        else _NO
    )


def sslv2(data: bytes) -> Sign:
    """SSLv2-format CLIENT-HELLO, SERVER-HELLO or ERROR (RFC 5246 appendix E.2, SSL 2.0 protocol draft)."""
    size = len(data)
    if size < 3:
        return UNDECIDED
    length, kind = (data[0] & 0x7F) << 8 | data[1], data[2]
    if kind == 1:
        if size < 5:
            return UNDECIDED if size < 4 or data[3] in (0, 3) else _NO
        if not (data[3:5] == b"\x00\x02" or (data[3] == 3 and data[4] <= 4)):
            return _NO
        if size < 11:
            return likely("sslv2")
        ciphers, session, challenge = (data[at] << 8 | data[at + 1] for at in (5, 7, 9))
        ok = ciphers and not ciphers % 3 and session in (0, 16) and 16 <= challenge <= 32
        return yes("sslv2") if ok and 9 + ciphers + session + challenge == length else _NO
    if kind == 4:
        if size < 13:
            return (
                likely("sslv2") if size >= 7 and data[3] < 2 and data[4] < 2 and data[5:7] == b"\x00\x02" else UNDECIDED
            )
        certificate, ciphers, connection = (data[at] << 8 | data[at + 1] for at in (7, 9, 11))
        ok = data[3] < 2 and data[4] < 2 and data[5:7] == b"\x00\x02" and not ciphers % 3
        return yes("sslv2") if ok and 11 + certificate + ciphers + connection == length else _NO
    if kind == 0 and length == 3:
        if size < 5:
            return UNDECIDED
        return yes("sslv2") if data[3:5] in (b"\x00\x01", b"\x00\x02", b"\x00\x04", b"\x00\x06") else _NO
    return _NO
