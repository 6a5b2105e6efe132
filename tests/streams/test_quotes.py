"""Segments quoted in ICMP errors are numbered as Wireshark numbers them, and are no segments otherwise."""

from __future__ import annotations

import random
import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6

from capanalyzer.packets.decode import Decoder
from capanalyzer.packets.table import EXTRA
from capanalyzer.streams.flow import Flow, Row
from capanalyzer.streams.quotes import with_quotes
from capanalyzer.streams.tracker import Tracker
from tests.packets.tiny_capture import make_batch

from .segments import Segment, packet_table, pcap_file
from .test_numbering import Recorder, random_segments

SYN, SYN_ACK, ACK, RST_ACK = 0x02, 0x12, 0x10, 0x14
SECOND = 1_000_000_000


def track(segments: list[Segment], quoted: set[int], batch: int = 10**9) -> tuple[list[tuple[Flow, list[Row]]], int]:
    """Flows by number, and how many numbers were given."""
    tracker: Tracker[tuple[Flow, list[Row]]] = Tracker(Recorder, seed=1)
    flows: list[tuple[Flow, list[Row]]] = []
    for start in range(0, len(segments), batch):
        part = segments[start : start + batch]
        here = {at - start for at in quoted}
        flows += tracker.feed(packet_table(part, first_frame=start + 1, quoted=here), start + len(part))
    flows += tracker.finish()
    return sorted(flows, key=lambda pair: pair[0].stream), tracker.streams


def some_quoted(seed: int) -> tuple[list[Segment], set[int]]:
    segments = random_segments(seed)
    dice = random.Random(seed)
    return segments, {at for at in range(len(segments)) if dice.random() < 0.25}


@pytest.mark.parametrize("seed", range(12))
def test_numbers_equal_tshark(seed: int, tshark: str, tmp_path: Path) -> None:
    segments, quoted = some_quoted(seed)
    path = tmp_path / "random.pcap"
    path.write_bytes(pcap_file(segments, quoted))
    command = [tshark, "-n", "-r", str(path), "-T", "fields", "-e", "tcp.stream"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = [int(line) for line in said.stdout.split()]
    flows, count = track(segments, quoted)
    ours = {row[0] - 1: flow.stream for flow, rows in flows for row in rows}
    assert ours == {at: number for at, number in enumerate(theirs) if at not in quoted}
    assert count == max(theirs) + 1


@pytest.mark.parametrize("batch", [1, 7, 64])
@pytest.mark.parametrize("seed", range(6))
def test_batch_size_changes_nothing(seed: int, batch: int) -> None:
    segments, quoted = some_quoted(seed)
    assert track(segments, quoted) == track(segments, quoted, batch)


@pytest.mark.parametrize("batch", [10**9, 1])
def test_a_connection_that_is_only_quoted_takes_a_number_and_makes_no_session(batch: int) -> None:
    segments = [Segment(0, 40_000, SYN, 1), Segment(0, 40_001, SYN, 1)]
    [(flow, _)], count = track(segments, {0}, batch)
    assert (flow.stream, flow.ports[0], flow.icmp, count) == (1, 40_001, (), 2)


@pytest.mark.parametrize("batch", [10**9, 1])
def test_it_begins_with_its_first_captured_segment(batch: int) -> None:
    """Who sent that is the first side, whoever sent what was quoted."""
    segments = [
        Segment(0, 40_000, SYN, 1, time_ns=1 * SECOND),
        Segment(1, 40_000, SYN_ACK, 9, 2, time_ns=2 * SECOND),
        Segment(0, 40_000, ACK, 2, 10, time_ns=3 * SECOND),
    ]
    [(flow, rows)], count = track(segments, {0}, batch)
    assert count == 1
    assert (flow.stream, flow.first_frame, flow.first_ns) == (0, 2, 2 * SECOND)
    assert (flow.ports, flow.addresses[0]) == ((443, 40_000), bytes([10, 0, 0, 2]))
    assert (flow.packets, flow.last_side_ns) == ((1, 1), (2 * SECOND, 3 * SECOND))
    assert [row[2] for row in rows] == [0, 1]
    assert [error.frame for error in flow.icmp] == [1]


@pytest.mark.parametrize("batch", [10**9, 1])
def test_a_quoted_syn_of_another_attempt_ends_the_one_before(batch: int) -> None:
    segments = [
        Segment(0, 40_000, SYN, 1, time_ns=1),
        Segment(0, 40_000, SYN, 7, time_ns=2),
        Segment(0, 40_000, ACK, 8, 1, time_ns=3),
    ]
    (first, _), (second, rows) = track(segments, {1}, batch)[0]
    assert (first.stream, first.packets, first.icmp) == (0, (1, 0), ())
    assert (second.stream, second.first_frame, len(second.icmp)) == (1, 3, 1)
    assert [row[0] for row in rows] == [3]


def test_a_late_quote_is_no_late_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capanalyzer.streams.tracker.CHECKPOINT_FRAMES", 1)
    segments = [
        Segment(0, 40_000, SYN, 1),
        Segment(1, 40_000, RST_ACK, 0, 2),
        Segment(0, 50_000, SYN, 1, time_ns=100 * SECOND),
        Segment(0, 40_000, ACK, 1, 1, time_ns=101 * SECOND),
    ]
    tracker: Tracker[tuple[Flow, list[Row]]] = Tracker(Recorder, seed=1)
    left = list(tracker.feed(packet_table(segments, quoted={3}), 4))
    assert [flow.stream for flow, _ in left] == [0]
    assert tracker.notes == {}
    assert [flow.stream for flow, _ in tracker.finish()] == [1]


def test_a_connection_that_is_only_quoted_leaves_when_it_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capanalyzer.streams.tracker.CHECKPOINT_FRAMES", 1)
    segments = [Segment(0, 40_000, SYN, 1), Segment(0, 50_000, SYN, 1, time_ns=601 * SECOND)]
    tracker: Tracker[tuple[Flow, list[Row]]] = Tracker(Recorder, seed=1)
    assert list(tracker.feed(packet_table(segments, quoted={0}), 2)) == []
    again = packet_table([Segment(0, 40_000, SYN, 1, time_ns=602 * SECOND)], first_frame=3)
    assert list(tracker.feed(again, 3)) == []
    assert [flow.stream for flow, _ in tracker.finish()] == [1, 2]


def test_tables_without_errors_stay_as_they_are() -> None:
    table = packet_table([Segment(0, 40_000, SYN, 1)])
    same, from_error = with_quotes(table)
    assert same is table
    assert len(from_error) == 0


def test_rows_of_quotes_stand_at_their_frames_with_their_addresses() -> None:
    segments = [Segment(0, 40_000, SYN, 1), Segment(1, 40_001, ACK, 5), Segment(0, 40_002, SYN, 3)]
    table, from_error = with_quotes(packet_table(segments, quoted={1}))
    assert from_error.tolist() == [-1, 0, -1]
    assert table.frame.tolist() == [1, 2, 3]
    assert table.source_port.tolist() == [40_000, 443, 40_002]
    assert table.address_at[1] == EXTRA
    assert table.extra == bytes([10, 0, 0, 2, 10, 0, 0, 1])


def test_quotes_of_ipv6() -> None:
    """Decoded from packets: the flow that was quoted first is the one whose segments come later."""
    one, other = IPv6(src="2001:db8::1", dst="2001:db8::2"), IPv6(src="2001:db8::f", dst="2001:db8::1")
    syn, again = TCP(sport=40_000, dport=443, seq=77, flags="S"), TCP(sport=40_001, dport=443, seq=5, flags="S")
    packets = [bytes(packet) for packet in (other / ICMPv6DestUnreach() / one / syn, one / again, one / syn)]
    batch = make_batch([(at * SECOND, 101, len(packet), packet) for at, packet in enumerate(packets)], 1)
    tracker: Tracker[tuple[Flow, list[Row]]] = Tracker(Recorder, seed=1)
    flows = [*tracker.feed(Decoder(seed=1).decode(batch), 3), *tracker.finish()]
    found = [(flow.stream, flow.first_frame, flow.ports[0], len(flow.icmp)) for flow, _ in flows]
    assert found == [(0, 3, 40_000, 1), (1, 2, 40_001, 0)]
    assert flows[0][0].addresses == tuple(ip_address(f"2001:db8::{number}").packed for number in (1, 2))
