"""TLS streams out of the corpus, by a small reassembly of its own (dpkt), independent of capanalyzer's.

Only what is simple is read: Ethernet, VLAN, raw IP, Linux cooked, loopback; TCP over IPv4 or IPv6 without fragments.
Sessions that tshark calls incomplete in some way (missing segments, cut packets, unsure facts) are left to the whole
program's comparison.
"""

from __future__ import annotations

import gzip
import io
import ipaddress
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dpkt

Piece = tuple[bytes, int, int]
"""(data, frame, time in ns)"""


def facts_by_file(corpus: Path) -> dict[str, list[dict[str, Any]]]:
    """TCP sessions with TLS whose facts are sure and whose packets are all there."""
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with (corpus / "facts.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["kind"] != "session" or row["transport"] != "tcp" or row.get("left_out") or not row.get("tls"):
                continue
            sessions[row["file"]].append(row)
    return sessions


def _ip_packet(link: int, data: bytes) -> dpkt.ip.IP | dpkt.ip6.IP6 | None:
    if link == dpkt.pcap.DLT_EN10MB:
        kind, at = int.from_bytes(data[12:14], "big"), 14
        while kind in (0x8100, 0x88A8):
            kind, at = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
    elif link == 113:
        kind, at = int.from_bytes(data[14:16], "big"), 16
    elif link in (0, 108):
        kind, at = 0, 4
    elif link in (12, 14, 101, 228, 229):
        kind, at = 0, 0
    else:
        return None
    if kind not in (0, 0x0800, 0x86DD) or len(data) <= at:
        return None
    try:
        return dpkt.ip.IP(data[at:]) if data[at] >> 4 == 4 else dpkt.ip6.IP6(data[at:])
    except (dpkt.UnpackError, IndexError, ValueError):
        return None


class _Half:
    """One direction: in-order pieces, later copies of bytes dropped."""

    def __init__(self) -> None:
        self.next: int | None = None
        self.waiting: dict[int, Piece] = {}
        self.pieces: list[Piece] = []

    def take(self, seq: int, data: bytes, frame: int, time_ns: int) -> None:
        if self.next is None:
            self.next = seq
        old = self.waiting.get(seq)
        if old is None or len(old[0]) < len(data):
            self.waiting[seq] = data, frame, time_ns
        progress = True
        while progress:
            progress = False
            for start in list(self.waiting):
                distance = (start - self.next + (1 << 31)) % (1 << 32) - (1 << 31)
                if distance > 0:
                    continue
                held, _, _ = self.waiting.pop(start)
                fresh = held[-distance:] if distance else held
                if fresh:
                    self.pieces.append((fresh, frame, time_ns))
                    self.next = (self.next + len(fresh)) % (1 << 32)
                    progress = True


def streams(path: Path) -> Iterator[tuple[tuple[str, int], tuple[str, int], list[tuple[int, Piece]]]]:
    """(first sender, other end, [(side, piece) in capture order]) of each TCP connection, in order of appearance."""
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    try:
        reader: Any = dpkt.pcap.UniversalReader(io.BytesIO(raw))
        link = reader.datalink()
    except (ValueError, dpkt.Error, KeyError):
        return
    live: dict[Any, Any] = {}
    done: list[Any] = []
    frame = 0
    try:
        for time_s, data in reader:
            frame += 1
            packet = _ip_packet(link, data)
            if packet is None or not isinstance(packet.data, dpkt.tcp.TCP):
                continue
            tcp = packet.data
            source = (str(ipaddress.ip_address(packet.src)), tcp.sport)
            target = (str(ipaddress.ip_address(packet.dst)), tcp.dport)
            key = frozenset((source, target))
            flow = live.get(key)
            is_syn = tcp.flags & 0x12 == 2
            if flow is None or (is_syn and flow["isn"] != tcp.seq and flow["isn"] is not None):
                flow = {"ends": (source, target), "isn": None, "halves": (_Half(), _Half()), "order": []}
                live[key] = flow
                done.append(flow)
            side = 0 if source == flow["ends"][0] else 1
            half = flow["halves"][side]
            if tcp.flags & 2:
                if is_syn:
                    flow["isn"] = tcp.seq
                if half.next is None:
                    half.next = (tcp.seq + 1) % (1 << 32)
            elif tcp.data and not tcp.flags & 4:
                before = len(half.pieces)
                half.take(tcp.seq, bytes(tcp.data), frame, int(time_s * 1_000_000_000))
                flow["order"] += [(side, piece) for piece in half.pieces[before:]]
    except (ValueError, dpkt.Error, EOFError):
        pass
    for flow in done:
        yield *flow["ends"], flow["order"]
