"""The fast path, the slow path and any cutting into batches give the same rows, on real captures and made ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.packets.stack import LAYERS
from tests.packets.tables import decode
from tests.packets.tiny_capture import Record, read_records

CAPTURES = [
    "ndpi-443-firefox.pcap",
    "ndpi-KakaoTalk_chat.pcap",
    "ndpi-http_ipv6.pcap",
    "mercury-tls_sgt.pcap",
    "ndpi-6in4tunnel.pcap",
    "zeek-mixed-vlan-mpls.pcap",
    "ndpi-pgsql2.pcapng",
    "wireshark-many_interfaces-3.pcapng",
    "pcapplusplus-ldap.pcapng",
    "arkime-gtp-iphone.pcap",
    "suricata-bug-6887-defrag-ipv6-tcp-frag-ip-tcp.pcap",
    "ndpi-fuzz-2006-09-29-28586.pcap",
    "ndpi-ja3_lots_of_cipher_suites.pcap",
    "pcapplusplus-sll2.pcap",
    "ndpi-codm.pcap",
    "zeek-ipv6-http-atomic-frag.pcap",
]


@pytest.mark.parametrize("name", CAPTURES)
def test_real_captures(corpus: Path, name: str) -> None:
    """Every column, ICMP error and note is the same."""
    records = read_records(corpus / "captures" / name)
    rows, icmp, decoder = decode(records)
    slow_rows, slow_icmp, slow_decoder = decode(records, fast=False)
    assert rows == slow_rows
    assert icmp == slow_icmp
    assert decoder.finish() == slow_decoder.finish()
    cut_rows, cut_icmp, cut_decoder = decode(records, cuts=range(0, len(records), 7))
    assert rows == cut_rows
    assert icmp == cut_icmp
    assert cut_decoder.finish() == decoder.notes


@pytest.mark.parametrize("name", ["ndpi-443-firefox.pcap", "ndpi-http_ipv6.pcap", "mercury-tls_sgt.pcap"])
@pytest.mark.parametrize("snap", [20, 47, 54, 60, 68, 96])
def test_snap_lengths(corpus: Path, name: str, snap: int) -> None:
    """Cut captures: nothing behind the snap length is read, and both paths agree."""
    records = [
        (t, link, size, packet[:snap]) for t, link, size, packet in read_records(corpus / "captures" / name)[:300]
    ]
    rows, icmp, decoder = decode(records)
    slow_rows, slow_icmp, slow_decoder = decode(records, fast=False)
    assert rows == slow_rows
    assert icmp == slow_icmp
    assert decoder.finish() == slow_decoder.finish()


LINKS = sorted(number & 0xFFFF for number in LAYERS if number >> 16 == 1)
BYTES = st.binary(max_size=120)
# Beginnings that lead deep into the decoder, so that random bytes are not thrown away at once.
STARTS = st.sampled_from(
    [
        bytes(12) + b"\x08\x00\x45\x00\x00\x40\x00\x00\x40\x00\x40\x06" + bytes(8),
        bytes(12) + b"\x86\xdd\x60\x00\x00\x00\x00\x30\x06\x40" + bytes(32),
        bytes(12) + b"\x81\x00\x00\x01\x08\x00\x45\x00\x00\x40\x00\x00\x00\x00\x40\x06" + bytes(8),
        bytes(12) + b"\x89\x09\x01\x01\x00\x01\x00\x05\x08\x00\x45\x00\x00\x40\x00\x00\x00\x00\x40\x06",
        bytes(12) + b"\x08\x00\x45\x00\x00\x40\x00\x00\x00\x00\x40\x01" + bytes(8) + b"\x03\x04" + bytes(6) + b"\x45",
        bytes(12) + b"\x08\x00\x45\x00\x00\x40\x00\x00\x20\x00\x40\x06" + bytes(8),
        bytes(12) + b"\x08\x00\x45\x00\x00\x40\x00\x00\x00\x00\x40\x11" + bytes(8) + b"\xff\xff\x12\xb5" + bytes(24),
        bytes(12) + b"\x86\xdd\x60\x00\x00\x00\x00\x40\x2c\x40" + bytes(32) + b"\x06\x00\x00\x01" + bytes(4),
        bytes(12) + b"\x88\x47\x00\x01\x01\xff",
        b"\x00\x00\x00\x02\x45\x00\x00\x40\x00\x00\x40\x00\x40\x06",
        b"",
    ]
)
HEADS = st.sampled_from([*LINKS, 1, 1, 1, 101, 9999])
CUT = st.integers(0, 60)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(HEADS, STARTS, BYTES, CUT), max_size=8), st.lists(st.integers(0, 8), max_size=3))
def test_any_bytes(pieces: list[tuple[int, bytes, bytes, int]], cuts: list[int]) -> None:
    """Whatever the packets hold: no exception, both paths and any batches agree, positions stay inside."""
    records: list[Record] = [
        (n, link, len(start + rest) + cut, start + rest) for n, (link, start, rest, cut) in enumerate(pieces)
    ]
    rows, icmp, decoder = decode(records)
    slow_rows, slow_icmp, slow_decoder = decode(records, fast=False)
    cut_rows, cut_icmp, cut_decoder = decode(records, cuts=cuts)
    assert rows == slow_rows == cut_rows
    assert icmp == slow_icmp == cut_icmp
    assert decoder.finish() == slow_decoder.finish() == cut_decoder.finish()
