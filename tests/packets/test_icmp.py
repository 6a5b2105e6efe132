"""ICMP and ICMPv6 errors that quote a TCP segment."""

from __future__ import annotations

import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, IPv6, IPv6ExtHdrHopByHop

from capanalyzer.packets.decode import Decoder
from capanalyzer.packets.table import IcmpError
from tests.packets.tables import decode
from tests.packets.tiny_capture import make_batch

QUOTED4 = bytes(IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=40000, dport=443, seq=77, flags="S"))
QUOTED6 = bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=40000, dport=443, seq=77, flags="S"))
BACK4, BACK6 = IP(src="198.51.100.9", dst="192.0.2.1"), IPv6(src="2001:db8::f", dst="2001:db8::1")


def errors(packet: bytes) -> list[IcmpError]:
    rows, icmp, _ = decode([(5, 101, len(packet), packet)])
    assert rows == []
    return icmp  # type: ignore[return-value]  # object in decode's signature


def test_fragmentation_needed() -> None:
    """Every field, IPv4; the endpoint values are those of the flow."""
    packet = bytes(BACK4 / ICMP(type=3, code=4, nexthopmtu=1400) / QUOTED4)
    decoder = Decoder(seed=1)
    (error,) = decoder.decode(make_batch([(5, 101, len(packet), packet)], 9)).icmp
    source, destination = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")
    assert error == IcmpError(
        frame=9,
        time_ns=5,
        version=4,
        type=3,
        code=4,
        mtu=1400,
        reporter=socket.inet_aton("198.51.100.9"),
        quoted_source=decoder.endpoint(source, 40000),
        quoted_destination=decoder.endpoint(destination, 443),
        quoted_seq=77,
        quoted_flags=2,
        quoted_addresses=source + destination,
        quoted_ports=(40000, 443),
    )


def test_packet_too_big() -> None:
    """IPv6, with an extension header in the quoted packet."""
    quoted = bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrHopByHop() / TCP(sport=1, dport=2, seq=3))
    (error,) = errors(bytes(BACK6 / ICMPv6PacketTooBig(mtu=1280) / quoted))
    assert (error.version, error.type, error.mtu, error.quoted_ports, error.quoted_seq) == (6, 2, 1280, (1, 2), 3)
    assert error.reporter == socket.inet_pton(socket.AF_INET6, "2001:db8::f")
    assert len(error.quoted_addresses) == 32


@pytest.mark.parametrize(
    ("quoted", "seq", "flags"),
    [(40, 77, 2), (36, 77, 2), (35, 77, None), (28, 77, None), (27, None, None), (24, None, None)],
)
def test_short_quotes(quoted: int, seq: int | None, flags: int | None) -> None:
    """RFC 792 quotes 8 bytes of TCP: enough for ports and sequence number; less is taken as far as it goes."""
    (error,) = errors(bytes(BACK4 / ICMP(type=11) / QUOTED4[:quoted]))
    assert (error.quoted_seq, error.quoted_flags, error.quoted_ports) == (seq, flags, (40000, 443))


@pytest.mark.parametrize(
    "packet",
    [
        BACK4 / ICMP(type=3) / QUOTED4[:23],
        BACK4 / ICMP(type=8) / QUOTED4,
        BACK4 / ICMP(type=5) / QUOTED4,
        BACK6 / ICMPv6DestUnreach() / QUOTED6[:42],
        BACK4 / ICMP(type=3) / (BACK4 / ICMP(type=3) / QUOTED4),
        BACK4 / ICMP(type=3) / IP(src="192.0.2.1", dst="192.0.2.2", frag=5) / QUOTED4[20:],
    ],
    ids=["too short", "echo", "redirect", "v6 too short", "error about an error", "later fragment"],
)
def test_nothing_to_tell(packet: IP | IPv6) -> None:
    """No error is made where no TCP ports are quoted."""
    assert errors(bytes(packet)) == []


def test_quoted_first_fragment() -> None:
    """The first fragment of a datagram quotes a TCP header."""
    quoted = bytes(IP(src="192.0.2.1", dst="192.0.2.2", flags="MF") / QUOTED4[20:])
    quoted = quoted[:9] + b"\x06" + quoted[10:]
    (error,) = errors(bytes(BACK4 / ICMP(type=11, code=1) / quoted))
    assert (error.type, error.code, error.quoted_seq) == (11, 1, 77)
