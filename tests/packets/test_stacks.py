"""Every link layer and tunnel around one TCP segment: the segment comes out with its own addresses and bytes."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III, ERSPAN_PlatformSpecific
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.contrib.mpls import MPLS
from scapy.contrib.nsh import NSH
from scapy.layers.dot11 import Dot11, Dot11QoS, RadioTap
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import (
    HAO,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.l2 import GRE, LLC, SNAP, Dot1AD, Dot1Q, Dot3, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet as Scapy

from capanalyzer.packets import notes
from capanalyzer.packets.decode import Decoder
from tests.packets.tables import decode, rows_of

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
PAYLOAD = b"\x16\x03\x01payload"
SEGMENT = TCP(sport=40000, dport=443, seq=7, ack=9, flags="PA", window=500, options=[("MSS", 1460)]) / PAYLOAD
V4 = IP(src="192.0.2.1", dst="192.0.2.2", ttl=61, id=77)
V6 = IPv6(src="2001:db8::1", dst="2001:db8::2", hlim=61)
INNER4, INNER6 = bytes(V4 / SEGMENT), bytes(V6 / SEGMENT)
FRAME4, FRAME6 = bytes(ETHER / V4 / SEGMENT), bytes(ETHER / V6 / SEGMENT)
OUTER = IP(src="198.51.100.1", dst="198.51.100.2", ttl=3)
OUTER_GRE = IP(src=OUTER.src, dst=OUTER.dst, ttl=3, proto=47)
OUTER6 = IPv6(src="2001:db8:ffff::1", dst="2001:db8:ffff::2", hlim=3)


def udp(port: int, *layers: Scapy | bytes) -> Scapy:
    """An outer Ethernet, IPv4 and UDP header to ``port``."""
    whole = ETHER / OUTER / UDP(sport=50000, dport=port)
    for layer in layers:
        whole = whole / layer
    return whole


def label(number: int, *, last: bool) -> bytes:
    return struct.pack(">I", number << 12 | last << 8 | 64)


STACKS: dict[str, tuple[int, Scapy | bytes]] = {
    "ethernet": (1, FRAME4),
    "ethernet, IPv6": (1, FRAME6),
    "ethernet, IPv4 options": (
        1,
        ETHER / IP(src=V4.src, dst=V4.dst, ttl=61, id=77, options=[IPOption_NOP()] * 4) / SEGMENT,
    ),
    "ethernet, padding": (1, FRAME4 + bytes(20)),
    "ethernet, IPv6, trailer": (1, FRAME6 + bytes(20)),
    "ethernet, IPv4 length 0": (1, ETHER / IP(src=V4.src, dst=V4.dst, ttl=61, id=77, len=0) / SEGMENT),
    "ethernet, IPv6 length 0": (1, ETHER / IPv6(src=V6.src, dst=V6.dst, hlim=61, plen=0) / SEGMENT),
    "802.1Q": (1, ETHER / Dot1Q(vlan=5) / V4 / SEGMENT),
    "802.1Q, IPv6": (1, ETHER / Dot1Q(vlan=5) / V6 / SEGMENT),
    "QinQ": (1, ETHER / Dot1AD(vlan=5) / Dot1Q(vlan=6) / V4 / SEGMENT),
    "QinQ, IPv6": (1, ETHER / Dot1Q(vlan=5) / Dot1Q(vlan=6) / V6 / SEGMENT),
    "five tags": (1, ETHER / Dot1AD() / Dot1Q() / Dot1Q() / Dot1Q() / Dot1Q() / V4 / SEGMENT),
    "0x9100": (1, FRAME4[:12] + b"\x91\x00\x00\x05\x08\x00" + INNER4),
    "cisco metadata": (1, FRAME4[:12] + b"\x89\x09\x01\x01\x00\x01\x00\x05\x08\x00" + INNER4),
    "cisco metadata, two options": (1, FRAME4[:12] + b"\x89\x09\x01\x02" + bytes(8) + b"\x86\xdd" + INNER6),
    "vn-tag": (1, FRAME4[:12] + b"\x89\x26" + bytes(4) + b"\x08\x00" + INNER4),
    "e-tag": (1, FRAME4[:12] + b"\x89\x3f" + bytes(6) + b"\x08\x00" + INNER4),
    "r-tag": (1, FRAME4[:12] + b"\xf1\xc1" + bytes(4) + b"\x08\x00" + INNER4),
    "hsr": (1, FRAME4[:12] + b"\x89\x2f" + bytes(4) + b"\x08\x00" + INNER4),
    "brcm": (1, FRAME4[:12] + b"\x88\x74" + bytes(4) + b"\x08\x00" + INNER4),
    "fabricpath": (1, FRAME4[:12] + b"\x89\x03" + bytes(2) + FRAME4),
    "802.1ah": (1, FRAME4[:12] + b"\x88\xe7" + bytes(4) + FRAME4),
    "trill": (1, FRAME4[:12] + b"\x22\xf3" + bytes(6) + FRAME4),
    "macsec without encryption": (1, FRAME4[:12] + b"\x88\xe5\x00\x00" + bytes(4) + b"\x08\x00" + INNER4 + bytes(16)),
    "macsec with SCI": (1, FRAME4[:12] + b"\x88\xe5\x20\x00" + bytes(12) + b"\x08\x00" + INNER4 + bytes(16)),
    "802.3 LLC SNAP": (1, Dot3(src=ETHER.src, dst=ETHER.dst) / LLC() / SNAP(code=0x0800) / V4 / SEGMENT),
    "802.3 LLC IP": (1, Dot3(src=ETHER.src, dst=ETHER.dst) / LLC(dsap=6, ssap=6, ctrl=3) / V4 / SEGMENT),
    "mpls": (1, FRAME4[:12] + b"\x88\x47" + label(9, last=False) + label(16, last=True) + INNER4),
    "mpls, IPv6": (1, FRAME4[:12] + b"\x88\x48" + label(2, last=True) + INNER6),
    "mpls pseudowire": (1, FRAME4[:12] + b"\x88\x47" + label(30, last=True) + FRAME4),
    "mpls pseudowire, control word": (1, FRAME4[:12] + b"\x88\x47" + label(30, last=True) + bytes(4) + FRAME4),
    "mpls pseudowire, MAC 4x": (1, FRAME4[:12] + b"\x88\x47" + label(30, last=True) + b"\x45" + FRAME4[1:]),
    "mpls, link type": (219, label(9, last=False) + label(16, last=True) + INNER4),
    "mpls by scapy": (1, ETHER / MPLS(label=7, s=0) / MPLS(label=8, s=1) / V4 / SEGMENT),
    "pppoe": (1, ETHER / PPPoE(sessionid=4) / PPP(proto=0x21) / V4 / SEGMENT),
    "pppoe, IPv6, padding": (1, bytes(ETHER / PPPoE(sessionid=4) / PPP(proto=0x57) / V6 / SEGMENT) + bytes(9)),
    "nsh": (1, ETHER / NSH(mdtype=2, nextproto=1) / V4 / SEGMENT),
    "ppp": (9, b"\xff\x03\x00\x21" + INNER4),
    "ppp, no address": (9, b"\x00\x57" + INNER6),
    "ppp, compressed protocol": (9, b"\x21" + INNER4),
    "ppp, both compressed not": (50, b"\xff\x03\x21" + INNER4),
    "ppp, mpls": (9, b"\xff\x03\x02\x81" + label(30, last=True) + INNER4),
    "ppp, bridged": (9, b"\xff\x03\x00\x31\x00\x01" + FRAME4),
    "ppp, cisco hdlc": (9, b"\x0f\x00\x08\x00" + INNER4),
    "ppp with direction": (204, b"\x01\xff\x03\x00\x21" + INNER4),
    "pppd": (166, b"\x01\x03\x00\x21" + INNER4),
    "pppoe alone": (51, b"\x11\x00\x00\x04" + struct.pack(">H", len(INNER4) + 2) + b"\x00\x21" + INNER4),
    "cisco hdlc": (104, b"\x0f\x00\x86\xdd" + INNER6),
    "cisco hdlc, bridged": (104, b"\x0f\x00\x65\x58\x00\x00" + FRAME4),
    "cisco hdlc with direction": (205, b"\x00\x0f\x00\x08\x00" + INNER4),
    "frame relay, nlpid": (107, b"\x18\x41\x03\xcc" + INNER4),
    "frame relay, snap": (107, b"\x18\x41\x03\x00\x80\x00\x00\x00\x08\x00" + INNER4),
    "frame relay, cisco": (107, b"\x18\x41\x08\x00" + INNER4),
    "frame relay with direction": (206, b"\x00\x18\x41\x03\x8e" + INNER6),
    "null, little-endian": (0, b"\x02\x00\x00\x00" + INNER4),
    "null, big-endian": (0, b"\x00\x00\x00\x02" + INNER4),
    "null, macOS IPv6": (0, b"\x1e\x00\x00\x00" + INNER6),
    "loop, OpenBSD IPv6": (108, b"\x00\x00\x00\x18" + INNER6),
    "null, FreeBSD IPv6": (0, b"\x1c\x00\x00\x00" + INNER6),
    "null, EtherType": (0, b"\x00\x08\x00\x00" + INNER4),
    "raw": (101, INNER4),
    "raw 12": (12, INNER6),
    "raw 14": (14, INNER4),
    "ipv4": (228, INNER4),
    "ipv6": (229, INNER6),
    "raw with ppp": (101, b"\xff\x03\x00\x21" + INNER4),
    "linux cooked": (113, struct.pack(">HHH8sH", 0, 1, 6, bytes(8), 0x0800) + INNER4),
    "linux cooked, IPv6": (113, struct.pack(">HHH8sH", 0, 1, 6, bytes(8), 0x86DD) + INNER6),
    "linux cooked, tag": (113, struct.pack(">HHH8sH", 0, 1, 6, bytes(8), 0x8100) + b"\x00\x05\x08\x00" + INNER4),
    "linux cooked 2": (276, struct.pack(">HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, bytes(8)) + INNER4),
    "linux cooked 2, IPv6": (276, struct.pack(">HHIHBB8s", 0x86DD, 0, 2, 1, 0, 6, bytes(8)) + INNER6),
    "linux cooked 2, tag": (
        276,
        struct.pack(">HHIHBB8s", 0x8100, 0, 2, 1, 0, 6, bytes(8)) + b"\x00\x05\x08\x00" + INNER4,
    ),
    "802.11": (105, Dot11(type=2, subtype=0, FCfield=1) / LLC() / SNAP(code=0x0800) / V4 / SEGMENT),
    "802.11, QoS": (105, Dot11(type=2, subtype=8, FCfield=2) / Dot11QoS() / LLC() / SNAP(code=0x0800) / V4 / SEGMENT),
    "802.11, four addresses": (
        105,
        bytes(Dot11(type=2, subtype=0, FCfield=3)) + b"\xaa\xaa\x03\0\0\0\x86\xdd" + INNER6,
    ),
    "radiotap": (127, RadioTap() / Dot11(type=2, subtype=0) / LLC() / SNAP(code=0x0800) / V4 / SEGMENT),
    "radiotap, padded header": (
        127,
        struct.pack("<BBHIQB", 0, 0, 17, 3, 0, 0x20)
        + b"\x88\x01"
        + bytes(22)
        + bytes(4)
        + b"\xaa\xaa\x03\0\0\0\x08\0"
        + INNER4,
    ),
    "prism": (119, bytes(144) + b"\x08\x01" + bytes(22) + b"\xaa\xaa\x03\0\0\0\x08\0" + INNER4),
    "avs": (
        163,
        struct.pack(">II", 0x80211001, 64) + bytes(56) + b"\x08\x01" + bytes(22) + b"\xaa\xaa\x03\0\0\0\x08\0" + INNER4,
    ),
    "ppi": (192, struct.pack("<BBHI", 0, 0, 8, 1) + FRAME4),
    "nflog": (
        239,
        b"\x02\x00\x00\x00\x08\x00\x01\x00\x00\x00\x00\x00" + struct.pack("<HH", 4 + len(INNER4), 9) + INNER4,
    ),
    "nflog, big-endian": (239, b"\x0a\x00\x00\x00" + struct.pack(">HH", 4 + len(INNER6), 9) + INNER6),
    "pflog": (117, b"\x3d\x02" + bytes(62) + INNER4),
    "enc": (109, struct.pack("<III", 2, 1, 0) + INNER4),
    "ipnet": (226, b"\x01\x02" + bytes(22) + INNER4),
    "ipoib": (242, bytes(40) + b"\x08\x00\x00\x00" + INNER4),
    "pktap": (258, struct.pack("<III", 20, 1, 1) + bytes(8) + FRAME4),
    "juniper ethernet": (178, b"MGC\x80\x00\x04" + bytes(4) + FRAME4),
    "fddi": (10, b"\x50" + bytes(12) + b"\xaa\xaa\x03\0\0\0\x08\0" + INNER4),
    "token ring": (6, b"\x10\x40" + bytes(6) + b"\x80" + bytes(5) + b"\x02\x00" + b"\xaa\xaa\x03\0\0\0\x08\0" + INNER4),
    "arcnet": (7, b"\x01\x02\xd4\x00\x00\x01" + INNER4),
    "arcnet, linux": (129, b"\x01\x02\x00\x00\xd4\x00\x00\x01" + INNER4),
    "ip over fibre channel": (122, bytes(16) + b"\xaa\xaa\x03\0\0\0\x08\0" + INNER4),
    "ip over 1394": (138, bytes(16) + b"\x08\x00" + INNER4),
    "atm rfc1483": (100, b"\xaa\xaa\x03\0\0\0\x08\0" + INNER4),
    "mpacket": (274, b"\x55" * 7 + b"\xd5" + FRAME4),
    "erf": (197, bytes(8) + b"\x82" + bytes(7) + bytes(8) + bytes(2) + FRAME4),
    "gre": (1, ETHER / OUTER / GRE() / V4 / SEGMENT),
    "gre, all fields": (1, ETHER / OUTER / GRE(chksum_present=1, key_present=1, seqnum_present=1) / V6 / SEGMENT),
    "gre, ethernet": (1, ETHER / OUTER / GRE(proto=0x6558) / ETHER / V4 / SEGMENT),
    "gre, pptp": (
        1,
        ETHER
        / OUTER_GRE
        / (b"\x30\x81\x88\x0b" + struct.pack(">HHII", len(INNER4) + 4, 1, 1, 1) + b"\xff\x03\x00\x21" + INNER4),
    ),
    "gre, wccp": (1, ETHER / OUTER_GRE / (b"\x00\x00\x88\x3e" + bytes(4) + INNER4)),
    "erspan I": (1, ETHER / OUTER_GRE / (b"\x00\x00\x88\xbe" + FRAME4)),
    "erspan II": (1, ETHER / OUTER / GRE(seqnum_present=1) / ERSPAN_II() / ETHER / V4 / SEGMENT),
    "erspan III": (1, ETHER / OUTER / GRE(seqnum_present=1) / ERSPAN_III() / ETHER / V4 / SEGMENT),
    "erspan III, long": (
        1,
        ETHER / OUTER / GRE(seqnum_present=1) / ERSPAN_III(o=1) / ERSPAN_PlatformSpecific() / ETHER / V4 / SEGMENT,
    ),
    "ip in ip": (1, ETHER / OUTER / V4 / SEGMENT),
    "6in4": (1, ETHER / OUTER / V6 / SEGMENT),
    "4in6": (1, ETHER / OUTER6 / V4 / SEGMENT),
    "6in6": (1, ETHER / OUTER6 / V6 / SEGMENT),
    "etherip": (1, ETHER / IP(src=OUTER.src, dst=OUTER.dst, proto=97) / (b"\x30\x00" + FRAME4)),
    "mpls in ip": (1, ETHER / IP(proto=137) / (label(4, last=True) + INNER4)),
    "ah": (1, ETHER / IP(src=V4.src, dst=V4.dst, ttl=61, id=77, proto=51) / (b"\x06\x04" + bytes(22)) / SEGMENT),
    "vxlan": (1, udp(4789, VXLAN(vni=5), ETHER, V4, SEGMENT)),
    "vxlan, IPv6 inside": (1, udp(4789, VXLAN(vni=5), ETHER, V6, SEGMENT)),
    "vxlan over IPv6": (1, ETHER / OUTER6 / UDP(sport=50000, dport=4789) / VXLAN() / ETHER / V4 / SEGMENT),
    "vxlan over a tag": (
        1,
        ETHER / Dot1Q() / OUTER / UDP(sport=50000, dport=4789) / VXLAN() / ETHER / Dot1Q() / V4 / SEGMENT,
    ),
    "vxlan, linux port": (1, udp(8472, VXLAN(vni=5, flags=8), ETHER, V4, SEGMENT)),
    "vxlan-gpe": (1, udp(4790, b"\x0c\x00\x00\x01" + bytes(4) + INNER4)),
    "geneve": (1, udp(6081, GENEVE(), ETHER, V4, SEGMENT)),
    "geneve, options, IP": (1, udp(6081, b"\x02\x00\x08\x00" + bytes(4) + bytes(8) + INNER4)),
    "gtp-u": (1, udp(2152, GTP_U_Header(teid=1), V4, SEGMENT)),
    "gtp-u, 5G": (1, udp(2152, GTP_U_Header(teid=1, E=1), GTPPDUSessionContainer(type=0, QFI=1), V4, SEGMENT)),
    "gre over udp": (1, udp(4754, GRE(), V4, SEGMENT)),
    "mpls over udp": (1, udp(6635, label(4, last=True) + INNER6)),
    "lisp": (1, udp(4341, bytes(8) + INNER4)),
    "l2tp": (1, udp(1701, b"\x40\x02" + struct.pack(">HHH", len(INNER4) + 12, 1, 1) + b"\xff\x03\x00\x21" + INNER4)),
    "l2tp, all fields": (
        1,
        udp(
            1701,
            b"\x4a\x02" + struct.pack(">HHHHHH", len(INNER4) + 20, 1, 1, 0, 0, 4) + bytes(4) + b"\x00\x21" + INNER4,
        ),
    ),
    "teredo": (1, udp(3544, INNER6)),
    "teredo, both indications": (1, udp(3544, b"\x00\x01\x00\x00" + bytes(9) + b"\x00\x00" + bytes(6) + INNER6)),
    "tzsp": (1, udp(37008, b"\x01\x00\x00\x01\x0a\x01\x00\x01" + FRAME4)),
    "capwap": (1, udp(5247, b"\x00\x10\x00\x00" + bytes(4) + FRAME4)),
    "capwap, 802.11": (
        1,
        udp(5247, b"\x00\x10\x01\x00" + bytes(4) + b"\x00\x08" + bytes(22) + b"\xaa\xaa\x03\0\0\0\x08\0" + INNER4),
    ),
    "hop-by-hop, destination options": (
        1,
        ETHER / V6 / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 12)]) / IPv6ExtHdrDestOpt() / SEGMENT,
    ),
    "routing header": (1, ETHER / V6 / IPv6ExtHdrRouting(addresses=["2001:db8::9"], segleft=0) / SEGMENT),
    "atomic fragment": (1, ETHER / V6 / IPv6ExtHdrFragment(id=9) / SEGMENT),
    "erspan, vxlan, tag": (
        1,
        ETHER / OUTER / GRE(seqnum_present=1) / ERSPAN_II() / udp(4789, VXLAN(), ETHER, Dot1Q(), V4, SEGMENT),
    ),
}


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])
@pytest.mark.parametrize("name", STACKS)
def test_segment_comes_out(name: str, fast: bool) -> None:
    """Addresses, ports, numbers, options, payload and TTL are the inner packet's."""
    link, packet = STACKS[name]
    rows = rows_of([bytes(packet)] * 2, link, fast=fast)
    assert [row["frame"] for row in rows] == [1, 2]
    row = rows[0]
    is_v4 = row["from"] == bytes([192, 0, 2, 1])
    assert (row["to"] == bytes([192, 0, 2, 2])) if is_v4 else row["from"] == bytes.fromhex("20010db8" + "0" * 23 + "1")
    assert (row["source_port"], row["destination_port"], row["seq"], row["ack"]) == (40000, 443, 7, 9)
    assert (row["flags"], row["window"], row["ttl"]) == (0x18, 500, 61)
    assert row["ip_id"] == (77 if is_v4 else 0)
    assert row["options"] == b"\x02\x04\x05\xb4"
    assert row["length"] == row["captured"] == len(PAYLOAD)
    assert row["payload"] == PAYLOAD


@pytest.mark.parametrize("name", STACKS)
def test_every_cut(name: str) -> None:
    """Cut anywhere: a row from 16 bytes of TCP on, never bytes from behind the cut, and both paths agree."""
    link, packet = STACKS[name]
    whole = bytes(packet)
    start = whole.index(b"\x9c\x40\x01\xbb\0\0\0\x07")  # where the TCP header begins
    for size in range(0, len(whole), 1 if len(whole) < 120 else 3):
        records = [(0, link, len(whole), whole[:size])]
        fast, slow = (decode(records, fast=choice)[0] for choice in (True, False))
        assert fast == slow
        # LLC, ESP-like trailers aside, a row needs nothing but the header.
        if size >= start + 16:
            assert len(fast) == 1
            assert fast[0]["captured"] == min(max(0, size - start - 24), len(PAYLOAD))
            assert fast[0]["length"] == len(PAYLOAD)
        else:
            assert fast == []


def test_aggregated_wlan_frames() -> None:
    """802.11 A-MSDU: one row for each frame in it, with the same frame number, the next packet after them."""
    part = b"\xaa\xaa\x03\0\0\0\x08\0" + INNER4
    header = bytes(12) + struct.pack(">H", len(part))
    part = header + part
    packet = b"\x88\x01" + bytes(22) + b"\x80\x00" + part + bytes(-len(part) % 4) + part
    plain = b"\x08\x01" + bytes(22) + b"\xaa\xaa\x03\0\0\0\x08\0" + INNER4
    rows = rows_of([packet, packet, plain], 105)
    assert [row["frame"] for row in rows] == [1, 1, 2, 2, 3]
    assert all(row["payload"] == PAYLOAD for row in rows)


def test_nesting_is_bounded() -> None:
    """A tunnel in a tunnel 40 times is followed, without end it is given up and told."""
    packet = bytes(ETHER / (IP(src="198.51.100.1", dst="198.51.100.2", len=0, proto=4)))
    shell = packet[14:]
    rows, _, decoder = decode([(0, 1, 0, packet + shell * 40 + INNER4), (1, 1, 0, packet + shell * 3000)])
    assert [row["frame"] for row in rows] == [1]
    assert decoder.notes == {"too-deep": 1}


def test_unknown_link_types_are_counted() -> None:
    """Packets of a link type that is not decoded are counted by its number."""
    _, _, decoder = decode(
        [(0, 1, 60, bytes(60)), (0, 195, 60, bytes(60)), (0, 195, 60, bytes(60)), (0, 999, 9, bytes(9))]
    )
    assert decoder.notes == {"link-type-195": 2, "link-type-999": 1}


def test_useless_packets_leave_nothing() -> None:
    """ARP, other UDP, ping and fragments of what is not read give no rows and no notes."""
    packets = [
        FRAME4[:12] + b"\x08\x06" + bytes(46),
        bytes(ETHER / V4 / UDP(sport=53, dport=5353) / b"query"),
        bytes(ETHER / V6 / UDP(sport=443, dport=50000) / bytes(40)),
        bytes(ETHER / IP(proto=1) / (b"\x08\x00" + bytes(40))),
        bytes(ETHER / IP(proto=132) / bytes(40)),
        bytes(ETHER / IP(proto=132, flags="MF") / bytes(40)),
    ]
    rows, icmp, decoder = decode([(0, 1, len(packet), packet) for packet in packets])
    assert (rows, icmp, decoder.finish()) == ([], [], {})


def test_addresses_of_extension_headers() -> None:
    """A routing header with segments left names the destination, a home address option the sender, as in Wireshark."""
    one, two, nine, ten = (bytes.fromhex("20010db8" + "00" * 11) + bytes([n]) for n in (1, 2, 9, 10))
    stop: dict[str, Any] = {"addresses": ["2001:db8::9", "2001:db8::a"]}
    cases = [
        (IPv6ExtHdrRouting(segleft=2, **stop), one, ten),
        (IPv6ExtHdrRouting(segleft=0, **stop), one, two),
        (IPv6ExtHdrRouting(type=4, segleft=1, **stop), one, nine),
        (IPv6ExtHdrRouting(type=99, segleft=1, **stop), one, two),
        (IPv6ExtHdrDestOpt(options=[HAO(hoa="2001:db8::9")]), nine, two),
    ]
    rows = rows_of([bytes(V6 / header / SEGMENT) for header, _, _ in cases], 101)
    assert [(row["from"], row["to"]) for row in rows] == [(source, destination) for _, source, destination in cases]
    decoder = Decoder(seed=11)
    assert [row["source"] for row in rows] == [decoder.endpoint(source, 40000) for _, source, _ in cases]
    assert all(row["payload"] == PAYLOAD for row in rows)


def test_notes_have_sentences() -> None:
    """Every reason that can be counted reads as a sentence with its count."""
    reasons = [getattr(notes, name) for name in notes.__all__ if isinstance(getattr(notes, name), str)]
    assert len(reasons) > 6
    for reason in reasons:
        key = reason + "195" if reason == notes.LINK else reason
        assert notes.describe_note(key, 12).startswith("12 ")
