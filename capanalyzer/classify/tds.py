"""TLS inside TDS packets, as Microsoft SQL Server has it before TDS 8 ([MS-TDS] 2.2.6.5, 3.2.5.2)."""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.classify.reading import UpgradeReading
from capanalyzer.classify.signs import looks_like_tls

__all__ = ["Deframed", "deframe_tds", "read_tds"]

PRELOGIN, RESPONSE = 0x12, 0x04
"""Packet types: what carries the pre-login and the TLS handshake; a server may use either."""
HEADER: Final = 8
MAX_PACKET: Final = 32_768
"""Largest packet size, [MS-TDS] 2.2.3.1.3."""
ENCRYPTION: Final = {
    0x00: "ENCRYPT_OFF",
    0x01: "ENCRYPT_ON",
    0x02: "ENCRYPT_NOT_SUP",
    0x03: "ENCRYPT_REQ",
    0x80: "ENCRYPT_CLIENT_CERT|OFF",
    0x81: "ENCRYPT_CLIENT_CERT|ON",
    0x83: "ENCRYPT_CLIENT_CERT|REQ",
}
"""Pre-login option ENCRYPTION, [MS-TDS] 2.2.6.5. OFF means that only the login is encrypted: TLS all the same."""


class Deframed(NamedTuple):
    """TLS bytes without TDS headers."""

    data: bytes
    pieces: tuple[tuple[int, int], ...]
    """(offset in ``data``, offset in the stream) where each piece begins, ascending: the way back to frames."""
    whole: bool
    """False where the last packet was cut or what followed was neither TDS nor TLS."""

    def stream_offset(self, at: int) -> int:
        """The stream offset of ``data[at]``."""
        begin, stream = 0, 0
        for piece, there in self.pieces:
            if piece > at:
                break
            begin, stream = piece, there
        return stream + at - begin


def deframe_tds(data: bytes, offset: int) -> Deframed:
    """The TLS bytes of one direction from ``offset``, a TDS header, on.

    The handshake is wrapped in packets of type 0x12 (some servers answer with 0x04); once it is done TLS records
    stand in the stream bare, and from the first of these on all is taken as it is.
    """
    parts: list[bytes] = []
    pieces: list[tuple[int, int]] = []
    at, length, whole = offset, 0, True
    while at < len(data):
        if looks_like_tls(data, at):
            parts.append(data[at:])
            pieces.append((length, at))
            break
        head = data[at : at + HEADER]
        size = head[2] << 8 | head[3] if len(head) == HEADER else 0
        if head[:1] not in (b"\x12", b"\x04") or not HEADER <= size <= MAX_PACKET:
            whole = False
            break
        piece = data[at + HEADER : at + size]
        pieces.append((length, at + HEADER))
        parts.append(piece)
        length += len(piece)
        whole = at + size <= len(data)
        at += size
    return Deframed(b"".join(parts), tuple(pieces), whole)


def read_tds(client: bytes, server: bytes) -> UpgradeReading | None:
    """Both sides' pre-login, then the first TLS record inside a TDS packet."""
    client_end, wanted = _prelogin(client, (PRELOGIN,))
    server_end, given = _prelogin(server, (RESPONSE, PRELOGIN))
    if client_end is None or wanted is None or wanted == 2:
        return None
    agreed = None if given is None else given != 2
    answer = "" if given is None else ENCRYPTION.get(given, f"encryption {given}")
    by_client = _wrapped_tls(client, client_end)
    by_server = _wrapped_tls(server, server_end) if server_end is not None else None
    expected = agreed is True
    return UpgradeReading(
        "tds",
        True,
        agreed,
        answer,
        0,
        0 if given is not None else None,
        client_end if by_client or (by_client is None and expected) else None,
        server_end if server_end is not None and (by_server or (by_server is None and expected)) else None,
        by_client is not None and (by_server is not None or agreed is False),
    )


def _prelogin(data: bytes, kinds: tuple[int, ...]) -> tuple[int | None, int | None]:
    """(end of the pre-login message, its ENCRYPTION option)."""
    payload = bytearray()
    at = 0
    for _ in range(4):  # a pre-login message is one packet of about 50 bytes; a few are tolerated
        head = data[at : at + HEADER]
        size = head[2] << 8 | head[3] if len(head) == HEADER else 0
        if not HEADER <= size <= MAX_PACKET or head[0] not in kinds or at + size > len(data):
            return None, None
        payload += data[at + HEADER : at + size]
        at += size
        if head[1] & 1:
            break
    else:
        return None, None
    position = 0
    while position + 5 <= len(payload) and payload[position] != 0xFF:
        where = payload[position + 1] << 8 | payload[position + 2]
        if payload[position] == 1 and where < len(payload):
            return at, payload[where]
        position += 5
    return at, None


def _wrapped_tls(data: bytes, at: int) -> bool | None:
    """Whether a TLS record begins in the TDS packet at ``at``; None with too few bytes."""
    if len(data) < at + HEADER:
        return None if data[at : at + 1] in (b"", b"\x12", b"\x04") else looks_like_tls(data, at)
    return looks_like_tls(data, at + HEADER) if data[at] in (PRELOGIN, RESPONSE) else looks_like_tls(data, at)
