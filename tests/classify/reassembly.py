"""Both directions of the TCP connections of a small capture, in order: for tests alone, with dpkt.

First bytes win, a gap ends a direction. The real reassembly is elsewhere; a simple one keeps these tests independent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import dpkt

LIMIT = 65_536

_LINKS = {0: dpkt.loopback.Loopback, 1: dpkt.ethernet.Ethernet, 12: dpkt.ip.IP, 101: dpkt.ip.IP, 113: dpkt.sll.SLL}


@dataclass
class Stream:
    """One connection; side 0 sent its first packet."""

    ends: tuple[tuple[bytes, int], tuple[bytes, int]]
    first_seq: list[int | None] = field(default_factory=lambda: [None, None])
    segments: tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]] = field(default_factory=lambda: ([], []))

    def data(self, side: int) -> tuple[bytes, list[int]]:
        """In-order bytes up to the first gap, and the offsets at which segments began."""
        segments = self.segments[side]
        if not segments:
            return b"", []
        first = self.first_seq[side]
        base = segments[0][0] if first is None else first + 1
        data, cuts = bytearray(), []
        for offset, piece in sorted(((seq - base) & 0xFFFFFFFF, piece) for seq, piece in segments):
            if offset > len(data) or len(data) > LIMIT:
                break
            cuts.append(offset)
            data += piece[len(data) - offset :]
        return bytes(data), cuts


def read_streams(path: Path) -> list[Stream]:
    """The connections of a pcap or pcapng file in order of their first packets; other link types give none."""
    streams: list[Stream] = []
    current: dict[frozenset[tuple[bytes, int]], Stream] = {}
    with path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        reader = dpkt.pcapng.Reader(file) if magic == b"\n\r\r\n" else dpkt.pcap.Reader(file)
        link = _LINKS.get(reader.datalink())
        if link is None:
            return streams
        for _, frame in reader:
            try:
                packet = link(frame)
            except (dpkt.UnpackError, ValueError, IndexError):
                continue
            ip = packet if isinstance(packet, dpkt.ip.IP) else packet.data
            tcp = getattr(ip, "data", None)
            if not isinstance(ip, dpkt.ip.IP | dpkt.ip6.IP6) or not isinstance(tcp, dpkt.tcp.TCP):
                continue
            source, target = (ip.src, tcp.sport), (ip.dst, tcp.dport)
            key = frozenset((source, target))
            stream = current.get(key)
            is_syn = bool(tcp.flags & dpkt.tcp.TH_SYN)
            if stream is not None and is_syn and not tcp.flags & dpkt.tcp.TH_ACK:
                known = stream.first_seq[stream.ends.index(source)]
                if known != tcp.seq:
                    stream = None
            if stream is None:
                stream = current[key] = Stream((source, target))
                streams.append(stream)
            side = stream.ends.index(source)
            if is_syn:
                stream.first_seq[side] = tcp.seq
            if tcp.data:
                stream.segments[side].append((tcp.seq + is_syn, bytes(tcp.data)))
    return streams
