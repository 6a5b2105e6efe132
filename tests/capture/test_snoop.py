"""Snoop files, RFC 1761."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from capanalyzer.capture.linktypes import UNKNOWN
from tests.capture.builders import Packet, many, read_bytes, snoop


@pytest.mark.parametrize("batch_bytes", [1, 100, 1 << 20])
def test_round_trip(batch_bytes: int) -> None:
    packets = many(50)
    result = read_bytes(snoop(packets, drops=4), batch_bytes)
    assert result.packets == packets
    assert result.info.dropped_packets == 4
    assert result.info.warnings == []


@pytest.mark.parametrize(("network", "link"), [(0, 1), (4, 1), (8, 10), (0x80000005, 226), (19, UNKNOWN)])
def test_link_types(network: int, link: int) -> None:
    assert read_bytes(snoop(many(1), network=network)).links == [link]


def test_shomiti() -> None:
    """Surveyor's files have numbers of their own, and are told by the room behind the first packet."""
    assert read_bytes(snoop(many(3), network=19, pad=16)).links == [1, 1, 1]


def test_shomiti_wireless() -> None:
    """The radio header before 802.11 packets is taken off."""
    radio = bytes([0, 0, 0, 8]) + bytes(8)
    result = read_bytes(snoop([Packet(0, radio + b"frame", 17)], network=18, pad=16))
    assert result.packets == [Packet(0, b"frame", 5)]
    assert result.links == [105]


def test_every_prefix() -> None:
    packets = many(4)
    whole = snoop(packets)
    for cut in range(8, len(whole), 3):
        result = read_bytes(whole[:cut], 30)
        assert result.packets == packets[: len(result.packets)]
        assert len(result.info.warnings) <= 1


def test_damage_in_the_middle() -> None:
    """A packet longer than its record ends the capture where it stands."""
    data = bytearray(snoop([Packet(0, b"abcd", 4)] * 3))
    data[16 + 28 + 4 : 16 + 28 + 8] = (90).to_bytes(4, "big")
    result = read_bytes(bytes(data))
    assert len(result.packets) == 1
    assert "at byte 44 (record 2" in result.info.warnings[0]


def test_tshark_reads_the_same(tshark: str, tmp_path: Path) -> None:
    data = snoop([packet for packet in many(30) if packet.data])
    path = tmp_path / "x.snoop"
    path.write_bytes(data)
    command = [tshark, "-n", "-r", str(path), "-T", "fields", "-e", "frame.cap_len", "-e", "frame.len"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    assert [f"{len(p.data)}\t{p.original}" for p in read_bytes(data).packets] == lines
