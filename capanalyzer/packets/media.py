"""Radio and rare media on the slow path: 802.11 and what monitors put before it, FDDI, Frame Relay, and others."""

from __future__ import annotations

from typing import Final

from capanalyzer.packets.layer import ETHERTYPE, LINKTYPE, STOP, Layer, Packet

__all__ = [
    "apple_ieee1394",
    "arcnet",
    "arcnet_linux",
    "avs",
    "enc",
    "erf",
    "ethernet_after_preamble",
    "fddi",
    "fibre_channel",
    "frame_relay",
    "ipnet",
    "ipoib",
    "juniper_ethernet",
    "nflog",
    "pflog",
    "pktap",
    "ppi",
    "ppp_pppd",
    "prism",
    "radiotap",
    "skip_direction",
    "token_ring",
    "wlan",
    "wlan_padded",
    "wlan_swapped",
]

_ETHERNET, _IP, _LLC, _PPP, _WLAN = LINKTYPE + 1, LINKTYPE + 101, LINKTYPE + 100, LINKTYPE + 9, LINKTYPE + 105
_IPV4, _IPV6 = ETHERTYPE + 0x0800, ETHERTYPE + 0x86DD
_V6_FAMILIES: Final = frozenset((10, 24, 26, 28, 30))
"""AF_INET6 of Linux, NetBSD and OpenBSD, Solaris, FreeBSD, macOS."""


def _family(family: int) -> int:
    return _IPV4 if family == 2 else _IPV6 if family in _V6_FAMILIES else STOP


def _little(packet: Packet, offset: int, size: int) -> int:
    at = packet.at + offset
    return int.from_bytes(packet.buf[at : at + size], "little")


def _skip(packet: Packet, size: int, following: int) -> int:
    if not packet.has(size):
        return STOP
    packet.at += size
    return following


def wlan(packet: Packet) -> int:
    """IEEE 802.11 section 9: data frames that are neither encrypted nor fragments."""
    return _wlan(packet, 0, 1, padded=False)


def wlan_padded(packet: Packet) -> int:
    """The same, the header padded to four bytes as some cards deliver it."""
    return _wlan(packet, 0, 1, padded=True)


def wlan_swapped(packet: Packet) -> int:
    """The same with the two bytes of frame control exchanged, as CAPWAP controllers send it."""
    return _wlan(packet, 1, 0, padded=False)


def _wlan(packet: Packet, low: int, high: int, *, padded: bool) -> int:
    if not packet.has(24):
        return STOP
    kind, flags = packet.buf[packet.at + low], packet.buf[packet.at + high]
    subtype = kind >> 4
    if kind & 0x0F != 0x08 or subtype & 4:  # version 0, type data, with data
        return STOP
    # Protected, more fragments, or a fragment number: no whole plain frame here.
    if flags & 0x44 or packet.buf[packet.at + 22] & 0x0F:
        return STOP
    size = 30 if flags & 3 == 3 else 24
    aggregated = False
    if subtype & 8:
        if not packet.has(size + 2):
            return STOP
        aggregated = bool(packet.buf[packet.at + size] & 0x80)
        size += 6 if flags & 0x80 else 2
    if padded:
        size = size + 3 & ~3
    if aggregated:
        packet.at += size
        return _amsdu(packet)
    return _skip(packet, size, _LLC)


def _amsdu(packet: Packet) -> int:
    """IEEE 802.11 section 9.3.2.2.2: frames with addresses and length, padded to four bytes but the last."""
    while packet.end - packet.at >= 14:
        length = packet.u16(12)
        packet.at += 14
        packet.branch(length, _LLC)
        packet.at += (14 + length + 3 & ~3) - 14
    return STOP


def radiotap(packet: Packet) -> int:
    """radiotap.org: length, presence words, fields aligned to their size; flags may say that padding follows."""
    if not packet.has(8):
        return STOP
    size = _little(packet, 2, 2)
    if size < 8 or not packet.has(size):
        return STOP
    present = first = _little(packet, 4, 4)
    field = 8
    while present & 0x80000000 and field + 4 <= size:
        present = _little(packet, field, 4)
        field += 4
    if first & 1:  # TSFT, eight bytes
        field = (field + 7 & ~7) + 8
    is_padded = bool(first & 2) and field < size and bool(packet.buf[packet.at + field] & 0x20)
    packet.at += size
    return wlan_padded(packet) if is_padded else wlan(packet)


def prism(packet: Packet) -> int:
    """Prism monitor header, 144 bytes; or AVS's under the same link type."""
    if not packet.has(8):
        return STOP
    if packet.u32(0) & 0xFFFFF000 == 0x80211000:
        return avs(packet)
    return _skip(packet, 144, _WLAN)


def avs(packet: Packet) -> int:
    """AVS monitor header; its second word is its length."""
    if not packet.has(8) or packet.u32(0) & 0xFFFFF000 != 0x80211000:
        return STOP
    size = packet.u32(4)
    return _skip(packet, size, _WLAN) if size >= 8 else STOP


def ppi(packet: Packet) -> int:
    """Per-packet information: length and link type, little-endian."""
    if not packet.has(8):
        return STOP
    size, kind = _little(packet, 2, 2), _little(packet, 4, 4)
    return _skip(packet, size, LINKTYPE + kind) if size >= 8 and kind < 1 << 16 else STOP


def pktap(packet: Packet) -> int:
    """Apple's PKTAP: header length, record type, and the DLT_ of what follows, little-endian."""
    if not packet.has(12):
        return STOP
    size, kind = _little(packet, 0, 4), _little(packet, 8, 4)
    return _skip(packet, size, LINKTYPE + kind) if size >= 12 and kind < 1 << 16 else STOP


def nflog(packet: Packet) -> int:
    """Netfilter log: family, then attributes in the host's byte order; number 9 is the packet."""
    if not packet.has(8):
        return STOP
    family = packet.buf[packet.at]
    packet.at += 4
    order = "little"
    if _little(packet, 0, 2) > packet.end - packet.at or _little(packet, 2, 2) > 255:
        order = "big"
    while packet.has(4):
        head = packet.buf[packet.at : packet.at + 4]
        size, kind = (
            (_little(packet, 0, 2), _little(packet, 2, 2))
            if order == "little"
            else (
                head[0] << 8 | head[1],
                head[2] << 8 | head[3],
            )
        )
        if size < 4:
            return STOP
        if kind == 9:
            packet.at += 4
            packet.limit(size - 4)
            return _family(family)
        packet.at += size + 3 & ~3
    return STOP


def pflog(packet: Packet) -> int:
    """OpenBSD's packet filter log: length and family first, padded to four bytes."""
    if not packet.has(2):
        return STOP
    size, family = packet.buf[packet.at], packet.buf[packet.at + 1]
    return _skip(packet, size + 3 & ~3, _family(family))


def enc(packet: Packet) -> int:
    """OpenBSD's IPsec interface: family in host order, SPI, flags."""
    if not packet.has(12):
        return STOP
    family = packet.u32(0)
    return _skip(packet, 12, _family(family if family <= 0xFFFF else _little(packet, 0, 4)))


def ipnet(packet: Packet) -> int:
    """Solaris IP observability: 24 bytes, the family second."""
    if not packet.has(24):
        return STOP
    return _skip(packet, 24, _family(packet.buf[packet.at + 1]))


def ipoib(packet: Packet) -> int:
    """IP over InfiniBand (RFC 4391 section 6): 40 bytes of addresses, EtherType, two reserved bytes."""
    if not packet.has(44):
        return STOP
    return _skip(packet, 44, ETHERTYPE + packet.u16(40))


def frame_relay(packet: Packet) -> int:
    """Q.922 address, then RFC 2427 (control 3, NLPID) or Cisco's EtherType."""
    size = 0
    while True:
        if not packet.has(size + 1) or size > 4:
            return STOP
        size += 1
        if packet.buf[packet.at + size - 1] & 1:
            break
    if size < 2 or not packet.has(size + 2):
        return STOP
    kind = packet.u16(size)
    if kind >> 8 != 3:
        return _skip(packet, size + 2, ETHERTYPE + kind)
    packet.at += size + 1
    if packet.buf[packet.at] == 0:  # a byte of padding
        packet.at += 1
    if not packet.has(6):
        return STOP
    identifier = packet.buf[packet.at]
    if identifier == 0x80:  # SNAP
        oui, kind = packet.u32(0) & 0xFFFFFF, packet.u16(4)
        return _skip(packet, 6, ETHERTYPE + kind if oui == 0 else _ETHERNET if kind in (1, 7) else STOP)
    packet.at += 1
    return {0xCC: _IPV4, 0x8E: _IPV6, 0xCF: _PPP}.get(identifier, STOP)


def fddi(packet: Packet) -> int:
    """Frame control and addresses; LLC frames only."""
    if not packet.has(13) or packet.buf[packet.at] & 0xF0 != 0x50:
        return STOP
    return _skip(packet, 13, _LLC)


def token_ring(packet: Packet) -> int:
    """IEEE 802.5: access and frame control, addresses, source routing where the first source bit says so."""
    if not packet.has(16) or packet.buf[packet.at + 1] & 0xC0 != 0x40:
        return STOP
    routing = packet.buf[packet.at + 14] & 0x1F if packet.buf[packet.at + 8] & 0x80 else 0
    return _skip(packet, 14 + routing, _LLC)


def fibre_channel(packet: Packet) -> int:
    """IP over Fibre Channel (RFC 2625): two addresses of eight bytes, LLC."""
    return _skip(packet, 16, _LLC)


def apple_ieee1394(packet: Packet) -> int:
    """Apple's IP over IEEE 1394: two addresses of eight bytes, EtherType."""
    if not packet.has(18):
        return STOP
    return _skip(packet, 18, ETHERTYPE + packet.u16(16))


def arcnet(packet: Packet) -> int:
    """ARCNET as BSD captures it (RFC 1201), frames that were not split."""
    return _arcnet(packet, 2)


def arcnet_linux(packet: Packet) -> int:
    """ARCNET as Linux captures it: two bytes of offset after the addresses."""
    return _arcnet(packet, 4)


def _arcnet(packet: Packet, at: int) -> int:
    if not packet.has(at + 4):
        return STOP
    kind = packet.buf[packet.at + at]
    if kind == 240:  # RFC 1051: no split flag, no sequence number
        return _skip(packet, at + 1, _IPV4)
    if kind != 212 or packet.buf[packet.at + at + 1]:
        return STOP
    return _skip(packet, at + 4, _IPV4)


def juniper_ethernet(packet: Packet) -> int:
    """Juniper's pseudo-header: "MGC", flags, and extensions of a length of their own."""
    if not packet.has(6) or bytes(packet.buf[packet.at : packet.at + 3]) != b"MGC":
        return STOP
    flags = packet.buf[packet.at + 3]
    size = 6 + packet.u16(4) if flags & 0x80 else 4
    if flags & 2:  # no layer 2 was captured; four bytes of protocol number stand in its place
        return _skip(packet, size + 4, _IP)
    return _skip(packet, size, _ETHERNET)


def ppp_pppd(packet: Packet) -> int:
    """The log of pppd: direction in place of the address byte, control, protocol."""
    if not packet.has(2):
        return STOP
    return _skip(packet, 2 if packet.buf[packet.at + 1] == 3 else 1, _PPP)


def skip_direction(following: int) -> Layer:
    """A layer that skips one byte of direction before ``following``."""

    def layer(packet: Packet) -> int:
        return _skip(packet, 1, following)

    return layer


def ethernet_after_preamble(packet: Packet) -> int:
    """802.3br mPackets: preamble and start delimiter, then the frame."""
    return _skip(packet, 8, _ETHERNET)


def erf(packet: Packet) -> int:
    """Endace records of Ethernet type: 16 bytes, extension headers, two bytes of padding."""
    if not packet.has(16):
        return STOP
    kind = packet.buf[packet.at + 8]
    if kind & 0x7F not in (2, 11, 16, 20):
        return STOP
    packet.at += 16
    more = kind & 0x80
    while more:
        if not packet.has(8):
            return STOP
        more = packet.buf[packet.at] & 0x80
        packet.at += 8
    return _skip(packet, 2, _ETHERNET)
