"""One script, many connections: the packets are laid out once and copied with numpy, addresses, ports, sequence
numbers, times and randoms written into the copies.

TCP checksums are left zero, as captures on a sending host with checksum offload have them wrong anyway.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.script import Step

__all__ = ["Block", "Template", "stamp"]

ETHERNET = 14
RECORD = 16
Bytes = NDArray[np.uint8]


class Template:
    """A script laid out as pcap records, and where in them the copies differ."""

    def __init__(self, steps: list[Step], *, ipv6: bool, server_port: int, secrets: dict[str, bytes]) -> None:
        self.ipv6 = ipv6
        self.server_port = server_port
        self.count = len(steps)
        parts, starts, at = [], [], 0
        for step in steps:
            packet = _packet(step, ipv6)
            starts.append(at)
            parts.append(packet)
            at += len(packet)
        self.block = np.frombuffer(b"".join(parts), np.uint8)
        self.start = np.array(starts, np.int64)
        self.end = np.append(self.start[1:], at)
        self.side = np.array([step.side for step in steps])
        self.seq = np.array([step.seq for step in steps], np.int64)
        self.ack = np.array([step.ack for step in steps], np.int64)
        self.has_ack = np.array([bool(step.flags & 16) for step in steps])
        self.trips, self.delay_s, self.pauses = (
            np.array([getattr(step, name) for step in steps]) for name in ("trips", "delay_s", "pauses")
        )
        raw = self.block.tobytes()
        self.patches = {name: _positions(raw, value) for name, value in secrets.items()}
        ip = self.start + RECORD + ETHERNET
        self.at_time = _spread(self.start, 8)
        self.at_addresses = _spread(ip + (8 if ipv6 else 12), 36 if ipv6 else 12)
        self.at_sequence = _spread(ip + (44 if ipv6 else 24), 8)
        self.at_id = _spread(ip + 4, 2)
        self.at_checksum = _spread(ip + 10, 2)
        self.total_length = np.array(
            [end - start - RECORD - ETHERNET for start, end in zip(starts, self.end, strict=True)]
        )


class Block(NamedTuple):
    """Finished packets, not yet in order."""

    data: bytes
    time_us: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


class Connections(NamedTuple):
    """What differs between the copies; every array has one row a connection."""

    start_s: NDArray[np.float64]
    rtt_s: NDArray[np.float64]
    pause_s: NDArray[np.float64]
    client: Bytes
    """Shape (n, 4) or (n, 16)."""
    client_port: NDArray[np.int64]
    server: Bytes
    number: NDArray[np.int64]
    """Goes into the server name."""


def stamp(template: Template, who: Connections, random: np.random.Generator) -> Block:
    """``len(who.start_s)`` copies of the template."""
    copies, packets = len(who.start_s), template.count
    rows = np.repeat(template.block[None, :], copies, axis=0)
    seconds = (
        who.start_s[:, None]
        + who.rtt_s[:, None] * template.trips
        + template.delay_s
        + who.pause_s[:, None] * template.pauses
    )
    time_us = (seconds * 1e6).astype(np.int64)
    stamps = np.empty((copies, packets, 2), "<u4")
    stamps[:, :, 0], stamps[:, :, 1] = time_us // 1_000_000, time_us % 1_000_000
    rows[:, template.at_time] = stamps.view(np.uint8).reshape(copies, -1)

    ports = np.empty((copies, 2), ">u2")
    ports[:, 0], ports[:, 1] = who.client_port, template.server_port
    forward = np.hstack([who.client, who.server, ports.view(np.uint8).reshape(copies, 4)])
    backward = np.hstack([who.server, who.client, ports[:, ::-1].copy().view(np.uint8).reshape(copies, 4)])
    both = np.stack([forward, backward], axis=1)[:, template.side]
    rows[:, template.at_addresses] = both.reshape(copies, -1)

    initial = random.integers(0, 1 << 32, (copies, 2))
    numbers = np.empty((copies, packets, 2), ">u4")
    numbers[:, :, 0] = (initial[:, template.side] + template.seq) & 0xFFFFFFFF
    numbers[:, :, 1] = np.where(template.has_ack, (initial[:, 1 - template.side] + template.ack) & 0xFFFFFFFF, 0)
    rows[:, template.at_sequence] = numbers.view(np.uint8).reshape(copies, -1)
    if not template.ipv6:
        _ipv4_fields(template, rows, both, random)

    for name, places in template.patches.items():
        if name == "name":
            digits = (who.number[:, None] // 10 ** np.arange(5, -1, -1)) % 10 + 48
            fresh = digits.astype(np.uint8)
        else:
            fresh = random.integers(0, 256, (copies, 32), np.uint8)
        for place in places:
            rows[:, place : place + fresh.shape[1]] = fresh
    base = np.arange(copies)[:, None] * rows.shape[1]
    return Block(rows.tobytes(), time_us.ravel(), (base + template.start).ravel(), (base + template.end).ravel())


def _ipv4_fields(template: Template, rows: Bytes, both: Bytes, random: np.random.Generator) -> None:
    copies, packets = len(rows), template.count
    first_id = random.integers(0, 1 << 16, (copies, 2))
    identity = ((first_id[:, template.side] + np.arange(packets)) & 0xFFFF).astype(">u2", order="C")
    rows[:, template.at_id] = identity.view(np.uint8).reshape(copies, -1)
    # RFC 791 section 3.1: ones' complement sum over the header's words.
    addresses = np.ascontiguousarray(both[:, :, :8]).view(">u2").astype(np.int64).sum(axis=2)
    total = 0x4500 + template.total_length + identity.astype(np.int64) + 0x4000 + 0x4006 + addresses
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    rows[:, template.at_checksum] = (0xFFFF - total).astype(">u2", order="C").view(np.uint8).reshape(copies, -1)


def _packet(step: Step, ipv6: bool) -> bytes:
    tcp = (
        struct.pack("!HHIIBBHHH", 0, 0, 0, 0, (5 + len(step.options) // 4) << 4, step.flags, 64240, 0, 0) + step.options
    )
    size = len(tcp) + len(step.payload)
    if ipv6:
        network = struct.pack("!IHBB32x", 6 << 28, size, 6, 64)
    else:
        network = struct.pack("!BBHHHBBH8x", 0x45, 0, 20 + size, 0, 0x4000, 64, 6, 0)
    ends = (b"\x02\0\0\0\0\x0a", b"\x02\0\0\0\0\x14")
    link = ends[1 - step.side] + ends[step.side] + (b"\x86\xdd" if ipv6 else b"\x08\x00")
    packet = link + network + tcp + step.payload
    return struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet


def _positions(raw: bytes, value: bytes) -> list[int]:
    places, at = [], raw.find(value)
    while at >= 0:
        places.append(at)
        at = raw.find(value, at + 1)
    return places


def _spread(starts: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    return np.asarray((starts[:, None] + np.arange(width)).ravel())
