"""A plain reader of pcap and pcapng for tests: no speed, no tolerance, independent of capanalyzer.capture."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from capanalyzer.capture.records import RecordBatch

Record = tuple[int, int, int, bytes]
"""(time_ns, link, original length, captured bytes)."""

_DLT = {11: 100, 12: 101, 14: 101}


def read_records(path: Path) -> list[Record]:
    """All records of a capture; stops at damage."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    elif data[:3] == b"BZh":
        data = bz2.decompress(data)
    elif data[:5] == b"\xfd7zXZ":
        data = lzma.decompress(data)
    magic = data[:4]
    if magic == b"\x0a\x0d\x0d\x0a":
        return _pcapng(data)
    order = {
        b"\xd4\xc3\xb2\xa1": "<",
        b"\xa1\xb2\xc3\xd4": ">",
        b"\x4d\x3c\xb2\xa1": "<",
        b"\xa1\xb2\x3c\x4d": ">",
    }.get(magic)
    if order is None:
        raise ValueError(f"{path}: not pcap or pcapng")
    factor = 1 if b"\x3c" in magic else 1000
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    records: list[Record] = []
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, captured, original = struct.unpack_from(order + "IIII", data, at)
        at += 16
        if at + captured > len(data) or captured > 1 << 20:
            break
        body = data[at : at + captured]
        records.append((seconds * 10**9 + fraction * factor, _DLT.get(link, link), max(original, captured), body))
        at += captured
    return records


def _pcapng(data: bytes) -> list[Record]:
    records: list[Record] = []
    interfaces: list[tuple[int, int]] = []
    at, order = 0, "<"
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, size = struct.unpack_from(order + "II", data, at)
        if size < 12 or at + size > len(data):
            break
        body = data[at + 8 : at + size - 4]
        if kind == 1:
            link, snap = struct.unpack_from(order + "HxxI", body)
            interfaces.append((_DLT.get(link, link), snap))
        elif kind == 6:
            interface, high, low, captured, original = struct.unpack_from(order + "IIIII", body)
            packet = body[20 : 20 + captured]
            records.append(((high << 32 | low) * 1000, interfaces[interface][0], max(original, len(packet)), packet))
        elif kind == 2:
            interface, _, high, low, captured, original = struct.unpack_from(order + "HHIIII", body)
            packet = body[20 : 20 + captured]
            records.append(((high << 32 | low) * 1000, interfaces[interface][0], max(original, len(packet)), packet))
        elif kind == 3:
            original = struct.unpack_from(order + "I", body)[0]
            captured = min(original, interfaces[0][1] or original)
            records.append((0, interfaces[0][0], original, body[4 : 4 + captured]))
        at += size
    return records


def make_batch(records: Sequence[Record], first_frame: int = 1, gap: bytes = b"\xa5" * 16) -> RecordBatch:
    """A batch of these records, with ``gap`` before each as a file's record headers stand there."""
    data = bytearray()
    offsets = []
    for record in records:
        data += gap
        offsets.append(len(data))
        data += record[3]
    return RecordBatch(
        data=np.frombuffer(bytes(data), np.uint8),
        offset=np.array(offsets, np.int64),
        captured=np.array([len(r[3]) for r in records], np.int64),
        original=np.array([r[2] for r in records], np.int64),
        time_ns=np.array([min(r[0], 2**63 - 1) for r in records], np.int64),
        link=np.array([r[1] for r in records], np.uint16),
        first_frame=first_frame,
    )


def write_pcap(path: Path, link: int, packets: Sequence[bytes], originals: Sequence[int] | None = None) -> None:
    """A little-endian microsecond pcap of these packets."""
    lengths = originals or [len(packet) for packet in packets]
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link))
        for number, (packet, original) in enumerate(zip(packets, lengths, strict=True)):
            out.write(struct.pack("<IIII", number, 0, len(packet), original) + packet)


def write_pcapng(path: Path, records: Sequence[Record]) -> None:
    """A pcapng of records of any link types, an interface for each."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + size + body + size

    links = sorted({record[1] for record in records})
    with path.open("wb") as out:
        out.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for link in links:
            out.write(block(1, struct.pack("<HHI", link, 0, 0)))
        for number, (_, link, original, packet) in enumerate(records):
            head = struct.pack("<IIIII", links.index(link), 0, number, len(packet), original)
            out.write(block(6, head + packet))
