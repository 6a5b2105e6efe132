"""The filter of a live capture when none is given: BPF that keeps out what no verdict can rest on.

Made by scripts/make_filter.py from the decoder's own tables; offsets count from the network header.

Kept out are packets that the decoder would pass over: UDP that is neither a tunnel's nor a fragment (QUIC, media,
DNS, NFS), IPsec ESP, SCTP, ARP, storage and cluster protocols that speak Ethernet.

All of TCP is let through, bulk data too. A stateless filter cannot tell the records of a settled session from a
certificate: in TLS 1.3 both are full-size segments of type application_data. Without them the sequence would have
gaps, and a gap is what makes a session incomplete instead of failed. So are acknowledgements without data: they show
who received what.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.capture.bpf import SNAPLEN, Instruction

__all__ = ["DEFAULT_FILTER"]

DEFAULT_FILTER: Final = (
    Instruction(0x20, 0, 0, 0xFFFFF000),  # EtherType, whatever the link layer
    Instruction(0x15, 26, 0, 0x800),  # IPv4 -> ipv4
    Instruction(0x15, 76, 0, 0x86DD),  # IPv6 -> ipv6
    Instruction(0x25, 0, 123, 0x5DC),  # 802.3 with LLC has a length or a small number there
    Instruction(0x15, 122, 0, 0x22EB),  # EtherType 0x22eb -> keep
    Instruction(0x15, 121, 0, 0x22F3),  # EtherType 0x22f3 -> keep
    Instruction(0x15, 120, 0, 0x6558),  # EtherType 0x6558 -> keep
    Instruction(0x15, 119, 0, 0x8100),  # EtherType 0x8100 -> keep
    Instruction(0x15, 118, 0, 0x880B),  # EtherType 0x880b -> keep
    Instruction(0x15, 117, 0, 0x8847),  # EtherType 0x8847 -> keep
    Instruction(0x15, 116, 0, 0x8848),  # EtherType 0x8848 -> keep
    Instruction(0x15, 115, 0, 0x8864),  # EtherType 0x8864 -> keep
    Instruction(0x15, 114, 0, 0x8870),  # EtherType 0x8870 -> keep
    Instruction(0x15, 113, 0, 0x8874),  # EtherType 0x8874 -> keep
    Instruction(0x15, 112, 0, 0x8881),  # EtherType 0x8881 -> keep
    Instruction(0x15, 111, 0, 0x88A8),  # EtherType 0x88a8 -> keep
    Instruction(0x15, 110, 0, 0x88D2),  # EtherType 0x88d2 -> keep
    Instruction(0x15, 109, 0, 0x88E5),  # EtherType 0x88e5 -> keep
    Instruction(0x15, 108, 0, 0x88E7),  # EtherType 0x88e7 -> keep
    Instruction(0x15, 107, 0, 0x8903),  # EtherType 0x8903 -> keep
    Instruction(0x15, 106, 0, 0x8909),  # EtherType 0x8909 -> keep
    Instruction(0x15, 105, 0, 0x8926),  # EtherType 0x8926 -> keep
    Instruction(0x15, 104, 0, 0x892F),  # EtherType 0x892f -> keep
    Instruction(0x15, 103, 0, 0x893F),  # EtherType 0x893f -> keep
    Instruction(0x15, 102, 0, 0x894F),  # EtherType 0x894f -> keep
    Instruction(0x15, 101, 0, 0x9100),  # EtherType 0x9100 -> keep
    Instruction(0x15, 100, 0, 0xF1C1),  # EtherType 0xf1c1 -> keep
    Instruction(0x06, 0, 0, 0),  # nothing that holds TCP
    # ipv4:
    Instruction(0x30, 0, 0, 9),  # IPv4 protocol
    Instruction(0x15, 19, 0, 17),  # UDP -> udp in ipv4
    Instruction(0x15, 18, 0, 136),  # UDP-Lite -> udp in ipv4
    Instruction(0x15, 95, 0, 0),  # protocol 0 -> keep
    Instruction(0x15, 94, 0, 1),  # protocol 1 -> keep
    Instruction(0x15, 93, 0, 4),  # protocol 4 -> keep
    Instruction(0x15, 92, 0, 6),  # protocol 6 -> keep
    Instruction(0x15, 91, 0, 41),  # protocol 41 -> keep
    Instruction(0x15, 90, 0, 43),  # protocol 43 -> keep
    Instruction(0x15, 89, 0, 44),  # protocol 44 -> keep
    Instruction(0x15, 88, 0, 47),  # protocol 47 -> keep
    Instruction(0x15, 87, 0, 51),  # protocol 51 -> keep
    Instruction(0x15, 86, 0, 58),  # protocol 58 -> keep
    Instruction(0x15, 85, 0, 60),  # protocol 60 -> keep
    Instruction(0x15, 84, 0, 97),  # protocol 97 -> keep
    Instruction(0x15, 83, 0, 135),  # protocol 135 -> keep
    Instruction(0x15, 82, 0, 137),  # protocol 137 -> keep
    Instruction(0x15, 81, 0, 139),  # protocol 139 -> keep
    Instruction(0x15, 80, 0, 140),  # protocol 140 -> keep
    Instruction(0x15, 79, 0, 143),  # protocol 143 -> keep
    Instruction(0x06, 0, 0, 0),  # nothing that holds TCP
    # udp in ipv4:
    Instruction(0x28, 0, 0, 6),  # flags and fragment offset
    Instruction(0x45, 76, 0, 0x3FFF),  # a fragment: its port may be in another -> keep
    Instruction(0xB1, 0, 0, 0),  # X = length of the IPv4 header
    Instruction(0x48, 0, 0, 0),  # source port
    Instruction(0x15, 73, 0, 0x6A5),  # port 1701 -> keep
    Instruction(0x15, 72, 0, 0x868),  # port 2152 -> keep
    Instruction(0x15, 71, 0, 0xDD8),  # port 3544 -> keep
    Instruction(0x15, 70, 0, 0x10F5),  # port 4341 -> keep
    Instruction(0x15, 69, 0, 0x1292),  # port 4754 -> keep
    Instruction(0x15, 68, 0, 0x12B5),  # port 4789 -> keep
    Instruction(0x15, 67, 0, 0x12B6),  # port 4790 -> keep
    Instruction(0x15, 66, 0, 0x147F),  # port 5247 -> keep
    Instruction(0x15, 65, 0, 0x17C1),  # port 6081 -> keep
    Instruction(0x15, 64, 0, 0x19EB),  # port 6635 -> keep
    Instruction(0x15, 63, 0, 0x2118),  # port 8472 -> keep
    Instruction(0x15, 62, 0, 0x9090),  # port 37008 -> keep
    Instruction(0x48, 0, 0, 2),  # destination port
    Instruction(0x15, 60, 0, 0x6A5),  # port 1701 -> keep
    Instruction(0x15, 59, 0, 0x868),  # port 2152 -> keep
    Instruction(0x15, 58, 0, 0xDD8),  # port 3544 -> keep
    Instruction(0x15, 57, 0, 0x10F5),  # port 4341 -> keep
    Instruction(0x15, 56, 0, 0x1292),  # port 4754 -> keep
    Instruction(0x15, 55, 0, 0x12B5),  # port 4789 -> keep
    Instruction(0x15, 54, 0, 0x12B6),  # port 4790 -> keep
    Instruction(0x15, 53, 0, 0x147F),  # port 5247 -> keep
    Instruction(0x15, 52, 0, 0x17C1),  # port 6081 -> keep
    Instruction(0x15, 51, 0, 0x19EB),  # port 6635 -> keep
    Instruction(0x15, 50, 0, 0x2118),  # port 8472 -> keep
    Instruction(0x15, 49, 0, 0x9090),  # port 37008 -> keep
    Instruction(0x06, 0, 0, 0),  # UDP that is no tunnel
    # ipv6:
    Instruction(0x30, 0, 0, 6),  # IPv6 next header
    Instruction(0x15, 19, 0, 17),  # UDP -> udp in ipv6
    Instruction(0x15, 18, 0, 136),  # UDP-Lite -> udp in ipv6
    Instruction(0x15, 44, 0, 0),  # next header 0 -> keep
    Instruction(0x15, 43, 0, 1),  # next header 1 -> keep
    Instruction(0x15, 42, 0, 4),  # next header 4 -> keep
    Instruction(0x15, 41, 0, 6),  # next header 6 -> keep
    Instruction(0x15, 40, 0, 41),  # next header 41 -> keep
    Instruction(0x15, 39, 0, 43),  # next header 43 -> keep
    Instruction(0x15, 38, 0, 44),  # next header 44 -> keep
    Instruction(0x15, 37, 0, 47),  # next header 47 -> keep
    Instruction(0x15, 36, 0, 51),  # next header 51 -> keep
    Instruction(0x15, 35, 0, 58),  # next header 58 -> keep
    Instruction(0x15, 34, 0, 60),  # next header 60 -> keep
    Instruction(0x15, 33, 0, 97),  # next header 97 -> keep
    Instruction(0x15, 32, 0, 135),  # next header 135 -> keep
    Instruction(0x15, 31, 0, 137),  # next header 137 -> keep
    Instruction(0x15, 30, 0, 139),  # next header 139 -> keep
    Instruction(0x15, 29, 0, 140),  # next header 140 -> keep
    Instruction(0x15, 28, 0, 143),  # next header 143 -> keep
    Instruction(0x06, 0, 0, 0),  # nothing that holds TCP
    # udp in ipv6:
    Instruction(0x28, 0, 0, 40),  # source port
    Instruction(0x15, 25, 0, 0x6A5),  # port 1701 -> keep
    Instruction(0x15, 24, 0, 0x868),  # port 2152 -> keep
    Instruction(0x15, 23, 0, 0xDD8),  # port 3544 -> keep
    Instruction(0x15, 22, 0, 0x10F5),  # port 4341 -> keep
    Instruction(0x15, 21, 0, 0x1292),  # port 4754 -> keep
    Instruction(0x15, 20, 0, 0x12B5),  # port 4789 -> keep
    Instruction(0x15, 19, 0, 0x12B6),  # port 4790 -> keep
    Instruction(0x15, 18, 0, 0x147F),  # port 5247 -> keep
    Instruction(0x15, 17, 0, 0x17C1),  # port 6081 -> keep
    Instruction(0x15, 16, 0, 0x19EB),  # port 6635 -> keep
    Instruction(0x15, 15, 0, 0x2118),  # port 8472 -> keep
    Instruction(0x15, 14, 0, 0x9090),  # port 37008 -> keep
    Instruction(0x28, 0, 0, 42),  # destination port
    Instruction(0x15, 12, 0, 0x6A5),  # port 1701 -> keep
    Instruction(0x15, 11, 0, 0x868),  # port 2152 -> keep
    Instruction(0x15, 10, 0, 0xDD8),  # port 3544 -> keep
    Instruction(0x15, 9, 0, 0x10F5),  # port 4341 -> keep
    Instruction(0x15, 8, 0, 0x1292),  # port 4754 -> keep
    Instruction(0x15, 7, 0, 0x12B5),  # port 4789 -> keep
    Instruction(0x15, 6, 0, 0x12B6),  # port 4790 -> keep
    Instruction(0x15, 5, 0, 0x147F),  # port 5247 -> keep
    Instruction(0x15, 4, 0, 0x17C1),  # port 6081 -> keep
    Instruction(0x15, 3, 0, 0x19EB),  # port 6635 -> keep
    Instruction(0x15, 2, 0, 0x2118),  # port 8472 -> keep
    Instruction(0x15, 1, 0, 0x9090),  # port 37008 -> keep
    Instruction(0x06, 0, 0, 0),  # UDP that is no tunnel
    # keep:
    Instruction(0x06, 0, 0, SNAPLEN),  # the packet
)
