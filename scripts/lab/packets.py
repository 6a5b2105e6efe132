"""Captured packets as a list, for the few cases that change a capture after it was made."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

__all__ = ["Packet", "read_pcap", "tcp_fields", "write_pcap"]


class Packet(NamedTuple):
    time_ns: int
    data: bytes
    length: int
    """On the wire."""


def read_pcap(path: Path) -> tuple[int, list[Packet]]:
    """Link type and packets of a little-endian classic pcap (what tcpdump writes here)."""
    raw = path.read_bytes()
    magic, link = struct.unpack_from("<I", raw)[0], struct.unpack_from("<I", raw, 20)[0]
    unit = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    packets, at = [], 24
    while at + 16 <= len(raw):
        seconds, fraction, captured, length = struct.unpack_from("<IIII", raw, at)
        packets.append(Packet(seconds * 10**9 + fraction * unit, raw[at + 16 : at + 16 + captured], length))
        at += 16 + captured
    return link, packets


def write_pcap(path: Path, link: int, packets: list[Packet]) -> None:
    """Nanosecond classic pcap."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link)]
    for one in packets:
        parts += [struct.pack("<IIII", *divmod(one.time_ns, 10**9), len(one.data), one.length), one.data]
    path.write_bytes(b"".join(parts))


class Tcp(NamedTuple):
    source: int
    target: int
    seq: int
    flags: int
    payload: int
    """Bytes of payload captured."""


def tcp_fields(data: bytes) -> Tcp | None:
    """Ports, sequence number, flags and payload size of a plain Ethernet IPv4 TCP packet; None for others."""
    if data[12:14] != b"\x08\x00" or data[23] != 6:
        return None
    head = 14 + (data[14] & 15) * 4
    source, target, seq, _, offset, flags = struct.unpack_from("!HHIIBB", data, head)
    total = struct.unpack_from("!H", data, 16)[0]
    return Tcp(source, target, seq, flags, total - (head - 14) - (offset >> 4) * 4)
