"""Signatures of protocols whose first bytes are not text: fixed values first, then a trial parse of the first fields.

Every check needs so many fixed or dependent bits that random bytes do not pass: a length that agrees with
another one, a code point that exists, bytes that must be zero.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.classify.databases import (
    kafka,
    mongodb,
    mysql_client,
    mysql_server,
    openwire,
    oracle,
    postgres_client,
    postgres_server,
    tds,
)
from capanalyzer.classify.signs import (
    NO,
    PRINTABLE,
    UNDECIDED,
    Check,
    Sign,
    Signature,
    likely,
    literal,
    yes,
)
from capanalyzer.classify.tls_like import sslv2, tlcp, tls

__all__ = ["BINARY", "PROXY_V2", "ber_length"]

_NO: Final = Sign(NO)
PROXY_V2: Final = b"\r\n\r\n\x00\r\nQUIT\n"


def proxy_v2(data: bytes) -> Sign:
    """PROXY protocol specification (HAProxy), section 2.2: a 12-byte signature, then version 2 and a command."""
    if len(data) < 13:
        if not PROXY_V2.startswith(data[:12]):
            return _NO
        return likely("proxy-v2") if len(data) >= 6 else UNDECIDED
    return yes("proxy-v2") if data.startswith(PROXY_V2) and data[12] in (0x20, 0x21) else _NO


def http2_settings(data: bytes) -> Sign:
    """A server's connection preface: a SETTINGS frame on stream 0 (RFC 9113 sections 3.4 and 6.5)."""
    size = len(data)
    if size >= 4 and (data[3] != 4 or data[1] or data[2] % 6):
        return _NO
    if size < 9:
        return UNDECIDED
    if data[4] or data[5:9] != bytes(4):
        return _NO
    if not data[2]:
        return yes("http2")
    if size < 11:
        return likely("http2")
    return yes("http2") if data[9] == 0 and 1 <= data[10] <= 16 else _NO


def ber_length(data: bytes, at: int) -> tuple[int, int] | None:
    """A definite length (X.690 section 8.1.3): (value, offset behind it); None when cut, value -1 when it is none."""
    if at >= len(data):
        return None
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    if not 1 <= count <= 4:
        return -1, at + 1
    if at + 1 + count > len(data):
        return None
    return int.from_bytes(data[at + 1 : at + 1 + count], "big"), at + 1 + count


_LDAP_OPS: Final = frozenset(
    (
        0x60,
        0x61,
        0x42,
        0x63,
        0x64,
        0x65,
        0x73,
        0x66,
        0x67,
        0x68,
        0x69,
        0x4A,
        0x6B,
        0x6C,
        0x6D,
        0x6E,
        0x6F,
        0x50,
        0x77,
        0x78,
        0x79,
    )
)


def ldap(data: bytes) -> Sign:
    """LDAPMessage: SEQUENCE of a small INTEGER and a protocolOp (RFC 4511 section 4.2 and appendix B)."""
    length = ber_length(data, 1)
    if length is None:
        return UNDECIDED
    value, at = length
    if value < 5 or value > 1 << 24:
        return _NO
    if len(data) < at + 2:
        return UNDECIDED if data[at : at + 1] in (b"", b"\x02") else _NO
    width = data[at + 1]
    if data[at] != 2 or not 1 <= width <= 4:
        return _NO
    if len(data) <= at + 2 + width:
        return UNDECIDED
    if data[at + 2] & 0x80:
        return _NO
    return yes("ldap") if data[at + 2 + width] in _LDAP_OPS else _NO


def kerberos(data: bytes) -> Sign:
    """A length, then a KRB message whose DER length agrees with it (RFC 4120 sections 7.2.2 and 5.4)."""
    if len(data) < 5:
        return UNDECIDED if not data[0] and (len(data) < 2 or not data[1]) else _NO
    length = int.from_bytes(data[:4], "big")
    if data[4] not in (0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x7E) or not 32 < length < 1 << 16:
        return _NO
    inner = ber_length(data, 5)
    if inner is None:
        return likely("kerberos")
    return yes("kerberos") if inner[0] + inner[1] == length + 4 else _NO


def smb(data: bytes) -> Sign:
    """A NetBIOS session packet with SMB 1 to 3 in it ([MS-SMB2] 2.1), or its set-up (RFC 1002 section 4.3)."""
    size = len(data)
    if data[0] == 0:
        if size < 8:
            return UNDECIDED if size < 5 or (data[4] >= 0xFC and b"SMB".startswith(data[5:8])) else _NO
        return yes("smb") if data[4] >= 0xFC and data[5:8] == b"SMB" else _NO
    if size < 5:
        return UNDECIDED if size < 2 or not data[1] & 0xFE else _NO
    if data[0] == 0x82:
        return yes("smb") if data[1:5] == bytes(4) else _NO
    if data[0] == 0x81:
        return yes("smb") if data[1:5] == b"\x00\x00\x44\x20" else _NO
    return (
        yes("smb")
        if data[0] == 0x83 and data[1:4] == b"\x00\x00\x01" and data[4] in (0x80, 0x81, 0x82, 0x83, 0x8F)
        else _NO
    )


def tpkt(data: bytes) -> Sign:
    """TPKT and X.224 connection request, confirm or data: RDP ([MS-RDPBCGR] 2.2.1.1), else ISO transport (RFC 1006)."""
    size = len(data)
    if size < 6:
        return UNDECIDED if size < 2 or (data[1] == 0 and (size < 3 or data[2] < 8)) else _NO
    length, rest, kind = data[2] << 8 | data[3], data[4], data[5]
    if data[1] or not 7 <= length < 2048 or rest > length - 5:
        return _NO
    if kind == 0xF0:
        return yes("cotp") if rest == 2 else _NO
    if kind not in (0xE0, 0xD0) or rest < 6:
        return _NO
    if length == 11:
        return yes("rdp")
    if size < 12:
        return likely("rdp")
    if data[11] in (0xC0, 0xC1, 0xC2):  # TPDU size and selectors: S7, MMS and other ISO applications
        return yes("cotp")
    return yes("rdp") if data[11] in (1, 2, 3) or 0x20 < data[11] < 0x7F else _NO


def socks4(data: bytes) -> Sign:
    """CONNECT or BIND: port, address (0.0.0.x for 4a), user name, NUL (SOCKS protocol, version 4 and 4A memos)."""
    size = len(data)
    if size < 9:
        return UNDECIDED if size < 2 or data[1] in (1, 2) else _NO
    if data[1] not in (1, 2) or not (data[2] or data[3]) or not data[7] or (data[4] == 0 and any(data[5:7])):
        return _NO
    end = data.find(b"\0", 8, 8 + 256)
    user = data[8:end] if end >= 0 else data[8 : 8 + 256]
    if any(byte < 0x20 for byte in user):
        return _NO
    if end >= 0:
        return yes("socks4")
    return likely("socks4") if size < 8 + 256 else _NO


def socks5(data: bytes) -> Sign:
    """Method offer, or method choice followed by the next message (RFC 1928 sections 3 and 6, RFC 1929)."""
    size = len(data)
    if size < 3:
        if size == 2 and data[1] in (0, 2, 0xFF):
            return likely("socks5")
        return UNDECIDED if size < 2 or 1 <= data[1] <= 10 else _NO
    count = data[1]
    if 1 <= count <= 10:
        methods = data[2 : 2 + count]
        if len(set(methods)) == len(methods) and all(method <= 9 or method >= 0x80 for method in methods):
            return yes("socks5") if size >= 2 + count else likely("socks5")
    if (count == 0 and data[2] == 5) or (count == 2 and data[2] == 1):
        if size < 5:
            return likely("socks5")
        reply = data[2:5] if count == 0 else b"\5\0\0"
        return yes("socks5") if reply[1] <= 8 and reply[2] == 0 and (count == 0 or data[3] <= 1) else _NO
    return _NO


def mqtt(data: bytes) -> Sign:
    """CONNECT with a protocol name, or CONNACK (MQTT 3.1.1 and 5.0, sections 3.1 and 3.2)."""
    size = len(data)
    if data[0] == 0x20:
        if size < 4:
            return UNDECIDED if size < 2 or data[1] == 2 or 3 <= data[1] < 0x80 else _NO
        if data[1] == 2:
            return yes("mqtt") if data[2] <= 1 and data[3] <= 5 else _NO
        if size < 5:
            return UNDECIDED if 3 <= data[1] < 0x80 else _NO
        ok = 3 <= data[1] < 0x80 and data[2] <= 1 and (data[3] == 0 or 0x80 <= data[3] <= 0xA2)
        return yes("mqtt") if ok and data[4] == data[1] - 3 else _NO
    at = 1
    while at < 5 and at < size and data[at] & 0x80:
        at += 1
    name = data[at + 1 : at + 9]
    for known in (b"\x00\x04MQTT", b"\x00\x06MQIsdp"):
        if name.startswith(known):
            return yes("mqtt") if at < 5 else _NO
        if size < at + 1 + len(known) and known.startswith(name):
            return likely("mqtt") if len(name) >= 4 else UNDECIDED
    return _NO


def amqp_start(data: bytes) -> Sign:
    """Connection.Start on channel 0 (AMQP 0-9-1 sections 2.3.5 and 1.4)."""
    size = len(data)
    if size < 11:
        return UNDECIDED if data[:3] == b"\x01\x00\x00"[:size] else _NO
    return yes("amqp") if data[:4] == b"\x01\x00\x00\x00" and data[7:11] == b"\x00\x0a\x00\x0a" else _NO


def dcerpc(data: bytes) -> Sign:
    """Connection-oriented PDU: version 5.0 or 5.1, bind or its answers first (C706 section 12.6.3)."""
    size = len(data)
    if size >= 3 and not (
        data[1] <= 1 and (data[2] in (11, 12, 13, 14, 15, 16) or (data[1] == 0 and data[2] in (0, 2, 3)))
    ):
        return _NO
    if size < 8:
        return UNDECIDED if size < 2 or (data[1] <= 1 and (size < 6 or data[5] <= 3)) else _NO
    return yes("dcerpc") if data[4] in (0, 0x10) and data[5] <= 3 and data[6:8] == b"\x00\x00" else _NO


def telnet(data: bytes) -> Sign:
    """IAC and an option negotiation (RFC 854, RFC 855; options of the IANA registry)."""
    size = len(data)
    if size < 3:
        return UNDECIDED if size < 2 or 0xFA <= data[1] <= 0xFE else _NO
    return yes("telnet") if 0xFA <= data[1] <= 0xFE and (data[2] <= 49 or 138 <= data[2] <= 140) else _NO


def bgp(data: bytes) -> Sign:
    """A marker of 16 ones, length, type (RFC 4271 section 4.1)."""
    if data[:16].strip(b"\xff"):
        return _NO
    if len(data) < 19:
        return likely("bgp") if len(data) >= 16 else UNDECIDED
    return yes("bgp") if 19 <= data[16] << 8 | data[17] <= 4096 and 1 <= data[18] <= 5 else _NO


def dns(data: bytes) -> Sign:
    """A length, then a message with one question (RFC 1035 sections 4.1 and 4.2.2)."""
    size = len(data)
    if size < 14:
        return _NO if size >= 8 and data[6:8] != b"\x00\x01" else UNDECIDED
    length = data[0] << 8 | data[1]
    is_answer, opcode = data[4] & 0x80, data[4] >> 3 & 15
    if not length >= 17 or opcode > 6 or data[5] & 0x40 or data[6:8] != b"\x00\x01":
        return _NO
    if not is_answer and (any(data[8:10]) or any(data[10:12]) or data[12] or data[13] > 3):
        return _NO
    at = 14
    while at < size and data[at]:
        step = data[at]
        if step > 63 or data[at + 1 : at + 1 + step].translate(None, PRINTABLE) or at - 14 > 255:
            return _NO
        at += 1 + step
    if at + 5 > size:
        return likely("dns") if size >= 16 else UNDECIDED
    known = data[at + 3 : at + 5] in (b"\x00\x01", b"\x00\x03", b"\x00\x04", b"\x00\xfe", b"\x00\xff")
    return yes("dns") if known and at + 5 <= length + 2 else _NO


def stun(data: bytes) -> Sign:
    """Two zero bits, type, length, the magic cookie (RFC 8489 sections 5 and 6.2.2)."""
    if len(data) < 8:
        cookie = data[4:8]
        return UNDECIDED if b"\x21\x12\xa4\x42".startswith(cookie) else _NO
    return yes("stun") if data[4:8] == b"\x21\x12\xa4\x42" and not data[3] & 3 else _NO


_OPENVPN: Final = {7: frozenset((14, 38, 42, 54, 70, 86)), 8: frozenset((26, 50, 54, 66, 82, 98)), 10: range(200, 1400)}
"""Packet lengths of a hard reset: bare, or with tls-auth by MD5, SHA-1, SHA-256, SHA-384, SHA-512, or tls-crypt."""


def openvpn(data: bytes) -> Sign:
    """A length, then a hard reset in key slot 0 (OpenVPN "Protocol": ssl_pkt.h); TLS is framed inside, not behind."""
    if len(data) < 3:
        return UNDECIDED if data[0] < 6 else _NO
    lengths = _OPENVPN.get(data[2] >> 3, ())
    return yes("openvpn") if not data[2] & 7 and (data[0] << 8 | data[1]) in lengths else _NO


def pptp(data: bytes) -> Sign:
    """A control message: length, type 1, the magic cookie (RFC 2637 section 2.1)."""
    if len(data) < 8:
        return UNDECIDED if data[2:8] == b"\x00\x01\x1a\x2b\x3c\x4d"[: max(0, len(data) - 2)] else _NO
    return yes("pptp") if data[2:8] == b"\x00\x01\x1a\x2b\x3c\x4d" else _NO


def diameter(data: bytes) -> Sign:
    """Version 1, length, flags, a command of the base protocol or 3GPP's (RFC 6733 section 3)."""
    if len(data) < 8:
        return UNDECIDED if len(data) < 5 or not data[4] & 0x0F else _NO
    length, command = int.from_bytes(data[1:4], "big"), int.from_bytes(data[5:8], "big")
    ok = 20 <= length < 1 << 16 and not length % 4 and not data[4] & 0x0F
    known = command in (257, 258, 265, 268, 271, 272, 274, 275, 280, 282) or 300 <= command <= 325
    return yes("diameter") if ok and known else _NO


def _row(name: str, first: bytes | range, check: Check, source: str) -> Signature:
    return Signature(name, frozenset(first), check, source)


BINARY: Final[tuple[Signature, ...]] = (
    _row("tls", range(20, 25), tls, "RFC 8446 section 5.1; RFC 5246 section 6.2"),
    _row("tlcp", b"\x16", tlcp, "GB/T 38636-2020 section 6.3"),
    _row("proxy-v2", b"\r", proxy_v2, "PROXY protocol specification section 2.2"),
    _row("bittorrent", b"\x13", literal("bittorrent", b"\x13BitTorrent protocol", 5), "BEP 3"),
    _row("amqp", b"A", literal("amqp", b"AMQP"), "AMQP 0-9-1 section 4.2.2; AMQP 1.0 section 2.2"),
    _row("amqp", b"\x01", amqp_start, "AMQP 0-9-1 section 1.4"),
    _row("bgp", b"\xff", bgp, "RFC 4271 section 4.1"),
    _row("telnet", b"\xff", telnet, "RFC 854"),
    _row("ldap", b"\x30", ldap, "RFC 4511 section 4.2"),
    _row("rdp", b"\x03", tpkt, "MS-RDPBCGR 2.2.1.1; RFC 1006"),
    _row("tds", b"\x04\x10\x12", tds, "MS-TDS 2.2.3"),
    _row("socks4", b"\x04", socks4, "SOCKS 4 and 4A memos"),
    _row("dcerpc", b"\x05", dcerpc, "C706 section 12.6.3"),
    _row("socks5", b"\x05", socks5, "RFC 1928 section 3"),
    _row("mqtt", b"\x10\x20", mqtt, "MQTT 3.1.1 sections 3.1, 3.2; MQTT 5.0"),
    _row("postgres", b"\x00", postgres_client, "PostgreSQL, Message Formats"),
    _row("postgres", b"RES", postgres_server, "PostgreSQL, Message Formats"),
    _row("smb", b"\x00\x81\x82\x83", smb, "MS-SMB2 2.1; RFC 1002 section 4.3"),
    _row("kerberos", b"\x00", kerberos, "RFC 4120 section 7.2.2"),
    _row("http2", b"\x00", http2_settings, "RFC 9113 sections 3.4, 6.5"),
    _row("stun", range(2), stun, "RFC 8489 section 5"),
    _row("sslv2", range(0x80, 0x100), sslv2, "RFC 5246 appendix E.2; SSL 2.0 protocol draft"),
    _row("mysql", range(0x100), mysql_server, "MySQL, Protocol::HandshakeV10"),
    _row("mysql", range(0x100), mysql_client, "MySQL, Protocol::SSLRequest"),
    _row("dns", range(16), dns, "RFC 1035 section 4.2.2"),
    _row("oracle-tns", range(16), oracle, "Oracle Net"),
    _row("openvpn", range(6), openvpn, "OpenVPN ssl_pkt.h"),
    _row("pptp", range(2), pptp, "RFC 2637 section 2.1"),
    _row("diameter", b"\x01", diameter, "RFC 6733 section 3"),
    _row("openwire", b"\x00", openwire, "ActiveMQ OpenWire"),
    _row("ajp", b"\x12", literal("ajp", b"\x12\x34\x00", 4), "AJPv13, request packet"),
    _row("ajp", b"\x12", literal("ajp", b"\x12\x34\x01", 4), "AJPv13, request packet"),
    _row("kafka", b"\x00", kafka, "Kafka protocol guide"),
    _row("mongodb", range(0x100), mongodb, "MongoDB wire protocol"),
)
"""Tried in this order: a row is asked only when every row before it has said no."""
