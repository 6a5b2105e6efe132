"""Packets with other addresses in them: the same layers, right checksums, no byte that is not understood."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.redact.headers import RAW_IP, rewrite
from capanalyzer.redact.redactor import Redactor
from capanalyzer.redact.trace import trace

scapy: Any = pytest.importorskip("scapy.all")
from scapy.contrib.geneve import GENEVE  # noqa: E402 - behind the check that it is there
from scapy.contrib.mpls import MPLS  # noqa: E402
from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    HAO,
    ICMPv6PacketTooBig,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    RouterAlert,
)
from scapy.layers.l2 import GRE, CookedLinux, Dot1Q, Ether  # noqa: E402
from scapy.layers.ppp import PPP, PPPoE  # noqa: E402
from scapy.layers.vxlan import VXLAN  # noqa: E402

REDACTOR = Redactor(b"a key of sixteen bytes")
A, B, C, D = "198.51.100.7", "203.0.113.9", "192.0.2.33", "192.0.2.44"
A6, B6 = "2001:db8:1::7", "2001:db8:2::9"
MAC_A, MAC_B = "00:1b:21:aa:bb:cc", "00:1b:21:dd:ee:ff"
PAYLOAD = b"payload that is secret"
HIDDEN = b"x" * len(PAYLOAD)
TCP_V4 = IP(src=A, dst=B, options=[]) / TCP(sport=5000, dport=443, seq=7, flags="PA", options=[("MSS", 1460)]) / PAYLOAD
TCP_V6 = IPv6(src=A6, dst=B6) / TCP(sport=5000, dport=443, flags="PA") / PAYLOAD
ETHER = Ether(src=MAC_A, dst=MAC_B)
OUTER = ETHER / IP(src=C, dst=D)
BETWEEN_V6 = IPv6(src=A6, dst=B6)
LAST = TCP(dport=443) / PAYLOAD
LEAKING_OPTION = (28, bytes((198, 51, 100, 7)))
"""Balancers tell the client's address so."""
STACKS = {
    "ethernet": (1, ETHER / TCP_V4),
    "vlan": (1, ETHER / Dot1Q(vlan=7) / Dot1Q(vlan=8) / TCP_V6),
    "cooked": (113, CookedLinux(src=bytes.fromhex("001b21aabbcc0000"), lladdrlen=6, proto=0x800) / TCP_V4),
    "raw": (101, TCP_V4),
    "pppoe": (1, ETHER / PPPoE(sessionid=5) / PPP(proto=0x21) / TCP_V4),
    "mpls": (1, ETHER / MPLS(label=77, s=1) / TCP_V4),
    "gre": (1, OUTER / GRE(chksum_present=1) / TCP_V4),
    "ipip": (1, OUTER / TCP_V4),
    "6in4": (1, OUTER / TCP_V6),
    "vxlan": (1, OUTER / UDP(sport=9, dport=4789) / VXLAN(vni=5) / ETHER / TCP_V4),
    "geneve": (1, OUTER / UDP(sport=9, dport=6081) / GENEVE(vni=5) / ETHER / TCP_V6),
    "icmp": (1, OUTER / ICMP(type=3, code=4, nexthopmtu=1400) / TCP_V4),
    "icmp6": (1, ETHER / IPv6(src="2001:db8::1", dst=A6) / ICMPv6PacketTooBig(mtu=1300) / TCP_V6),
    "options": (1, ETHER / IP(src=A, dst=B, options=[scapy.IPOption_RR(routers=[C, D])]) / TCP(dport=443) / PAYLOAD),
    "home-address": (1, ETHER / BETWEEN_V6 / IPv6ExtHdrDestOpt(options=[HAO(hoa="2001:db8:3::3")]) / LAST),
    "hop-by-hop": (1, ETHER / BETWEEN_V6 / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / LAST),
    "tcp-options": (1, ETHER / IP(src=A, dst=B) / TCP(dport=443, options=[LEAKING_OPTION, ("WScale", 7)]) / PAYLOAD),
}  # fmt: skip
ORIGINALS = [
    *(bytes.fromhex(mac.replace(":", "")) for mac in (MAC_A, MAC_B)),
    *(scapy.inet_aton(one) for one in (A, B, C, D)),
    *(scapy.inet_pton(scapy.socket.AF_INET6, one) for one in (A6, B6, "2001:db8::1", "2001:db8:3::3")),
    PAYLOAD,
]


@pytest.mark.parametrize("name", STACKS)
def test_addresses_and_payload_go_the_layers_stay(name: str) -> None:
    link, stack = STACKS[name]
    data = bytes(stack)
    made = rewrite(data, link, len(data), HIDDEN, REDACTOR)
    assert made is not None
    assert (made.link, len(made.data), made.original) == (link, len(data), len(data))
    kinds = [header.kind for header in trace(data, link, len(data)).headers]
    assert [header.kind for header in trace(made.data, link, len(made.data)).headers] == kinds
    for original in ORIGINALS:
        assert original not in made.data, original.hex()


@pytest.mark.parametrize("name", [name for name in STACKS if not name.startswith("icmp")])
def test_checksums_are_right(name: str) -> None:
    """As scapy computes them, of every layer."""
    link, stack = STACKS[name]
    made = rewrite(bytes(stack), link, len(bytes(stack)), HIDDEN, REDACTOR)
    assert made is not None
    kind = {1: Ether, 101: IP, 113: CookedLinux}[link]
    packet = kind(made.data)
    again = packet.copy()
    layer = again
    while layer.payload:
        if "chksum" in layer.fields and not (isinstance(layer, UDP) and layer.chksum == 0):
            del layer.chksum
        layer = layer.payload
    if "chksum" in layer.fields:
        del layer.chksum
    if name != "home-address":  # RFC 6275 section 11.3.2 puts the home address into the pseudo-header, senders may not
        assert bytes(again) == made.data
    assert HIDDEN in made.data


def test_icmp_checksums_are_right() -> None:
    for name, kind in (("icmp", ICMP), ("icmp6", ICMPv6PacketTooBig)):
        link, stack = STACKS[name]
        made = rewrite(bytes(stack), link, len(bytes(stack)), None, REDACTOR)
        assert made is not None
        packet = Ether(made.data)
        told = packet[kind].cksum if name == "icmp6" else packet[kind].chksum
        again = packet.copy()
        if name == "icmp6":
            del again[kind].cksum
            assert Ether(bytes(again))[kind].cksum == told
        else:
            del again[kind].chksum
            assert Ether(bytes(again))[kind].chksum == told


def test_what_is_behind_the_ip_packet_goes() -> None:
    data = bytes(ETHER / TCP_V4) + b"trailer with a name: balancer-7"
    made = rewrite(data, 1, len(data), HIDDEN, REDACTOR)
    assert made is not None
    assert len(made.data) == made.original == len(bytes(ETHER / TCP_V4))


def test_of_a_layer_that_is_not_rewritten_the_ip_packet_stays() -> None:
    radio = bytes.fromhex("0000080000000000") + bytes.fromhex("08000000") + bytes(20) + b"\xaa\xaa\x03\0\0\0\x08\0"
    data = radio + bytes(TCP_V4)
    made = rewrite(data, 127, len(data), HIDDEN, REDACTOR)
    assert made is not None
    assert made.link == RAW_IP
    assert len(made.data) == len(bytes(TCP_V4))


def test_a_cut_packet_stays_cut() -> None:
    data = bytes(ETHER / TCP_V4)
    made = rewrite(data[:60], 1, len(data), b"xx", REDACTOR)
    assert made is not None
    assert (len(made.data), made.original) == (60, len(data))


@given(
    st.sampled_from(sorted(STACKS)),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=6),
    st.integers(1, 300),
)
def test_damaged_packets_never_raise(name: str, changes: list[tuple[int, int]], size: int) -> None:
    link, stack = STACKS[name]
    data = bytearray(bytes(stack))
    for at, value in changes:
        data[at % len(data)] = value
    piece = bytes(data[:size])
    made = rewrite(piece, link, len(data), HIDDEN, REDACTOR)
    assert made is None or len(made.data) <= max(len(piece), 1)
