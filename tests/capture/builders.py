"""Captures made in memory, in every variant the readers know."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.files import FileCapture
from capanalyzer.capture.opening import examine_stream
from capanalyzer.capture.records import Capture, CaptureInfo
from capanalyzer.errors import CaptureError


@dataclass(frozen=True)
class Packet:
    """What a record holds."""

    time_ns: int
    data: bytes
    original: int


@dataclass
class Read:
    """What a capture gave."""

    packets: list[Packet]
    links: list[int]
    frames: list[int]
    info: CaptureInfo


def read_bytes(data: bytes, batch_bytes: int = 1 << 20) -> Read:
    """Everything that the readers find in ``data``."""
    return read(FileCapture(examine_stream("test", io.BytesIO(data), owned=False), batch_bytes))


def read(capture: Capture | CaptureError) -> Read:
    assert not isinstance(capture, CaptureError)
    packets, links, frames = [], [], []
    for batch in capture.batches():
        assert len(batch) > 0
        assert len({len(c) for c in (batch.offset, batch.captured, batch.original, batch.time_ns, batch.link)}) == 1
        assert (batch.offset >= 0).all()
        assert (batch.captured >= 0).all()
        assert (batch.offset + batch.captured <= len(batch.data)).all()
        assert (batch.original >= batch.captured).all()
        columns: list[NDArray[Any]] = [batch.offset, batch.captured, batch.original, batch.time_ns, batch.link]
        assert [column.dtype for column in columns] == [np.int64] * 4 + [np.uint16]
        rows = zip(
            batch.offset.tolist(), batch.captured.tolist(), batch.original.tolist(), batch.time_ns.tolist(), strict=True
        )
        packets += [Packet(t, batch.data[o : o + c].tobytes(), n) for o, c, n, t in rows]
        links += batch.link.tolist()
        frames += list(range(batch.first_frame, batch.first_frame + len(batch)))
    return Read(packets, links, frames, capture.info)


def pcap(
    packets: list[Packet],
    *,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    version: tuple[int, int] = (2, 4),
    network: int = 1,
    snaplen: int = 262144,
    extra: bytes = b"",
    after_header: bytes = b"",
    nanoseconds: bool = False,
    swap_lengths: bool = False,
) -> bytes:
    """A classic pcap file; ``extra`` follows each record header."""
    out = [struct.pack(f"{order}I2HiIII", magic, *version, 0, 0, snaplen, network), after_header]
    for packet in packets:
        seconds, rest = divmod(packet.time_ns, 10**9)
        lengths = (len(packet.data), packet.original)
        out.append(
            struct.pack(
                f"{order}4I",
                seconds,
                rest if nanoseconds else rest // 1000,
                *(reversed(lengths) if swap_lengths else lengths),
            )
        )
        out += [extra, packet.data]
    return b"".join(out)


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(f"{order}2H", code, len(value)) + value + bytes(-len(value) % 4)


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(f"{order}2I", kind, size) + body + struct.pack(f"{order}I", size)


def section(order: str = "<", options: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(f"{order}I2Hq", 0x1A2B3C4D, *version, -1) + options)


def interface(order: str = "<", link: int = 1, snaplen: int = 0, options: bytes = b"") -> bytes:
    return block(order, 1, struct.pack(f"{order}2HI", link, 0, snaplen) + options)


def epb(order: str, stamp: int, data: bytes, original: int, number: int = 0, options: bytes = b"") -> bytes:
    head = struct.pack(f"{order}5I", number, stamp >> 32, stamp & 0xFFFFFFFF, len(data), original)
    return block(order, 6, head + data + bytes(-len(data) % 4) + options)


def pcapng(packets: list[Packet], order: str = "<") -> bytes:
    """One section, one interface with nanoseconds, Enhanced Packet Blocks."""
    ns = option(order, 9, b"\x09") + option(order, 0, b"")
    return (
        section(order)
        + interface(order, options=ns)
        + b"".join(epb(order, packet.time_ns, packet.data, packet.original) for packet in packets)
    )


def snoop(packets: list[Packet], *, network: int = 4, pad: int = 0, drops: int = 0) -> bytes:
    """A snoop file, RFC 1761."""
    out = [b"snoop\0\0\0" + struct.pack(">2I", 2, network)]
    for packet in packets:
        seconds, rest = divmod(packet.time_ns, 10**9)
        size = 24 + len(packet.data) + (-len(packet.data) % 4) + pad
        head = struct.pack(">6I", packet.original, len(packet.data), size, drops, seconds, rest // 1000)
        out += [head, packet.data, bytes(size - 24 - len(packet.data))]
    return b"".join(out)


def many(
    count: int, *, start_ns: int = 1_700_000_000_000_000_000, seed: int = 1, step_ns: int = 40_000
) -> list[Packet]:
    """Packets of usual sizes, microsecond times."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([0, 60, 66, 74, 200, 517, 1514], size=count).tolist()
    payload = rng.integers(0, 256, 4096, dtype=np.uint8).tobytes()
    return [
        Packet(start_ns + index * step_ns, payload[index % 97 :][:size], size + (index % 5 == 0))
        for index, size in enumerate(sizes)
    ]


def only_error(error: object) -> CaptureError:
    assert isinstance(error, CaptureError)
    assert "\n" not in str(error)
    return error
