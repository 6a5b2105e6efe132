"""What leaves the tracker: the rows that matter and no others, caps that hold and are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from capanalyzer.packets.table import IcmpError
from capanalyzer.streams import cap
from capanalyzer.streams import tracker as tracker_module
from capanalyzer.streams.flow import Ended, Flow, Row
from capanalyzer.streams.live import WANTED_BYTES
from capanalyzer.streams.notes import describe_tracker_note
from capanalyzer.streams.tracker import Tracker

from .segments import Segment, ends, packet_table

SYN, SYN_ACK, ACK, PSH_ACK, FIN_ACK, RST_ACK = 0x02, 0x12, 0x10, 0x18, 0x11, 0x14
SECOND = 10**9


class Recorder:
    """Stands where a connection would; settles after ``settle_after`` rows, wants ``grow`` once asked."""

    settle_after = 10**9
    grow = WANTED_BYTES
    silent = False

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.wanted = (WANTED_BYTES, WANTED_BYTES)

    @property
    def settled(self) -> bool:
        return len(self.rows) >= self.settle_after

    def feed(self, rows: Sequence[Row]) -> None:
        self.rows += rows
        self.wanted = (max(WANTED_BYTES, self.grow), WANTED_BYTES)

    def finish(self, flow: Flow) -> tuple[Flow, list[Row]]:
        return flow, self.rows


def run(
    segments: Sequence[Segment], recorder: type[Recorder] = Recorder, icmp: Sequence[IcmpError] = (), batch: int = 10**9
) -> tuple[list[tuple[Flow, list[Row]]], Tracker[Any]]:
    tracker: Tracker[tuple[Flow, list[Row]]] = Tracker(recorder, seed=1)

    def flows() -> Iterator[tuple[Flow, list[Row]]]:
        for start in range(0, len(segments), batch):
            part = segments[start : start + batch]
            table = packet_table(part, first_frame=start + 1)
            last = start + len(part)
            table.icmp = [error for error in icmp if start < error.frame <= last]
            yield from tracker.feed(table, last)
        yield from tracker.finish()

    return sorted(flows(), key=lambda pair: pair[0].stream), tracker


def stream(count: int, *, size: int = 1000, port: int = 40_000, seq: int = 2**32 - 5_000) -> list[Segment]:
    """A connection whose client sends ``count`` segments, each acknowledged; its sequence numbers wrap."""
    segments = [Segment(0, port, SYN, seq % 2**32), Segment(1, port, SYN_ACK, 500, (seq + 1) % 2**32)]
    for at in range(count):
        start = seq + 1 + at * size
        segments.append(Segment(0, port, PSH_ACK, start % 2**32, 501, bytes([at % 256]) * size))
        segments.append(Segment(1, port, ACK, 501, (start + size) % 2**32))
    for number, segment in enumerate(segments):
        segment.time_ns = number * 1_000_000
    return segments


@pytest.mark.parametrize("batch", [10**9, 16, 3])
def test_payload_within_the_window_leaves_and_no_more(batch: int) -> None:
    [(flow, rows)], _ = run(stream(60), batch=batch)
    data = [row for row in rows if row[7]]
    assert len(data) == WANTED_BYTES // 1000
    assert b"".join(row[8] for row in data) == b"".join(bytes([at]) * 1000 for at in range(20))
    # The acknowledgement that covers the window's end proves that all of it arrived.
    acks = [row for row in rows if row[2] == 1 and not row[7] and not row[3] & 0x02]
    assert len(acks) == 20
    assert flow.packets == (61, 61)
    assert flow.payload_bytes == (60_000, 0)


@pytest.mark.parametrize("batch", [10**9, 16, 3])
def test_a_connection_that_wants_more_gets_it_from_the_same_batch(batch: int) -> None:
    class Greedy(Recorder):
        grow = 45_000

    [(_, rows)], _ = run(stream(60), Greedy, batch=batch)
    got = {row[4]: row[8] for row in rows if row[7]}
    assert len(got) == 45


def test_a_settled_connection_gets_only_syn_fin_and_rst() -> None:
    class Quick(Recorder):
        settle_after = 3

    segments = [*stream(8), Segment(1, 40_000, FIN_ACK, 501, 0), Segment(0, 40_000, RST_ACK, 0, 502)]
    [(flow, rows)], _ = run(segments, Quick, batch=4)
    assert [row[0] for row in rows] == [1, 2, 3, 4, 19, 20]
    assert flow.payload_bytes == (8_000, 0)


@pytest.mark.parametrize("silent", [False, True])
def test_in_one_batch_it_hardly_gets_more(silent: bool) -> None:
    """Of a long group the first segments go ahead; then what closes is left, and alerts that somebody can read."""

    class Quick(Recorder):
        settle_after = 3

    Quick.silent = silent
    alert = Segment(0, 40_000, PSH_ACK, 30_000, 501, bytes(100) + b"\x15\x03\x03\0\x02\x01\0")
    segments = [*stream(10), alert, Segment(1, 40_000, FIN_ACK, 501, 0)]
    [(flow, rows)], _ = run(segments, Quick)
    assert [row[0] for row in rows] == [*range(1, 9), *([] if silent else [23]), 24]
    assert (flow.packets, flow.rows_dropped) == ((12, 12), 0)


@pytest.mark.parametrize("batch", [10**9, 20, 5, 1])
def test_rows_are_capped_but_closes_still_leave(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first rows are looked at, then closes, however the capture is cut into batches."""
    monkeypatch.setattr(cap, "MAX_ROWS", 10)
    monkeypatch.setattr(cap, "MAX_CONTROL_ROWS", 2)
    keep_alives = [Segment(0, 40_000, ACK, 0, 501, b"x") for _ in range(50)]
    resets = [Segment(1, 40_000, RST_ACK, 501, 0)] * 5
    segments = [*stream(1), *keep_alives, *resets]
    [(flow, rows)], tracker = run(segments, batch=batch)
    assert [row[0] for row in rows] == [*range(1, 11), len(segments) - 4, len(segments) - 3]
    assert flow.rows_dropped == len(segments) - len(rows)
    assert "were not looked at" in describe_tracker_note("segments-beyond-cap", tracker.notes["segments-beyond-cap"])


@pytest.mark.parametrize("batch", [10**9, 20, 5, 1])
def test_what_follows_a_settled_handshake_is_not_beyond_the_cap(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it was known to be settled when a segment was chosen depends on the batches, what is told does not."""

    class Quick(Recorder):
        settle_after = 3

    monkeypatch.setattr(cap, "MAX_ROWS", 10)
    [(flow, _)], tracker = run([*stream(20), Segment(1, 40_000, FIN_ACK, 501, 0)], Quick, batch=batch)
    assert flow.rows_dropped == 0
    assert tracker.notes == {}


def test_the_quietest_leave_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_module, "MAX_LIVE", 5)
    monkeypatch.setattr(tracker_module, "CHECKPOINT_FRAMES", 16)
    tracker: Tracker[tuple[Flow, list[Row]]] = Tracker(Recorder, seed=1)
    segments = [Segment(0, 40_000 + at, SYN, 1, time_ns=at) for at in range(16)]
    gone = list(tracker.feed(packet_table(segments), 16))
    assert [(flow.stream, flow.ended) for flow, _ in gone] == [(at, Ended.EVICTED) for at in range(11)]
    left = list(tracker.finish())
    assert [flow.stream for flow, _ in left] == [11, 12, 13, 14, 15]
    assert tracker.notes == {"flows-evicted": 11}


@pytest.mark.parametrize(
    ("close", "quiet_s", "ended"),
    [
        pytest.param([FIN_ACK, FIN_ACK], 6, Ended.CLOSED, id="both FINs, then quiet"),
        pytest.param([FIN_ACK, FIN_ACK], 4, Ended.CAPTURE_END, id="both FINs, not yet quiet for long"),
        pytest.param([FIN_ACK], 6, Ended.CAPTURE_END, id="half closed"),
        pytest.param([FIN_ACK], 601, Ended.IDLE, id="half closed and idle"),
        pytest.param([RST_ACK], 6, Ended.CLOSED, id="reset"),
        pytest.param([], 601, Ended.IDLE, id="idle"),
    ],
)
def test_when_a_flow_is_handed_on(
    close: list[int], quiet_s: int, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker_module, "CHECKPOINT_FRAMES", 1)
    segments = [Segment(0, 40_000, SYN, 1)]
    segments += [Segment(side, 40_000, flags, 2, 1) for side, flags in enumerate(close)]
    # Others go on meanwhile: the capture is still watching.
    others = [time_s for time_s in (250, 500) if time_s < quiet_s]
    segments += [Segment(0, 50_000, ACK, 7, 7, time_ns=time_s * SECOND) for time_s in (*others, quiet_s)]
    flows, _ = run(segments, batch=1)
    assert flows[0][0].ended is ended
    assert flows[0][0].watched_until_ns == quiet_s * SECOND


def test_nobody_watched_while_nothing_was_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of different days joined: the connection was watched to the end of the first."""
    monkeypatch.setattr(tracker_module, "CHECKPOINT_FRAMES", 1)
    segments = [Segment(0, 40_000, SYN, 1), Segment(0, 50_000, ACK, 7, 7, time_ns=2 * SECOND)]
    segments.append(Segment(0, 50_000, ACK, 8, 7, time_ns=86_400 * SECOND))
    flows, _ = run(segments, batch=1)
    assert flows[0][0].ended is Ended.IDLE
    assert flows[0][0].watched_until_ns == 2 * SECOND


def test_icmp_errors_are_tied_to_the_flow_they_quote() -> None:
    segments = [Segment(0, 40_000, SYN, 1), Segment(0, 40_001, SYN, 1)]

    def value(address: bytes, port: int) -> int:
        return int.from_bytes(address, "big") << 16 | port

    (source, destination) = (value(*end) for end in ends(segments[1]))
    error = IcmpError(2, 5, 4, 3, 13, 0, bytes([10, 0, 0, 9]), source, destination, 1)
    stray = error._replace(quoted_source=99)
    flows, _ = run(segments, icmp=[error, stray])
    assert [flow.icmp for flow, _ in flows] == [(), (error,)]


def test_ipv6_segments_with_the_endpoint_values_of_others_are_left_out() -> None:
    """Endpoint values of IPv6 are hashes; the addresses decide."""
    addresses = [bytes(range(at, at + 16)) for at in (1, 2, 3)]
    pairs = [(0, 1), (1, 0), (2, 1), (1, 2), (0, 1)]
    table = packet_table([Segment(1 if a == 1 else 0, 40_000, ACK, 1, 1) for a, _ in pairs])
    table.data = np.frombuffer(b"".join(addresses[a] + addresses[b] for a, b in pairs), np.uint8)
    table.address_at = np.arange(len(pairs), dtype=np.int64) * 32
    table.is_v6[:] = True
    tracker: Tracker[tuple[Flow, list[Row]]] = Tracker(Recorder, seed=1)
    list(tracker.feed(table, len(pairs)))
    [(flow, rows)] = tracker.finish()
    assert flow.addresses == (addresses[0], addresses[1])
    assert [row[0] for row in rows] == [1, 2, 5]
    assert tracker.notes == {"endpoint-collisions": 2}


@pytest.mark.parametrize("batch", [10**9, 1])
def test_a_side_is_looked_at_from_its_first_segment_where_the_capture_misses_what_was_acknowledged(batch: int) -> None:
    """Captured from the middle and with holes: the acknowledgement told of a byte far before what is there."""
    segments = [
        Segment(0, 40_000, PSH_ACK, 1, 1_000, b"ask"),
        Segment(1, 40_000, PSH_ACK, 1_000 + 400_000, 4, b"answer"),
        Segment(1, 40_000, PSH_ACK, 1_006 + 400_000 + WANTED_BYTES, 4, b"beyond"),
    ]
    [(_, rows)], _ = run(segments, batch=batch)
    assert [row[8] for row in rows if row[7]] == [b"ask", b"answer"]


@pytest.mark.parametrize("batch", [10**9, 16, 3])
def test_an_alert_far_behind_the_handshake_leaves(batch: int) -> None:
    """Also where the flow is settled by rows of the same batch."""

    class Quick(Recorder):
        settle_after = 3

    alert = bytes([0x15, 3, 3, 0, 26]) + bytes(26)
    segments = stream(60)
    last = segments[-1]
    segments.append(Segment(0, 40_000, PSH_ACK, last.ack, 501, b"data" + alert))
    [(_, rows)], _ = run(segments, Quick, batch=batch)
    assert (rows[-1][0], rows[-1][8]) == (len(segments), b"data" + alert)
