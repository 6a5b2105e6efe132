"""Long connections: a beginning (a real handshake, or another protocol's first words), then bulk data.

The data of a connection is cut from a shared pool that wraps around: TLS application records of full size,
random bytes, or text. A packet is an 82-byte header made with numpy and a slice of the pool.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.handshakes import RealSession
from benchmark.script import Dialogue, opening
from benchmark.stamp import Connections, Template, stamp

__all__ = ["bulk_capture", "mixed_capture"]

SEGMENT = 1428
HEADER = 16 + 14 + 20 + 32
"""Record header, Ethernet, IPv4, TCP with time stamps."""
TLS_RECORD = 5 + 16_384 + 17
POOL_RECORDS = 700
Secrets = Callable[[RealSession], dict[str, bytes]]
Ints = NDArray[np.int64]


class Pool(NamedTuple):
    data: memoryview
    period: int
    """Offsets wrap here; the data goes on for one segment more."""


def _tls_pool(random: np.random.Generator) -> Pool:
    body = random.integers(0, 256, (POOL_RECORDS, TLS_RECORD), np.uint8)
    body[:, :5] = np.frombuffer(struct.pack("!BHH", 23, 0x0303, TLS_RECORD - 5), np.uint8)
    raw = body.tobytes()
    return Pool(memoryview(raw + raw[:SEGMENT]), len(raw))


def _random_pool(random: np.random.Generator) -> Pool:
    raw = random.integers(0, 256, 4 << 20, np.uint8).tobytes()
    return Pool(memoryview(raw + raw[:SEGMENT]), len(raw))


def _text_pool(random: np.random.Generator) -> Pool:
    words = [b"lorem", b"ipsum", b"dolor", b"sit", b"<p>", b"</p>", b"amet,", b"200", b"\r\n", b"the", b"of", b"and"]
    raw = b" ".join(words[index] for index in random.integers(0, len(words), 400_000).tolist())
    return Pool(memoryview(raw + raw[:SEGMENT]), len(raw))


def bulk_capture(
    out: IO[bytes], played: list[tuple[RealSession, RealSession]], epoch_s: int, header: bytes, secrets: Secrets
) -> None:
    """300 TLS connections, 1.2 million packets, 1.1 GB."""
    random = np.random.default_rng(2)
    pools = [_tls_pool(random)]
    talks = [
        (opening(played[number][number % 2]), secrets(played[number][number % 2]), 443, 0) for number in range(300)
    ]
    _write(out, talks, pools, random, epoch_s, header, bursts=92_000, sizes=(SEGMENT, SEGMENT))


def mixed_capture(
    out: IO[bytes], played: list[tuple[RealSession, RealSession]], epoch_s: int, header: bytes, secrets: Secrets
) -> None:
    """2,000 connections, 40 % of them TLS (some on odd ports), 1 million packets."""
    random = np.random.default_rng(3)
    pools = [_tls_pool(random), _random_pool(random), _text_pool(random)]
    talks: list[tuple[Dialogue, dict[str, bytes], int, int]] = []
    for number in range(2_000):
        kind = number % 10
        if kind < 4:
            session = played[number % len(played)][number % 2]
            talks.append((opening(session), secrets(session), 443 if kind else 9_000 + number % 7, 0))
        else:
            words, port, pool = FIRST_WORDS[(number // 10 + kind) % len(FIRST_WORDS)]
            talk = Dialogue()
            talk.connect()
            for side, data in words:
                talk.say(side, data or random.integers(0, 256, 300, np.uint8).tobytes())
            talks.append((talk, {}, port, pool))
    _write(out, talks, pools, random, epoch_s, header, bursts=75_500, sizes=(80, SEGMENT))


FIRST_WORDS: list[tuple[list[tuple[int, bytes]], int, int]] = [
    ([(0, b"GET /index.html HTTP/1.1\r\nHost: plain.example.test\r\nAccept: */*\r\n\r\n"),
      (1, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")], 80, 2),
    ([(0, b"POST /upload HTTP/1.1\r\nHost: api.example.test\r\nContent-Length: 99999999\r\n\r\n"),
      (1, b"HTTP/1.1 100 Continue\r\n\r\n")], 8080, 1),
    ([(1, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), (0, b"SSH-2.0-OpenSSH_9.6\r\n"),
      (0, struct.pack("!IBB", 1020, 4, 20) + bytes(range(256)) * 4)], 22, 1),
    ([(1, b"220 mail.example.test ESMTP\r\n"), (0, b"EHLO client.example.test\r\n"),
      (1, b"250-mail.example.test\r\n250 SIZE 52428800\r\n"), (0, b"MAIL FROM:<a@example.test>\r\n"),
      (1, b"250 OK\r\n")], 25, 2),
    ([(0, b""), (1, b"")], 7_777, 1),
    ([(1, b"* OK IMAP4rev1 ready\r\n"), (0, b"a1 LOGIN a b\r\n"), (1, b"a1 OK\r\n")], 143, 2),
    ([(0, b"*1\r\n$4\r\nPING\r\n"), (1, b"+PONG\r\n")], 6379, 1),
    ([(1, b"\x4a\0\0\0\x0a8.0.36\0" + bytes(66)), (0, b"\x20\0\0\1" + bytes(32))], 3306, 1),
]  # fmt: skip
"""(who says what first, port, pool of the data after it); empty bytes stand for random ones."""


class _Flow(NamedTuple):
    client: NDArray[np.uint8]
    server: NDArray[np.uint8]
    client_port: int
    server_port: int
    seq: tuple[int, int]
    begins_us: int


def _write(
    out: IO[bytes],
    talks: list[tuple[Dialogue, dict[str, bytes], int, int]],
    pools: list[Pool],
    random: np.random.Generator,
    epoch_s: int,
    header: bytes,
    *,
    bursts: int,
    sizes: tuple[int, int],
) -> None:
    """Beginnings first come, first served over a minute; the bulk goes on around them."""
    count, span_us = len(talks), 60_000_000
    out.write(header)
    begin_us = np.sort(random.integers(0, span_us // 2, count))
    heads: list[tuple[int, memoryview]] = []
    flows = []
    for number, (talk, secrets, port, _) in enumerate(talks):
        template = Template(talk.steps, ipv6=False, server_port=port, secrets=secrets)
        client = np.array([[10, 1, number // 250, number % 250 + 1]], np.uint8)
        server = np.array([[198, 19, number % 40, number % 7 + 1]], np.uint8)
        one = np.array([number])
        start = np.array([epoch_s + begin_us[number] / 1e6])
        who = Connections(start, np.array([0.02]), np.array([0.1]), client, 30_000 + one, server, one)
        block = stamp(template, who, random)
        view = memoryview(block.data)
        heads += [
            (time, view[start:end])
            for time, start, end in zip(block.time_us.tolist(), block.start.tolist(), block.end.tolist(), strict=True)
        ]
        seq = [0, 0]
        for step, start in zip(talk.steps, block.start.tolist(), strict=True):
            at = start + 16 + 14 + 24
            seq[step.side] = int.from_bytes(view[at : at + 4], "big") + len(step.payload) + bool(step.flags & 2)
        flows.append(_Flow(client[0], server[0], 30_000 + number, port, (seq[0], seq[1]), int(block.time_us[-1])))
    _bulk(out, heads, flows, [pools[talk[3]] for talk in talks], random, bursts, sizes, epoch_s, span_us)


def _bulk(
    out: IO[bytes],
    heads: list[tuple[int, memoryview]],
    flows: list[_Flow],
    pools: list[Pool],
    random: np.random.Generator,
    bursts: int,
    sizes: tuple[int, int],
    epoch_s: int,
    span_us: int,
) -> None:
    """Bursts of eight data packets from the server (a tenth from the client) with five ACKs between them."""
    pattern = np.array([1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 0], bool)
    width = len(pattern)
    chosen = random.integers(0, len(flows), bursts)
    begins = np.array([one.begins_us for one in flows])[chosen] + 1
    when = begins + ((epoch_s * 1_000_000 + span_us - begins) * random.random(bursts)).astype(np.int64)
    flow = np.repeat(chosen, width)
    upward = np.repeat(random.random(bursts) < 0.1, width)
    data = np.tile(pattern, bursts)
    total = len(flow)
    time_us = np.repeat(when, width) + np.tile(np.arange(width) * 9, bursts)
    order = np.argsort(time_us, kind="stable")
    flow, upward, data, time_us = flow[order], upward[order], data[order], time_us[order]
    low, high = sizes
    size = np.where(data, random.integers(low, high + 1, total), 0)
    from_client = upward == data  # a data packet of an upward burst, or an ACK of a downward one
    sent = np.stack([np.where(from_client, size, 0), np.where(from_client, 0, size)])
    by_flow = np.argsort(flow, kind="stable")
    running = np.cumsum(sent[:, by_flow], axis=1)
    first = np.searchsorted(flow[by_flow], np.arange(len(flows)))
    before = np.where(first > 0, running[:, np.maximum(first, 1) - 1], 0)
    until = np.empty((2, total), np.int64)
    until[:, by_flow] = running - before[:, flow[by_flow]]
    base = np.array([one.seq for one in flows]).T[:, flow]
    side = np.where(from_client, 0, 1)
    index = np.arange(total)
    own, other = until[side, index] - size, until[1 - side, index]
    headers = _headers(
        flows, flow, from_client, data, size, base[side, index] + own, base[1 - side, index] + other, time_us
    )
    period = np.array([pool.period for pool in pools])[flow]
    offset = (own + (flow * TLS_RECORD * 7)) % period
    _merge(out, heads, headers, pools, flow, offset, size, time_us)


def _headers(
    flows: list[_Flow],
    flow: Ints,
    from_client: NDArray[np.bool_],
    data: NDArray[np.bool_],
    size: Ints,
    seq: Ints,
    ack: Ints,
    time_us: Ints,
) -> memoryview:
    total = len(flow)
    rows = np.zeros((total, HEADER), np.uint8)

    def put(at: int, kind: str, values: Ints | NDArray[np.uint8]) -> None:
        made = np.ascontiguousarray(values.astype(kind)).view(np.uint8).reshape(total, -1)
        rows[:, at : at + made.shape[1]] = made

    wire = size + HEADER - 16
    put(0, "<u4", time_us // 1_000_000)
    put(4, "<u4", time_us % 1_000_000)
    put(8, "<u4", wire)
    put(12, "<u4", wire)
    rows[:, 16] = rows[:, 22] = 2
    rows[:, 21], rows[:, 27] = np.where(from_client, 20, 10), np.where(from_client, 10, 20)
    rows[:, 28] = 8
    rows[:, 30] = 0x45
    put(32, ">u2", wire - 14)
    identity = np.arange(total) & 0xFFFF
    put(34, ">u2", identity)
    rows[:, 36], rows[:, 38], rows[:, 39] = 0x40, 64, 6
    clients = np.array([one.client for one in flows])[flow]
    servers = np.array([one.server for one in flows])[flow]
    rows[:, 42:46] = np.where(from_client[:, None], clients, servers)
    rows[:, 46:50] = np.where(from_client[:, None], servers, clients)
    words = np.ascontiguousarray(rows[:, 30:50]).view(">u2").astype(np.int64).sum(axis=1)
    words = (words & 0xFFFF) + (words >> 16)
    put(40, ">u2", 0xFFFF - ((words & 0xFFFF) + (words >> 16)))
    client_port = np.array([one.client_port for one in flows])[flow]
    server_port = np.array([one.server_port for one in flows])[flow]
    put(50, ">u2", np.where(from_client, client_port, server_port))
    put(52, ">u2", np.where(from_client, server_port, client_port))
    put(54, ">u4", seq & 0xFFFFFFFF)
    put(58, ">u4", ack & 0xFFFFFFFF)
    rows[:, 62], rows[:, 63] = 0x80, np.where(data, 0x18, 0x10)
    put(64, ">u2", np.full(total, 501))
    rows[:, 70:74] = np.frombuffer(bytes.fromhex("0101080a"), np.uint8)
    put(74, ">u4", (time_us // 1000) & 0xFFFFFFFF)
    return memoryview(rows.tobytes())


def _merge(
    out: IO[bytes],
    heads: list[tuple[int, memoryview]],
    headers: memoryview,
    pools: list[Pool],
    flow: Ints,
    offset: Ints,
    size: Ints,
    time_us: Ints,
) -> None:
    """Write beginnings and bulk in time order."""
    heads.sort(key=lambda head: head[0])
    places = np.searchsorted(time_us, [head[0] for head in heads]).tolist()
    at = 0
    views = [pool.data for pool in pools]
    step = 50_000
    stops = sorted({*places, *range(0, len(flow), step), len(flow)})
    waiting = list(zip(places, heads, strict=True))[::-1]
    for stop in stops:
        pieces: list[memoryview] = []
        for number, which, begin, length in zip(
            range(at, stop), flow[at:stop].tolist(), offset[at:stop].tolist(), size[at:stop].tolist(), strict=True
        ):
            pieces.append(headers[number * HEADER : (number + 1) * HEADER])
            if length:
                pieces.append(views[which][begin : begin + length])
        while waiting and waiting[-1][0] == stop:
            pieces.append(waiting.pop()[1][1])
        out.write(b"".join(pieces))
        at = stop
