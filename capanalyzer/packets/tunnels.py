"""Packets inside packets, on the slow path: GRE, ERSPAN, VXLAN, GENEVE, GTP-U, L2TP and their like."""

from __future__ import annotations

from typing import Final

from capanalyzer.packets.layer import ETHERTYPE, GRE_TYPE, INNER, IP_PROTOCOL, LINKTYPE, STOP, Packet

__all__ = [
    "capwap",
    "erspan2",
    "erspan3",
    "etherip",
    "geneve",
    "gre",
    "gre_cisco_wccp",
    "gtp_u",
    "l2tp",
    "lisp",
    "nsh",
    "teredo",
    "tzsp",
    "vxlan",
    "vxlan_gpe",
    "vxlan_linux",
]

_ETHERNET, _IP = LINKTYPE + 1, LINKTYPE + 101
_WLAN, _WLAN_SWAPPED = LINKTYPE + 105, INNER + 2
_MPLS = ETHERTYPE + 0x8847
_NEXT_PROTOCOL: Final = {1: ETHERTYPE + 0x0800, 2: ETHERTYPE + 0x86DD, 3: _ETHERNET, 4: ETHERTYPE + 0x894F, 5: _MPLS}
"""Next protocol of NSH (RFC 8300 section 2.2) and VXLAN-GPE."""


def _skip(packet: Packet, size: int, following: int) -> int:
    if not packet.has(size):
        return STOP
    packet.at += size
    return following


def vxlan(packet: Packet) -> int:
    """RFC 7348 section 5. Flags are not looked at, as in Wireshark."""
    return _skip(packet, 8, _ETHERNET)


def vxlan_linux(packet: Packet) -> int:
    """VXLAN on port 8472, Linux's default before one was assigned; other things use it too, so be strict."""
    if not packet.has(8):
        return STOP
    is_vxlan = packet.u32(0) == 0x08000000 and packet.buf[packet.at + 7] == 0
    return _skip(packet, 8, _ETHERNET) if is_vxlan else STOP


def vxlan_gpe(packet: Packet) -> int:
    """draft-ietf-nvo3-vxlan-gpe section 3.1."""
    if not packet.has(8):
        return STOP
    return _skip(packet, 8, _NEXT_PROTOCOL.get(packet.buf[packet.at + 3], STOP))


def geneve(packet: Packet) -> int:
    """RFC 8926 section 3.4."""
    if not packet.has(8):
        return STOP
    first = packet.buf[packet.at]
    return _skip(packet, 8 + (first & 0x3F) * 4, ETHERTYPE + packet.u16(2)) if first >> 6 == 0 else STOP


def nsh(packet: Packet) -> int:
    """Network service header, RFC 8300 section 2."""
    if not packet.has(8):
        return STOP
    size = (packet.u16(0) & 0x3F) * 4
    return _skip(packet, size, _NEXT_PROTOCOL.get(packet.buf[packet.at + 3], STOP)) if size >= 8 else STOP


def gtp_u(packet: Packet) -> int:
    """GTP-U version 1, T-PDU (3GPP TS 29.281 section 5), extension headers included."""
    if not packet.has(8):
        return STOP
    flags, kind, size = packet.buf[packet.at], packet.buf[packet.at + 1], packet.u16(2)
    if flags >> 5 != 1 or not flags & 0x10 or kind != 0xFF:
        return STOP
    packet.at += 8
    packet.limit(size)
    if flags & 7:
        if not packet.has(4):
            return STOP
        following = packet.buf[packet.at + 3] if flags & 4 else 0
        packet.at += 4
        while following:
            if not packet.has(4):
                return STOP
            extension = packet.buf[packet.at] * 4
            if not extension or not packet.has(extension):
                return STOP
            packet.at += extension
            following = packet.buf[packet.at - 1]
    return _IP


def gre(packet: Packet) -> int:
    """RFC 2784, RFC 2890 (key, sequence), RFC 1701 (routing), RFC 2637 section 4.1 (version 1, PPTP)."""
    if not packet.has(4):
        return STOP
    flags, kind = packet.u16(0), packet.u16(2)
    version = flags & 7
    if version > 1:
        return STOP
    size = 4
    if version == 1:
        size += 4 + 4 * bool(flags & 0x1000) + 4 * bool(flags & 0x0080)
        if not flags & 0x1000:
            return STOP  # an acknowledgement alone carries nothing
    else:
        size += 4 * bool(flags & 0xC000) + 4 * bool(flags & 0x2000) + 4 * bool(flags & 0x1000)
    if not packet.has(size):
        return STOP
    packet.at += size
    if version == 0 and flags & 0x4000:
        while True:  # source route entries, ended by one of length 0; each is at least 4 bytes
            if not packet.has(4):
                return STOP
            entry = packet.buf[packet.at + 3]
            last = packet.u16(0) == 0 and entry == 0
            packet.at += 4 + entry
            if last:
                break
    if kind == 0x88BE:  # ERSPAN: type I has no sequence number, and no header either
        return INNER if flags & 0x1000 else _ETHERNET
    if kind == 0x883E:
        return GRE_TYPE + kind
    if 0x8200 <= kind <= 0x8340 and kind & 15 == 0:
        return _WLAN  # Aruba access points
    return ETHERTYPE + kind


def gre_cisco_wccp(packet: Packet) -> int:
    """WCCP redirection: version 2 puts four bytes before the IP header, version 1 none."""
    if not packet.has(4):
        return STOP
    if packet.buf[packet.at] >> 4 != 4:
        packet.at += 4
    return ETHERTYPE + 0x0800


def erspan2(packet: Packet) -> int:
    """ERSPAN type II (draft-foschiano-erspan section 4.2); type III may come under the same number."""
    if not packet.has(8):
        return STOP
    version = packet.buf[packet.at] >> 4
    return _skip(packet, 8, _ETHERNET) if version == 1 else erspan3(packet) if version == 2 else STOP


def erspan3(packet: Packet) -> int:
    """ERSPAN type III (draft-foschiano-erspan section 4.3): 12 bytes, 8 more when the last bit says so."""
    if not packet.has(12) or packet.buf[packet.at] >> 4 != 2:
        return STOP
    last = packet.u16(10)
    return _skip(packet, 20 if last & 1 else 12, _IP if last >> 10 & 0x1F == 2 else _ETHERNET)


def etherip(packet: Packet) -> int:
    """RFC 3378 section 3."""
    if not packet.has(2) or packet.buf[packet.at] >> 4 != 3:
        return STOP
    return _skip(packet, 2, _ETHERNET)


def l2tp(packet: Packet) -> int:
    """L2TP version 2 data messages (RFC 2661 section 3.1), PPP inside."""
    if not packet.has(6):
        return STOP
    flags = packet.u16(0)
    if flags & 0x8000 or flags & 15 != 2:
        return STOP  # control, or version 3 whose cookie and pseudowire type only the endpoints know
    if flags & 0x4000:
        packet.limit(packet.u16(2))
    size = 6 + 2 * bool(flags & 0x4000) + 4 * bool(flags & 0x0800)
    if flags & 0x0200:
        if not packet.has(size + 2):
            return STOP
        size += 2 + packet.u16(size)
    return _skip(packet, size, LINKTYPE + 9)


def lisp(packet: Packet) -> int:
    """LISP data, RFC 9300 section 5.1."""
    return _skip(packet, 8, _IP)


def teredo(packet: Packet) -> int:
    """RFC 4380 section 5.1.1: authentication and origin indications before IPv6."""
    if packet.has(4) and packet.u16(0) == 1:
        packet.at += 13 + packet.buf[packet.at + 2] + packet.buf[packet.at + 3]
    if packet.has(8) and packet.u16(0) == 0:
        packet.at += 8
    if not packet.has(1):
        return STOP
    return IP_PROTOCOL + 41 if packet.buf[packet.at] >> 4 == 6 else STOP


def tzsp(packet: Packet) -> int:
    """TaZmen sniffer protocol: tagged fields, then the frame."""
    if not packet.has(5) or packet.buf[packet.at] != 1:
        return STOP
    kind = packet.u16(2)
    packet.at += 4
    while packet.has(2):
        tag = packet.buf[packet.at]
        packet.at += 1 if tag < 2 else 2 + packet.buf[packet.at + 1]
        if tag == 1:
            break
    return {1: _ETHERNET, 18: _WLAN, 119: LINKTYPE + 119, 127: LINKTYPE + 163}.get(kind, STOP)


def capwap(packet: Packet) -> int:
    """CAPWAP data (RFC 5415 section 4.3), unencrypted and not fragmented."""
    if not packet.has(8) or packet.buf[packet.at]:
        return STOP
    size, flags = packet.buf[packet.at + 1] >> 3, packet.u16(2)
    if flags & 0x80:
        return STOP
    # Frame control comes byte-swapped from Cisco controllers, Wireshark's default too.
    return _skip(packet, size * 4, _WLAN_SWAPPED if flags & 0x100 else _ETHERNET)
