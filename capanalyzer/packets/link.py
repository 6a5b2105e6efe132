"""Link-layer headers on the slow path: Ethernet and its tags, LLC, PPP, MPLS, cooked and loopback captures.

Radio and the rarer media are in :mod:`capanalyzer.packets.media`.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.packets.layer import CHDLC_TYPE, ETHERTYPE, GRE_TYPE, LINKTYPE, PPP_PROTOCOL, STOP, Packet

__all__ = [
    "brcm_tag",
    "chdlc",
    "chdlc_bridged",
    "cisco_metadata",
    "etag",
    "ethernet",
    "fabric_path",
    "hsr",
    "llc",
    "loopback",
    "macsec",
    "mpls",
    "ppp",
    "ppp_bridged",
    "pppoe",
    "provider_backbone",
    "raw_ip",
    "rtag",
    "sll",
    "sll2",
    "trill",
    "vlan",
    "vntag",
]

_ETHERNET, _IP, _LLC, _PPP = LINKTYPE + 1, LINKTYPE + 101, LINKTYPE + 100, LINKTYPE + 9
_IPV4, _IPV6 = ETHERTYPE + 0x0800, ETHERTYPE + 0x86DD
_MAX_LABELS: Final = 64
"""MPLS labels in one stack; real ones have fewer than 15."""
_BRIDGED_TYPES: Final = frozenset((0x0800, 0x86DD, 0x8100, 0x88A8, 0x0806, 0x8847, 0x8848, 0x8864))
"""EtherTypes by which an Ethernet frame behind MPLS labels is recognised; nothing in MPLS says what follows."""


def _typed(packet: Packet, size: int) -> int:
    """A header of ``size`` bytes whose last two are an EtherType or an 802.3 length."""
    if not packet.has(size):
        return STOP
    kind = packet.u16(size - 2)
    packet.at += size
    if kind <= 1500:  # IEEE 802.3 section 3.2.6: a length, LLC follows
        packet.limit(kind)
        return _LLC
    return ETHERTYPE + kind


def ethernet(packet: Packet) -> int:
    """IEEE 802.3."""
    return _typed(packet, 14)


def vlan(packet: Packet) -> int:
    """802.1Q or 802.1ad tag, behind its EtherType: control information, then the next EtherType."""
    return _typed(packet, 4)


def vntag(packet: Packet) -> int:
    """Cisco VN-Tag (0x8926)."""
    return _typed(packet, 6)


def etag(packet: Packet) -> int:
    """802.1BR E-TAG (0x893F)."""
    return _typed(packet, 8)


def rtag(packet: Packet) -> int:
    """802.1CB redundancy tag (0xF1C1)."""
    return _typed(packet, 6)


def hsr(packet: Packet) -> int:
    """HSR tag (0x892F, IEC 62439-3): path and size, sequence number, EtherType."""
    return _typed(packet, 6)


def brcm_tag(packet: Packet) -> int:
    """Broadcom switch tag (0x8874): four bytes and the EtherType."""
    return _typed(packet, 6)


def cisco_metadata(packet: Packet) -> int:
    """Cisco MetaData (0x8909): version, length, then options of four bytes each, then the EtherType."""
    if not packet.has(2):
        return STOP
    return _typed(packet, 4 + packet.buf[packet.at + 1] * 4)


def provider_backbone(packet: Packet) -> int:
    """802.1ah I-TAG (0x88E7): four bytes, then the customer's frame."""
    if not packet.has(4):
        return STOP
    packet.at += 4
    return _ETHERNET


def trill(packet: Packet) -> int:
    """RFC 6325 section 3: six bytes, options, then the frame."""
    if not packet.has(6):
        return STOP
    packet.at += 6 + (packet.u16(0) >> 6 & 0x1F) * 4
    return _ETHERNET


def fabric_path(packet: Packet) -> int:
    """Cisco FabricPath (0x8903): forwarding tag and TTL, then the frame."""
    if not packet.has(2):
        return STOP
    packet.at += 2
    return _ETHERNET


def macsec(packet: Packet) -> int:
    """802.1AE with integrity only: what is encrypted cannot be read."""
    if not packet.has(6):
        return STOP
    control = packet.buf[packet.at]
    if control & 0x8C:  # version, encryption, changed text
        return STOP
    icv = 16
    packet.wire_end -= icv
    packet.end = min(packet.end, packet.wire_end)
    return _typed(packet, 16 if control & 0x20 else 8)


def llc(packet: Packet) -> int:
    """IEEE 802.2 with SNAP (RFC 1042), bridged Ethernet (RFC 2684 section 5.2), or IP's own SAP."""
    if not packet.has(3):
        return STOP
    saps, control = packet.u16(0), packet.buf[packet.at + 2]
    if saps == 0x0606 and control == 3:
        packet.at += 3
        return _IPV4
    if saps & 0xFEFE != 0xAAAA or control != 3 or not packet.has(8):
        return STOP
    oui, kind = packet.u32(2) & 0xFFFFFF, packet.u16(6)
    packet.at += 8
    if oui in (0x000000, 0x0000F8):
        return ETHERTYPE + kind
    if oui == 0x0080C2 and kind in (1, 7):
        return _ETHERNET
    return STOP


def mpls(packet: Packet) -> int:
    """RFC 3032 labels; then IP by its version, or an Ethernet pseudowire with or without control word (RFC 4448)."""
    for _ in range(_MAX_LABELS):
        if not packet.has(4):
            return STOP
        label = packet.u32(0)
        packet.at += 4
        if label & 0x100:
            break
    else:
        return STOP
    if not packet.has(1):
        return STOP
    version = packet.buf[packet.at] >> 4
    if version in (4, 6) and not _is_frame(packet, 0):
        return _IP
    if version == 0 and _is_frame(packet, 4):
        packet.at += 4
        return _ETHERNET
    return _ETHERNET if _is_frame(packet, 0) else STOP


def _is_frame(packet: Packet, skip: int) -> bool:
    """Whether an Ethernet header with a usual EtherType stands ``skip`` bytes on."""
    start = packet.at + skip
    if packet.end - start < 14 or packet.u16(skip + 12) not in _BRIDGED_TYPES:
        return False
    # An IP header whose bytes 12 and 13 (its source address, 8.0.x.y) look like an EtherType is still IP.
    first = packet.buf[start]
    return not (skip == 0 and first == 0x45 and packet.u16(2) == packet.wire_end - start)


def pppoe(packet: Packet) -> int:
    """PPPoE session stage, RFC 2516 section 4."""
    if not packet.has(6) or packet.u16(0) != 0x1100:
        return STOP
    size = packet.u16(4)
    packet.at += 6
    packet.limit(size)
    return _PPP


def ppp(packet: Packet) -> int:
    """PPP (RFC 1661 section 2, RFC 1662 section 3), either field compressed or not; Cisco HDLC by its address."""
    if not packet.has(2):
        return STOP
    first = packet.u16(0)
    if first in (0x0F00, 0x8F00):
        return LINKTYPE + 104
    if first == 0xFF03:
        packet.at += 2
        if not packet.has(1):
            return STOP
    if packet.buf[packet.at] & 1:  # a protocol number ends at its first odd byte
        protocol = packet.buf[packet.at]
        packet.at += 1
    else:
        if not packet.has(2):
            return STOP
        protocol = packet.u16(0)
        packet.at += 2
    return PPP_PROTOCOL + protocol


def ppp_bridged(packet: Packet) -> int:
    """Bridging control protocol (RFC 3518 section 4.2): flags, MAC type 1 for Ethernet."""
    if not packet.has(2) or packet.buf[packet.at + 1] != 1:
        return STOP
    packet.at += 2
    return _ETHERNET


def chdlc(packet: Packet) -> int:
    """Cisco HDLC: address, control, EtherType."""
    if not packet.has(4):
        return STOP
    kind = packet.u16(2)
    packet.at += 4
    return CHDLC_TYPE + kind if kind == 0x6558 else ETHERTYPE + kind


def chdlc_bridged(packet: Packet) -> int:
    """An Ethernet frame over Cisco HDLC, with two bytes of flags before it."""
    packet.at += 2
    return _ETHERNET


def loopback(packet: Packet) -> int:
    """BSD null and loop: an address family in the byte order of whoever captured."""
    if not packet.has(4):
        return STOP
    if packet.u16(0) == 0xFF03:
        return _PPP
    family = packet.u32(0)
    if family > 0xFFFF:
        family = int.from_bytes(packet.buf[packet.at : packet.at + 4], "little")
    packet.at += 4
    if family == 2:
        return _IPV4
    if family in (10, 24, 28, 30):  # AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS
        return _IPV6
    return ETHERTYPE + family if 1536 <= family <= 0xFFFF else STOP


def raw_ip(packet: Packet) -> int:
    """No header at all; or PPP, which some drivers write under this link type."""
    if not packet.has(1):
        return STOP
    version = packet.buf[packet.at] >> 4
    if version == 4:
        return _IPV4
    if version == 6:
        return _IPV6
    return _PPP if packet.has(2) and packet.u16(0) == 0xFF03 else STOP


_ARPHRD_IPGRE: Final = 778
_ARPHRD_NO_ETHERTYPE: Final = frozenset((803, 824))
"""802.11 with radiotap and netlink: the protocol field is no EtherType there."""


def _cooked(protocol: int, hardware: int) -> int:
    if hardware in _ARPHRD_NO_ETHERTYPE:
        return STOP
    if hardware == _ARPHRD_IPGRE and protocol == 0x883E:
        return GRE_TYPE + protocol
    if protocol == 4:
        return _LLC
    if protocol == 1:
        return STOP  # raw 802.3: IPX
    return ETHERTYPE + protocol if protocol > 1500 else STOP


def sll(packet: Packet) -> int:
    """Linux cooked capture, version 1: 16 bytes, the protocol last."""
    if not packet.has(16):
        return STOP
    hardware, protocol = packet.u16(2), packet.u16(14)
    packet.at += 16
    return _cooked(protocol, hardware)


def sll2(packet: Packet) -> int:
    """Linux cooked capture, version 2: 20 bytes, the protocol first."""
    if not packet.has(20):
        return STOP
    protocol, hardware = packet.u16(0), packet.u16(8)
    packet.at += 20
    return _cooked(protocol, hardware)
