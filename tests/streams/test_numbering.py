"""Streams are numbered as Wireshark numbers ``tcp.stream``, and in the same way however the capture is cut."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from capanalyzer.streams.flow import Flow, Row
from capanalyzer.streams.tracker import Tracker

from .segments import Segment, packet_table, pcap_file

SYN, SYN_ACK, ACK, PSH_ACK, FIN_ACK, RST, RST_ACK = 0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14


class Recorder:
    """Stands where a connection would: keeps what the tracker hands over."""

    settled = False
    silent = False
    wanted = (20_000, 20_000)

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def feed(self, rows: Sequence[Row]) -> None:
        self.rows += rows

    def finish(self, flow: Flow) -> tuple[Flow, list[Row]]:
        return flow, self.rows


def track(segments: Sequence[Segment], *, batch: int | None = None) -> list[tuple[Flow, list[Row]]]:
    tracker = Tracker(Recorder, seed=1)
    flows: list[tuple[Flow, list[Row]]] = []
    size = batch or len(segments)
    for start in range(0, len(segments), size):
        part = segments[start : start + size]
        flows += tracker.feed(packet_table(part, first_frame=start + 1), start + len(part))
    return sorted([*flows, *tracker.finish()], key=lambda pair: pair[0].stream)


def stream_of_each(flows: Sequence[tuple[Flow, list[Row]]]) -> list[int]:
    """Stream number by frame."""
    number = {row[0]: flow.stream for flow, rows in flows for row in rows}
    return [number[frame] for frame in sorted(number)]


def random_segments(seed: int, count: int = 300) -> list[Segment]:
    """Few ports, few sequence numbers, all flags: full of retransmitted SYNs and reused ports."""
    rnd = random.Random(seed)
    kinds = [SYN, SYN, SYN, SYN_ACK, ACK, ACK, PSH_ACK, PSH_ACK, FIN_ACK, RST, RST_ACK]
    segments = []
    for at in range(count):
        flags = rnd.choice(kinds)
        segments.append(
            Segment(
                sender=rnd.randrange(2),
                port=40_000 + rnd.randrange(12),
                flags=flags,
                seq=rnd.choice([100, 101, 200, 201, 300]),
                ack=rnd.choice([0, 101, 201, 301]) if flags & ACK else 0,
                payload=b"" if flags & SYN else b"x" * rnd.choice([0, 0, 1, 5]),
                time_ns=at * 1_000_000,
            )
        )
    return segments


@pytest.mark.parametrize("seed", range(8))
def test_numbers_equal_tshark(seed: int, tshark: str, tmp_path: Path) -> None:
    segments = random_segments(seed)
    path = tmp_path / "random.pcap"
    path.write_bytes(pcap_file(segments))
    said = subprocess.run(
        [tshark, "-n", "-r", path, "-T", "fields", "-e", "tcp.stream"], capture_output=True, text=True, check=True
    )
    assert stream_of_each(track(segments)) == [int(line) for line in said.stdout.split()]


@pytest.mark.parametrize("batch", [1, 7, 64])
@pytest.mark.parametrize("seed", range(8))
def test_batch_size_changes_nothing(seed: int, batch: int) -> None:
    segments = random_segments(seed)
    whole, pieces = track(segments), track(segments, batch=batch)
    assert stream_of_each(whole) == stream_of_each(pieces)
    assert [flow for flow, _ in whole] == [flow for flow, _ in pieces]


def test_counters_are_per_side() -> None:
    segments = [
        Segment(0, 40000, SYN, 100, time_ns=10),
        Segment(1, 40000, SYN_ACK, 500, 101, time_ns=20),
        Segment(0, 40000, PSH_ACK, 101, 501, b"hello", time_ns=30),
        Segment(0, 40000, PSH_ACK, 101, 501, b"hello", time_ns=40),
        Segment(1, 40000, ACK, 501, 106, time_ns=50),
    ]
    [(flow, rows)] = track(segments)
    assert flow.packets == (3, 2)
    assert flow.payload_bytes == (10, 0)
    assert (flow.first_ns, flow.last_ns, flow.last_side_ns) == (10, 50, (40, 50))
    assert flow.addresses == (bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
    assert flow.ports == (40000, 443)
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[2][8] == b"hello"


def test_flow_that_left_opens_no_session_for_a_late_packet() -> None:
    frames = 70_000
    quiet = [Segment(0, 40000, SYN, 1), Segment(1, 40000, RST_ACK, 0, 2)]
    other = [Segment(0, 50000, ACK, 1, 1, time_ns=10**10 + at) for at in range(frames)]
    late = [Segment(0, 40000, ACK, 2, 1, time_ns=2 * 10**10), Segment(0, 40000, SYN, 9, time_ns=3 * 10**10)]
    flows = track([*quiet, *other, *late], batch=10_000)
    assert [(flow.stream, flow.ports[0], sum(flow.packets)) for flow, _ in flows] == [
        (0, 40000, 2),
        (1, 50000, frames),
        (2, 40000, 1),
    ]
