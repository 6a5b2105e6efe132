"""Captures with F5 trailers for the tests: real sessions of ``pcaps/`` or frames made here, and what is put behind."""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.append(str(PROJECT / "scripts"))
from lab import f5_trailers as f5  # noqa: E402 - where the lab keeps its modules

__all__ = ["PROJECT", "Record", "f5", "frame_v4", "frame_v6", "write"]

Record = tuple[int, bytes]
"""Time in ns, frame."""

_HOSTS = (bytes([192, 0, 2, 7]), bytes([198, 51, 100, 9]))


def frame_v4(
    trailer: bytes = b"",
    *,
    flags: int = 0x10,
    payload: bytes = b"",
    from_client: bool = True,
    ports: tuple[int, int] = (40000, 443),
    hosts: tuple[bytes, bytes] = _HOSTS,
    seq: int = 1,
    ack: int = 1,
    padding: bytes = b"",
    vlan: int | None = 4094,
    ttl: int = 64,
    total: int | None = None,
) -> bytes:
    """An Ethernet frame with one TCP segment, and what stands behind it."""
    (source, sport), (destination, dport) = (hosts[0], ports[0]), (hosts[1], ports[1])
    if not from_client:
        source, sport, destination, dport = destination, dport, source, sport
    size = 40 + len(payload) if total is None else total
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 8192, 0, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, size, 7, 0, ttl, 6, 0) + source + destination
    tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
    return bytes(12) + tag + b"\x08\x00" + ip + tcp + payload + padding + trailer


def frame_v6(trailer: bytes = b"", *, flags: int = 0x10, payload: bytes = b"") -> bytes:
    """The same over IPv6."""
    tcp = struct.pack(">HHIIBBHHH", 40000, 443, 1, 1, 5 << 4, flags, 8192, 0, 0)
    ends = bytes.fromhex("20010db8") + bytes(11) + b"\x07" + bytes.fromhex("20010db8") + bytes(11) + b"\x09"
    return (
        bytes(12)
        + b"\x86\xdd"
        + struct.pack(">IHBB", 6 << 28, 20 + len(payload), 6, 64)
        + ends
        + tcp
        + payload
        + trailer
    )


def write(path: Path, records: Sequence[Record], *, cut: int = 0) -> Path:
    """A pcap, nanoseconds, Ethernet.

    :param cut: bytes kept of each frame; 0 keeps all.
    """
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)]
    for time_ns, frame in records:
        kept = frame[:cut] if cut else frame
        seconds, rest = divmod(time_ns, 10**9)
        parts.append(struct.pack("<IIII", seconds, rest, len(kept), len(frame)) + kept)
    path.write_bytes(b"".join(parts))
    return path
