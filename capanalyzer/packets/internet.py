"""IPv4, IPv6 with its extension headers, ICMP errors and UDP, on the slow path."""

from __future__ import annotations

from typing import Final

from capanalyzer.packets.layer import ETHERTYPE, FRAGMENT, IP_PROTOCOL, STOP, UDP_PORT, Packet, Place, Quoting
from capanalyzer.packets.notes import CUT, MALFORMED_IP

__all__ = [
    "TUNNEL_PORTS",
    "authentication",
    "destination_options",
    "extension",
    "icmp",
    "icmp6",
    "ip",
    "ipv4",
    "ipv6",
    "ipv6_fragment",
    "routing",
    "udp",
]

TUNNEL_PORTS: Final = frozenset((1701, 2152, 3544, 4341, 4754, 4789, 4790, 5247, 6081, 6635, 8472, 37008))
"""UDP ports under which other packets travel: L2TP, GTP-U, Teredo, LISP, GRE (RFC 8086), VXLAN, VXLAN-GPE,
CAPWAP, GENEVE, MPLS (RFC 7510), VXLAN as Linux first numbered it, TZSP."""

_IPV4, _IPV6 = ETHERTYPE + 0x0800, ETHERTYPE + 0x86DD


def ip(packet: Packet) -> int:
    """Either version, told by its first four bits."""
    if not packet.has(1):
        return STOP
    version = packet.buf[packet.at] >> 4
    return _IPV4 if version == 4 else _IPV6 if version == 6 else STOP


def ipv4(packet: Packet) -> int:
    """RFC 791 section 3.1."""
    if not packet.has(20):
        return STOP
    buf, at = packet.buf, packet.at
    version = buf[at] >> 4
    if version != 4:
        # IPv6 under IPv4's EtherType is read as IPv6, as Wireshark does.
        return ipv6(packet) if version == 6 else STOP
    header, total = (buf[at] & 15) * 4, packet.u16(2)
    # Segmentation offload captured before the card filled the length in: total length 0.
    if header < 20 or 0 < total < header:
        packet.note(MALFORMED_IP)
        return STOP
    if total and packet.quoting is None:
        packet.limit(total)
    packet.next_header = buf[at + 9]
    if not packet.holds(header):
        if packet.next_header == 6:
            packet.note(CUT)
        return STOP
    packet.address_at, packet.is_v6, packet.ttl = at + 12, False, buf[at + 8]
    packet.addresses = None
    packet.ip_id = packet.u16(4)
    packet.ip_end = at + total
    fragment = packet.u16(6)
    packet.at = at + header
    if fragment & 0x3FFF:
        key = b"4%c" % packet.next_header + bytes(buf[at + 4 : at + 6]) + bytes(buf[at + 12 : at + 20])
        packet.place = Place(key, (fragment & 0x1FFF) * 8, bool(fragment & 0x2000))
        return FRAGMENT
    return IP_PROTOCOL + packet.next_header


def ipv6(packet: Packet) -> int:
    """RFC 8200 section 3."""
    if not packet.has(40):
        return STOP
    buf, at = packet.buf, packet.at
    if buf[at] >> 4 != 6:
        return STOP
    size = packet.u16(4)
    packet.address_at, packet.is_v6 = at + 8, True
    packet.addresses = None
    packet.next_header, packet.ttl, packet.ip_id = buf[at + 6], buf[at + 7], 0
    packet.at = at + 40
    packet.ip_end = packet.at + size
    # Payload length 0: a jumbogram (RFC 2675) or segmentation offload; the frame's own length counts.
    if size and packet.quoting is None:
        packet.limit(size)
    return IP_PROTOCOL + packet.next_header


def extension(packet: Packet) -> int:
    """Hop-by-hop options (RFC 8200 section 4), mobility, HIP, shim6."""
    if not packet.is_v6 or not packet.has(8):
        return STOP
    size = packet.buf[packet.at + 1] * 8 + 8
    if not packet.has(size):
        return STOP
    packet.next_header = packet.buf[packet.at]
    packet.at += size
    return IP_PROTOCOL + packet.next_header


def routing(packet: Packet) -> int:
    """Routing header: while segments are left, the final destination stands in it and counts, as in Wireshark."""
    if packet.is_v6 and packet.has(8):
        buf, at = packet.buf, packet.at
        size, kind, left = buf[at + 1] * 8 + 8, buf[at + 2], buf[at + 3]
        # Last of type 0's list (RFC 2460 section 4.4), only one in type 2 (RFC 6275 section 6.4), first of a
        # segment list, which is stored backwards (RFC 8754 section 2).
        final = {0: at + 8 + (size - 24) // 16 * 16, 2: at + 8, 4: at + 8}.get(kind)
        if left and final is not None and size >= 24 and packet.holds(size):
            packet.addresses = packet.both_addresses()[:16] + bytes(buf[final : final + 16])
    return extension(packet)


def destination_options(packet: Packet) -> int:
    """Destination options; a home address (RFC 6275 section 6.3) is the sender's lasting address and counts."""
    if packet.is_v6 and packet.has(8):
        buf, at = packet.buf, packet.at + 2
        stop = min(packet.at + buf[packet.at + 1] * 8 + 8, packet.end)
        while at + 2 <= stop:
            kind, size = buf[at], buf[at + 1]
            if kind == 0xC9 and size == 16 and at + 18 <= stop:
                packet.addresses = bytes(buf[at + 2 : at + 18]) + packet.both_addresses()[16:]
            at += 2 + size if kind else 1  # option 0 is one byte of padding
    return extension(packet)


def ipv6_fragment(packet: Packet) -> int:
    """RFC 8200 section 4.5; an atomic fragment (RFC 6946) is whole by itself."""
    if not packet.is_v6 or not packet.has(8):
        return STOP
    buf, at = packet.buf, packet.at
    field = packet.u16(2)
    packet.next_header = buf[at]
    packet.at = at + 8
    if not field & 0xFFF9:
        return IP_PROTOCOL + packet.next_header
    packet.place = Place(b"6" + bytes(buf[at + 4 : at + 8]) + packet.both_addresses(), field & 0xFFF8, bool(field & 1))
    return FRAGMENT


def authentication(packet: Packet) -> int:
    """AH, RFC 4302 section 2: authenticated, not encrypted."""
    if not packet.has(12):
        return STOP
    size = packet.buf[packet.at + 1] * 4 + 8
    if size < 12 or not packet.has(size):
        return STOP
    packet.next_header = packet.buf[packet.at]
    packet.at += size
    return IP_PROTOCOL + packet.next_header


def icmp(packet: Packet) -> int:
    """Errors quote the packet they are about (RFC 792; types 3, 4, 11, 12); the rest is of no use here."""
    if packet.quoting is not None or packet.is_v6 or not packet.holds(8):
        return STOP
    kind, code = packet.buf[packet.at], packet.buf[packet.at + 1]
    if kind not in (3, 4, 11, 12):
        return STOP
    mtu = packet.u16(6) if (kind, code) == (3, 4) else 0  # RFC 1191 section 4
    return _quote(packet, kind, code, mtu, 4, _IPV4)


def icmp6(packet: Packet) -> int:
    """RFC 4443 section 3: errors are types 1 to 4 (others below 128 are unassigned)."""
    if packet.quoting is not None or not packet.is_v6 or not packet.holds(8):
        return STOP
    kind, code = packet.buf[packet.at], packet.buf[packet.at + 1]
    if not 1 <= kind <= 4:
        return STOP
    return _quote(packet, kind, code, packet.u32(4) if kind == 2 else 0, 16, _IPV6)


def _quote(packet: Packet, kind: int, code: int, mtu: int, size: int, following: int) -> int:
    reporter = bytes(packet.buf[packet.address_at : packet.address_at + size])
    packet.quoting = Quoting(kind, code, mtu, reporter)
    packet.at += 8
    return following


def udp(packet: Packet) -> int:
    """RFC 768. Only the ports of tunnels have a layer; the destination's is tried first."""
    if packet.quoting is not None or not packet.holds(8):
        return STOP
    source, destination, size = packet.u16(0), packet.u16(2), packet.u16(4)
    if size >= 8 and packet.next_header == 17:
        packet.limit(size)
    packet.at += 8
    # An answer comes from the tunnel's port, but a port below 1024 on the other side has a meaning of its own.
    port = destination if destination in TUNNEL_PORTS or destination < 1024 else source
    return UDP_PORT + port if port in TUNNEL_PORTS else STOP
