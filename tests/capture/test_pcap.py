"""Classic pcap in all its variants."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.capture.pcap import PcapReader
from capanalyzer.capture.records import CaptureInfo
from tests.capture.builders import Packet, many, pcap, read_bytes

NOKIA = struct.pack("<I", 0x9FBFB601)
MODIFIED = struct.pack("<IHBB", 2, 0x0800, 0, 0)
VARIANTS: dict[str, tuple[dict[str, Any], int]] = {
    "microseconds": ({}, 1000),
    "nanoseconds": ({"magic": 0xA1B23C4D, "nanoseconds": True}, 1),
    "ss990417": ({"extra": MODIFIED}, 1000),
    "ss991029": ({"magic": 0xA1B2CD34, "extra": MODIFIED}, 1000),
    "ss990915": ({"magic": 0xA1B2CD34, "extra": MODIFIED + bytes(4)}, 1000),
    "nokia": ({"extra": NOKIA}, 1000),
    "ixia-hardware": ({"magic": 0x1C0001AC, "nanoseconds": True, "after_header": bytes(4)}, 1),
    "ixia-software": ({"magic": 0x1C0001AB, "after_header": bytes(4)}, 1000),
    "aix": ({"version": (2, 2), "network": 6, "nanoseconds": True, "swap_lengths": True}, 1),
    "old-lengths": ({"version": (2, 1), "swap_lengths": True}, 1000),
    "maybe-swapped": ({"version": (2, 3), "swap_lengths": True}, 1000),
    "2.3-not-swapped": ({"version": (2, 3)}, 1000),
}

some_packets = st.lists(
    st.tuples(st.integers(0, 2**32 * 10**9 - 1), st.binary(min_size=1, max_size=80), st.integers(0, 3)), max_size=20
)


def packets_of(drawn: list[tuple[int, bytes, int]], unit: int) -> list[Packet]:
    return [Packet(t // unit * unit, data, len(data) + more) for t, data, more in drawn]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "variant", [name for name in VARIANTS if name not in ("nokia", "ss990417", "ss990915", "ss991029")]
)
@settings(max_examples=25, deadline=None)
@given(drawn=some_packets, batch_bytes=st.integers(1, 400))
def test_round_trip(order: str, variant: str, drawn: list[tuple[int, bytes, int]], batch_bytes: int) -> None:
    """What was written is read, in any byte order and batch size."""
    options, unit = VARIANTS[variant]
    packets = packets_of(drawn, unit)
    result = read_bytes(pcap(packets, order=order, **options), batch_bytes)
    assert result.packets == packets
    assert result.frames == list(range(1, len(packets) + 1))
    assert result.info.warnings == []
    assert result.info.link_types == ["ethernet"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("variant", ["nokia", "ss990417", "ss990915", "ss991029"])
def test_variants_told_by_looking(order: str, variant: str) -> None:
    """Variants that share a magic are told by their first records."""
    options, _ = VARIANTS[variant]
    options = dict(options)
    if order == ">" and variant != "nokia":
        options["extra"] = struct.pack(">IHBB", 2, 0x0800, 0, 0) + bytes(4 if variant == "ss990915" else 0)
    packets = [p for p in many(20) if p.data]
    result = read_bytes(pcap(packets, order=order, **options))
    assert result.packets == packets
    assert result.info.warnings == []


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "ixia-hardware"])
def test_tshark_reads_the_same(variant: str, tshark: str, tmp_path: Path) -> None:
    """Number of packets, times and lengths agree with tshark for each variant.

    (tshark before 4.4 took the Ixia hardware variant for microseconds: Wireshark issue 14073.)
    """
    options, _ = VARIANTS[variant]
    data = pcap([p for p in many(20) if p.data], **options)
    path = tmp_path / "x.pcap"
    path.write_bytes(data)
    fields = ["-e", "frame.time_epoch", "-e", "frame.cap_len", "-e", "frame.len"]
    command = [tshark, "-n", "-r", str(path), "-T", "fields", *fields]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    ours = [
        f"{p.time_ns // 10**9}.{p.time_ns % 10**9:09d}\t{len(p.data)}\t{p.original}" for p in read_bytes(data).packets
    ]
    assert ours == lines


def test_aix_fddi_padding() -> None:
    """AIX puts three bytes before an FDDI frame and counts them."""
    packets = [Packet(5 * 10**9, b"\0\0\0frame", 10)]
    result = read_bytes(pcap(packets, version=(2, 2), network=15, nanoseconds=True, swap_lengths=True))
    assert result.packets == [Packet(5 * 10**9, b"frame", 7)]
    assert result.links == [10]


@pytest.mark.parametrize(
    ("network", "link", "name"),
    [
        (1, 1, "ethernet"),
        (0x24000001, 1, "ethernet"),
        (0xF4000071, 113, "linux-sll"),
        (12, 101, "raw"),
        (14, 101, "raw"),
        (276, 276, "linux-sll2"),
        (9999, 9999, "linktype-9999"),
    ],
)
def test_link_types(network: int, link: int, name: str) -> None:
    """FCS bits are left out, old DLT_ numbers become LINKTYPE_ numbers."""
    result = read_bytes(pcap(many(2), network=network))
    assert result.links == [link, link]
    assert result.info.link_types == [name]


def test_info_sums() -> None:
    """Bytes are lengths on the wire; first and last are the extremes, not the ends."""
    packets = [Packet(7 * 10**9, b"abc", 10), Packet(3 * 10**9, b"abcd", 4), Packet(5 * 10**9, b"", 1)]
    info = read_bytes(pcap(packets)).info
    assert (info.packets, info.bytes, info.truncated_packets) == (3, 15, 2)
    assert (info.first_ns, info.last_ns) == (3 * 10**9, 7 * 10**9)
    assert info.format == "pcap"


def test_captured_more_than_original() -> None:
    """A record that claims less on the wire than was captured counts what was captured."""
    assert read_bytes(pcap([Packet(0, b"abcdef", 2)])).packets == [Packet(0, b"abcdef", 6)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_prefix(order: str) -> None:
    """Cut anywhere, a file gives the whole records before the cut and one warning, or none at a boundary."""
    packets = many(6)
    whole = pcap(packets, order=order)
    ends = [24]
    for packet in packets:
        ends.append(ends[-1] + 16 + len(packet.data))
    for cut in range(4, len(whole), 7):
        result = read_bytes(whole[:cut], 64)
        kept = sum(end <= cut for end in ends[1:])
        assert result.packets == packets[:kept]
        assert len(result.info.warnings) == (0 if cut in ends else 1), cut


def test_cut_says_where() -> None:
    """Record and byte of a cut are named."""
    warnings = read_bytes(pcap([Packet(0, b"abcd", 4)] * 3)[:-2]).info.warnings
    assert warnings == ["The file is cut short in the middle of record 3 at byte 64; analysed up to there."]


def test_damage_says_where() -> None:
    """A length that cannot be ends the capture, with the place of it."""
    data = pcap([Packet(0, b"abcd", 4)] * 3) + struct.pack("<4I", 0, 0, 300_000, 300_000) + bytes(40)
    result = read_bytes(data)
    assert len(result.packets) == 3
    assert result.info.warnings == [
        "The file is damaged at byte 84 (record 4: a packet of 300,000 bytes, more than 262,144); analysed up to there."
    ]


def test_unknown_version() -> None:
    result = read_bytes(pcap(many(3), version=(9, 9)))
    assert result.packets == []
    assert "version 9.9" in result.info.warnings[0]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 8 * 500 - 1))
def test_bit_flips_never_raise(bit: int) -> None:
    """One flipped bit gives packets and at most one warning, never an exception."""
    data = bytearray(pcap(many(8))[:500])
    data[bit >> 3] ^= 1 << (bit & 7)
    if bit >= 32:
        assert len(read_bytes(bytes(data)).info.warnings) <= 1


def test_file_header_alone() -> None:
    info = read_bytes(pcap([], network=113)).info
    assert (info.packets, info.warnings, info.link_types) == (0, [], ["linux-sll"])


def test_find_record_far_into_a_file() -> None:
    """The reader finds its way in the middle of a file it has seen the start of."""
    import numpy as np

    data = np.frombuffer(pcap(many(300)), np.uint8)
    reader = PcapReader(CaptureInfo("x"))
    reader.feed(data[:500], at_end=False)
    place = reader.find_record(data[20_000:])
    batch, _ = reader.feed(data[20_000 + place :], at_end=True)
    assert batch is not None
    assert reader.info.warnings == []
