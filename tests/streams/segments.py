"""Hand-made packet tables and capture files for the tests of ``streams``."""

from __future__ import annotations

import struct
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np

from capanalyzer.packets.table import IcmpError, PacketTable


@dataclass
class Segment:
    """One TCP segment between two IPv4 hosts; ``sender`` 0 is 10.0.0.1:port, 1 is 10.0.0.2:443."""

    sender: int
    port: int
    flags: int
    seq: int
    ack: int = 0
    payload: bytes = b""
    time_ns: int = 0


def ends(segment: Segment) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
    """((source address, port), (destination address, port))."""
    client, server = (bytes([10, 0, 0, 1]), segment.port), (bytes([10, 0, 0, 2]), 443)
    return (server, client) if segment.sender else (client, server)


def ipv4_packet(segment: Segment) -> bytes:
    """The segment as an IPv4 packet without options."""
    (src, sport), (dst, dport) = ends(segment)
    tcp = struct.pack(">HHIIBBHHH", sport, dport, segment.seq, segment.ack, 5 << 4, segment.flags, 8192, 0, 0)
    total = 40 + len(segment.payload)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, total, 1, 0, 64, 6, 0, src, dst)
    return ip + tcp + segment.payload


def pcap_file(segments: Sequence[Segment], quoted: Container[int] = ()) -> bytes:
    """A raw-IP pcap of the segments, nanosecond times. Those at positions ``quoted`` stand in ICMP errors only."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)]
    for number, segment in enumerate(segments):
        packet = icmp_packet(segment) if number in quoted else ipv4_packet(segment)
        seconds, nanoseconds = divmod(segment.time_ns, 10**9)
        parts.append(struct.pack("<IIII", seconds, nanoseconds, len(packet), len(packet)) + packet)
    return b"".join(parts)


def icmp_packet(segment: Segment, *, size: int = 20) -> bytes:
    """A router's "host unreachable" to the segment's sender, quoting ``size`` bytes of its TCP header."""
    (sender, _), _ = ends(segment)
    quote = ipv4_packet(segment)[: 20 + size]
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(quote), 1, 0, 64, 1, 0, bytes([10, 0, 0, 9]), sender)
    return header + struct.pack(">BBHI", 3, 1, 0, 0) + quote


def endpoint_value(address: bytes, port: int) -> int:
    """PacketTable's endpoint value."""
    return int.from_bytes(address, "big") << 16 | port


def icmp_error(segment: Segment, frame: int) -> IcmpError:
    """What ``packets`` makes of :func:`icmp_packet`."""
    source, destination = ends(segment)
    return IcmpError(
        frame,
        segment.time_ns,
        4,
        3,
        1,
        0,
        bytes([10, 0, 0, 9]),
        endpoint_value(*source),
        endpoint_value(*destination),
        segment.seq,
        segment.flags,
        source[0] + destination[0],
        (source[1], destination[1]),
    )


def packet_table(segments: Sequence[Segment], *, first_frame: int = 1, quoted: Container[int] = ()) -> PacketTable:
    """The segments as ``packets`` decodes them. Those at positions ``quoted`` stand in ICMP errors only."""
    frames = [first_frame + at for at in range(len(segments)) if at not in quoted]
    icmp = [icmp_error(segment, first_frame + at) for at, segment in enumerate(segments) if at in quoted]
    segments = [segment for at, segment in enumerate(segments) if at not in quoted]
    packets = [ipv4_packet(segment) for segment in segments]
    data = np.frombuffer(b"".join(packets), np.uint8)
    at = np.cumsum([0, *(len(packet) for packet in packets)])[:-1].astype(np.int64)
    n = len(segments)

    lengths = np.array([len(segment.payload) for segment in segments], np.int64)
    return PacketTable(
        data=data,
        extra=b"",
        frame=np.array(frames, np.int64),
        time_ns=np.array([segment.time_ns for segment in segments], np.int64),
        source=np.array([endpoint_value(*ends(segment)[0]) for segment in segments], np.uint64),
        destination=np.array([endpoint_value(*ends(segment)[1]) for segment in segments], np.uint64),
        address_at=at + 12,
        is_v6=np.zeros(n, np.bool_),
        source_port=np.array([ends(segment)[0][1] for segment in segments], np.uint16),
        destination_port=np.array([ends(segment)[1][1] for segment in segments], np.uint16),
        seq=np.array([segment.seq for segment in segments], np.uint32),
        ack=np.array([segment.ack for segment in segments], np.uint32),
        flags=np.array([segment.flags for segment in segments], np.uint8),
        window=np.full(n, 8192, np.uint16),
        options_at=at + 40,
        options_len=np.zeros(n, np.uint8),
        payload_at=at + 40,
        length=lengths,
        captured=lengths,
        ttl=np.full(n, 64, np.uint8),
        ip_id=np.ones(n, np.uint16),
        icmp=icmp,
    )
