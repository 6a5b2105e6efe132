"""Signatures of databases and brokers: PostgreSQL, MySQL, SQL Server, Oracle, MongoDB, Kafka, ActiveMQ."""

from __future__ import annotations

from typing import Final

from capanalyzer.classify.signs import NO, PRINTABLE, UNDECIDED, Sign, likely, yes

__all__ = [
    "PG_CANCEL",
    "PG_GSS",
    "PG_SSL",
    "kafka",
    "mongodb",
    "mysql_client",
    "mysql_server",
    "openwire",
    "oracle",
    "postgres_client",
    "postgres_server",
    "tds",
]

_NO: Final = Sign(NO)

PG_SSL, PG_GSS, PG_CANCEL = b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30", b"\x04\xd2\x16\x2e"
"""Request codes in place of a protocol version (PostgreSQL documentation, "Message Formats")."""


def postgres_client(data: bytes) -> Sign:
    """SSLRequest, GSSENCRequest, CancelRequest or StartupMessage (PostgreSQL documentation, "Message Formats")."""
    size = len(data)
    if size < 8:
        if data[0] or (size > 1 and data[1]):
            return _NO
        if size >= 7 and data[4:7] in (b"\x04\xd2\x16", b"\x00\x03\x00"):
            return likely("postgres")
        return UNDECIDED
    length, code = int.from_bytes(data[:4], "big"), data[4:8]
    if code in (PG_SSL, PG_GSS):
        return yes("postgres") if length == 8 else _NO
    if code == PG_CANCEL:
        return yes("postgres") if 16 <= length <= 268 else _NO
    if code[:3] != b"\x00\x03\x00" or not 9 <= length <= 10_000:  # MAX_STARTUP_PACKET_LENGTH
        return _NO
    if size < 9:
        return likely("postgres")
    return yes("postgres") if 0x20 < data[8] < 0x7F or (data[8] == 0 and length == 9) else _NO


def postgres_server(data: bytes) -> Sign:
    """Authentication, ErrorResponse, or the byte S before TLS (PostgreSQL documentation, "Message Formats")."""
    size, kind = len(data), data[:1]
    if kind == b"S":
        if size < 4:
            return UNDECIDED if b"\x16\x03".startswith(data[1:3]) else _NO
        return yes("postgres") if data[1:3] == b"\x16\x03" and data[3] <= 4 else _NO
    if size < 9:
        return UNDECIDED if not any(data[1:3]) else _NO
    length = int.from_bytes(data[1:5], "big")
    if kind == b"R":
        return yes("postgres") if 8 <= length <= 2048 and data[5:8] == bytes(3) and data[8] <= 12 else _NO
    return yes("postgres") if 12 <= length <= 30_000 and data[5] in b"SCV" and 0x20 < data[6] < 0x7F else _NO


def mysql_server(data: bytes) -> Sign:
    """Handshake packet (protocol 10 or 9) or ERR packet, sequence 0 (MySQL "Protocol::HandshakeV10", "ERR_Packet")."""
    size = len(data)
    if size < 5:
        return UNDECIDED if (size < 3 or data[2] == 0) and (size < 4 or data[3] == 0) else _NO
    length = data[0] | data[1] << 8 | data[2] << 16
    if data[3] or not 8 <= length < 1024:
        return _NO
    if data[4] == 0xFF:
        end = min(4 + length, 16)
        if size < end:
            return UNDECIDED
        code, text = data[5] | data[6] << 8, data[7:end]
        return yes("mysql") if 1000 <= code < 5000 and not text.translate(None, PRINTABLE) else _NO
    if data[4] not in (9, 10):
        return _NO
    if size < 7:
        return UNDECIDED
    # A version string: digits and a dot at least, "5.5.5-10.6.1-MariaDB" at most.
    return yes("mysql") if 0x30 <= data[5] <= 0x39 and data[6] in b".0123456789" else _NO


def mysql_client(data: bytes) -> Sign:
    """SSLRequest or HandshakeResponse41, sequence 1 (MySQL "Protocol::SSLRequest", "Protocol::HandshakeResponse41")."""
    size = len(data)
    if size < 4:
        return UNDECIDED if size < 3 or data[2] == 0 else _NO
    length = data[0] | data[1] << 8 | data[2] << 16
    if data[3] != 1 or not 32 <= length < 4096:
        return _NO
    if any(data[13:32]):
        return _NO
    if size >= 6 and not data[5] & 2:  # CLIENT_PROTOCOL_41
        return _NO
    if size >= 9 and data[7] & 0xE0 and data[7] & 0x1F == 0x1F:
        return _NO
    if size < 32:
        return likely("mysql") if size >= 16 else UNDECIDED
    return yes("mysql")


def tds(data: bytes) -> Sign:
    """Packet header, then PRELOGIN, LOGIN7 or a token stream ([MS-TDS] 2.2.3.1, 2.2.6.4, 2.2.6.5, 2.2.7)."""
    size, kind = len(data), data[0]
    if size < 9:
        return UNDECIDED if size < 2 or (data[1] <= 1 and (size < 8 or data[7] == 0)) else _NO
    length = data[2] << 8 | data[3]
    if data[1] > 1 or not 9 <= length <= 32_768 or data[6] > 1 or data[7]:
        return _NO
    if kind == 0x10:
        if size < 16:
            return UNDECIDED
        ok = int.from_bytes(data[8:12], "little") == length - 8 or not data[1]
        return yes("tds") if ok and 0x70 <= data[15] <= 0x75 else _NO
    if data[8] == 0x16:  # the TLS handshake of a connection whose beginning was not captured
        if size < 11:
            return UNDECIDED
        return yes("tds") if data[9] == 3 and data[10] <= 4 else _NO
    if kind == 4 and data[8] in (0xAA, 0xAB, 0xAD, 0xE3, 0xED, 0xFD):
        return yes("tds")
    if data[8]:
        return _NO
    if size < 13:
        return UNDECIDED
    # First option VERSION: offset within the packet, length 6.
    offset, width = data[9] << 8 | data[10], data[11] << 8 | data[12]
    return yes("tds") if width == 6 and 6 <= offset <= length else _NO


def mongodb(data: bytes) -> Sign:
    """Message header: length, ids, opCode OP_MSG, OP_QUERY, OP_REPLY or OP_COMPRESSED (MongoDB wire protocol)."""
    if len(data) < 16:
        return UNDECIDED if len(data) < 4 or data[3] == 0 else _NO
    if data[3]:
        return _NO
    code = int.from_bytes(data[12:16], "little")
    return (
        yes("mongodb")
        if code in (1, 2004, 2012, 2013) and 16 < int.from_bytes(data[:4], "little") <= 48_000_000
        else _NO
    )


def oracle(data: bytes) -> Sign:
    """A TNS CONNECT packet: length, no checksum, type 1, version 300 to 320 (Oracle Net, as dissected by Wireshark)."""
    if len(data) < 10:
        return UNDECIDED if len(data) < 5 or data[2:5] == b"\x00\x00\x01" else _NO
    ok = data[2:6] == b"\x00\x00\x01\x00" and data[6:8] == b"\x00\x00" and data[0] << 8 | data[1] >= 58
    return yes("oracle-tns") if ok and 300 <= data[8] << 8 | data[9] <= 320 else _NO


def kafka(data: bytes) -> Sign:
    """A request: length, key, version, correlation id, client id (Kafka protocol guide, "Request Header v1")."""
    size = len(data)
    if size < 15:
        return UNDECIDED if not data[0] and (size < 6 or (not data[4] and data[5] <= 100)) else _NO
    length, name = int.from_bytes(data[:4], "big"), data[12] << 8 | data[13]
    if not 10 <= length < 1 << 24 or data[4] or data[5] > 100 or data[6] or data[7] > 20 or name > 255:
        return _NO
    shown = min(name, 4)
    if not name or 10 + name > length or data[14 : 14 + shown].translate(None, PRINTABLE):
        return _NO
    return yes("kafka") if size >= 14 + shown else likely("kafka")


def openwire(data: bytes) -> Sign:
    """WIREFORMAT_INFO: length, type 1, magic (ActiveMQ OpenWire)."""
    if len(data) < 13:
        return UNDECIDED if not data[0] and b"\x01ActiveMQ".startswith(data[4:]) else _NO
    return yes("openwire") if data[4:13] == b"\x01ActiveMQ" else _NO
