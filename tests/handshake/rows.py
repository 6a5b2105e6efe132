"""Rows for the tests: a plain, slow reading of captures with dpkt, and hand-made conversations."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dpkt

from capanalyzer.handshake.connection import Connection
from capanalyzer.handshake.session import Session
from capanalyzer.streams.flow import ACK, FIN, PSH, RST, SYN, Ended, Flow, Row

CLIENT, SERVER = 0, 1
MS = 1_000_000


def options_for(flags: int, length: int, options: bytes) -> bytes:
    """The options that a row carries: of SYNs, and of pure ACKs that have more than a time stamp."""
    return options if flags & SYN or (not length and len(options) > 12) else b""


@dataclass
class Captured:
    """One connection of a capture, with nothing left out."""

    stream: int
    addresses: tuple[bytes, bytes]
    ports: tuple[int, int]
    rows: list[Row] = field(default_factory=list)

    def flow(self, *, ended: Ended = Ended.CAPTURE_END, watched_until_ns: int | None = None) -> Flow:
        return flow_of(self.rows, self.addresses, self.ports, self.stream, ended, watched_until_ns)

    def session(self) -> Session:
        connection = Connection()
        connection.feed(self.rows)
        return connection.finish(self.flow())


def flow_of(
    rows: list[Row],
    addresses: tuple[bytes, bytes] = (b"\x0a\0\0\1", b"\x0a\0\0\2"),
    ports: tuple[int, int] = (40000, 443),
    stream: int = 0,
    ended: Ended = Ended.CAPTURE_END,
    watched_until_ns: int | None = None,
) -> Flow:
    """Counters of these rows, as if they were all packets."""

    def last(side: int) -> int | None:
        return max((row[1] for row in rows if row[2] == side), default=None)

    def count(side: int) -> int:
        return sum(row[2] == side for row in rows)

    def payload(side: int) -> int:
        return sum(row[7] for row in rows if row[2] == side)

    newest = max((row[1] for row in rows), default=0)
    return Flow(
        0,
        stream,
        addresses,
        ports,
        min((row[1] for row in rows), default=0),
        newest,
        min((row[0] for row in rows), default=1),
        (count(0), count(1)),
        (payload(0), payload(1)),
        (last(0), last(1)),
        0,
        ended,
        newest if watched_until_ns is None else watched_until_ns,
    )


def read_capture(path: Path) -> list[Captured]:
    """The TCP connections of a capture of Ethernet, raw IP or cooked frames; what dpkt cannot read is left out."""
    flows: dict[frozenset[tuple[bytes, int]], Captured] = {}
    found: list[Captured] = []
    with path.open("rb") as file:
        try:
            reader = dpkt.pcap.UniversalReader(file)
        except ValueError:
            return []
        link = reader.datalink()
        for frame, (time, data) in enumerate(reader, 1):
            for ip in _ip_packets(link, data):
                tcp = ip.data
                source, target = (bytes(ip.src), tcp.sport), (bytes(ip.dst), tcp.dport)
                key = frozenset((source, target))
                captured = flows.get(key)
                is_syn = tcp.flags & (SYN | ACK) == SYN
                if captured is None or (is_syn and not any(r[3] & SYN and r[4] == tcp.seq for r in captured.rows)):
                    captured = flows[key] = Captured(len(found), (source[0], target[0]), (source[1], target[1]))
                    found.append(captured)
                side = 0 if source == (captured.addresses[0], captured.ports[0]) else 1
                length = _payload_length(ip, tcp)
                payload = bytes(tcp.data)[:length]
                captured.rows.append(
                    (
                        frame,
                        round(time * 1_000_000) * 1000,
                        side,
                        tcp.flags & 0xFF,
                        tcp.seq,
                        tcp.ack,
                        tcp.win,
                        length,
                        payload,
                        ip.ttl if isinstance(ip, dpkt.ip.IP) else ip.hlim,
                        ip.id if isinstance(ip, dpkt.ip.IP) else 0,
                        options_for(tcp.flags, length, bytes(tcp.opts)),
                    )
                )
    return found


def _ip_packets(link: int, data: bytes) -> Iterator[dpkt.ip.IP | dpkt.ip6.IP6]:
    try:
        if link == dpkt.pcap.DLT_EN10MB:
            packet = dpkt.ethernet.Ethernet(data).data
        elif link in (12, 14, 101):
            packet = dpkt.ip6.IP6(data) if data[:1] and data[0] >> 4 == 6 else dpkt.ip.IP(data)
        elif link == dpkt.pcap.DLT_LINUX_SLL:
            packet = dpkt.sll.SLL(data).data
        elif link == dpkt.pcap.DLT_NULL:
            packet = dpkt.loopback.Loopback(data).data
        else:
            return
    except (dpkt.UnpackError, IndexError, struct.error):
        return
    if isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6) and isinstance(packet.data, dpkt.tcp.TCP):
        yield packet


def _payload_length(ip: dpkt.ip.IP | dpkt.ip6.IP6, tcp: dpkt.tcp.TCP) -> int:
    size = ip.len - ip.hl * 4 if isinstance(ip, dpkt.ip.IP) else ip.plen
    return max(size - tcp.off * 4, 0) if size else len(tcp.data)


class Talk:
    """A hand-made conversation: every call is one packet, 1 ms after the last."""

    def __init__(self, *, client_isn: int = 1000, server_isn: int = 5000, mss: int = 1460) -> None:
        self.rows: list[Row] = []
        self.next = [client_isn, server_isn]
        self.time_ns = 1_700_000_000_000_000_000
        self.mss = mss

    def packet(
        self,
        side: int,
        flags: int,
        payload: bytes = b"",
        *,
        seq: int | None = None,
        ack: int | None = None,
        after_ms: float = 1,
        ttl: int = 64,
        ip_id: int | None = None,
        window: int = 8192,
        length: int | None = None,
        options: bytes = b"",
    ) -> Row:
        self.time_ns += int(after_ms * MS)
        number = len(self.rows) + 1
        row = (
            number,
            self.time_ns,
            side,
            flags,
            (self.next[side] if seq is None else seq) & 0xFFFFFFFF,
            (self.next[1 - side] if ack is None else ack) & 0xFFFFFFFF if flags & ACK else 0,
            window,
            len(payload) if length is None else length,
            payload,
            ttl,
            number if ip_id is None else ip_id,
            options,
        )
        self.rows.append(row)
        if seq is None and not flags & RST:
            self.next[side] += row[7] + bool(flags & SYN) + bool(flags & FIN)
        return row

    def connect(self) -> Talk:
        mss = bytes((2, 4)) + self.mss.to_bytes(2, "big")
        self.packet(CLIENT, SYN, options=mss)
        self.packet(SERVER, SYN | ACK, options=mss)
        self.packet(CLIENT, ACK)
        return self

    def send(self, side: int, data: bytes, **how: object) -> Talk:
        """Data, cut into full segments."""
        for at in range(0, len(data), self.mss):
            self.packet(side, ACK | PSH, data[at : at + self.mss], **how)  # type: ignore[arg-type]  # passed on as given
        return self

    def ack(self, side: int) -> Talk:
        self.packet(side, ACK)
        return self

    def close(self, side: int) -> Talk:
        self.packet(side, FIN | ACK)
        return self

    def session(self, *, watched_ms: float = 0, ended: Ended = Ended.CAPTURE_END) -> Session:
        connection = Connection()
        connection.feed(self.rows)
        return connection.finish(self.flow(watched_ms=watched_ms, ended=ended))

    def flow(self, *, watched_ms: float = 0, ended: Ended = Ended.CAPTURE_END) -> Flow:
        return flow_of(self.rows, ended=ended, watched_until_ns=self.time_ns + int(watched_ms * MS))
