"""Which connection a segment belongs to, against a plain model of Wireshark's numbering; keys that are forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.streams import index as index_module
from capanalyzer.streams import tracker as tracker_module
from capanalyzer.streams.chunk import Chunk
from capanalyzer.streams.flow import Ended, Flow, Row
from capanalyzer.streams.index import GONE, FlowIndex
from capanalyzer.streams.live import LiveFlows
from capanalyzer.streams.notes import describe_tracker_note
from capanalyzer.streams.tracker import Tracker

from .segments import Segment, packet_table
from .test_numbering import Recorder

SYN, SYN_ACK, ACK, RST_ACK = 0x02, 0x12, 0x10, 0x14
SECOND = 1_000_000_000


@dataclass
class ModelFlow:
    number: int
    base: list[int | None] = field(default_factory=lambda: [None, None])
    """Sequence number that each side began with (its SYN's, or the one before its first byte)."""


class Model:
    """Wireshark's numbering, one segment at a time."""

    def __init__(self) -> None:
        self.flows: dict[int, ModelFlow | None] = {}
        """By port; None: it has left."""
        self.count = 0

    def number_of(self, segment: Segment) -> int | None:
        """The segment's stream; None for a late packet of a flow that has left."""
        flow = self.flows.get(segment.port)
        is_syn = segment.flags & SYN_ACK == SYN
        if flow is None:
            if segment.port in self.flows and not is_syn:
                return None
            flow = self._open(segment.port)
        elif is_syn and flow.base[segment.sender] not in (None, segment.seq):
            flow = self._open(segment.port)
        if flow.base[segment.sender] is None or segment.flags & SYN_ACK == SYN_ACK:
            flow.base[segment.sender] = segment.seq if segment.flags & SYN else segment.seq - 1
        if flow.base[1 - segment.sender] is None and segment.flags & ACK:
            flow.base[1 - segment.sender] = segment.ack - 1
        return flow.number

    def _open(self, port: int) -> ModelFlow:
        flow = self.flows[port] = ModelFlow(self.count)
        self.count += 1
        return flow

    def leave(self, ports: Sequence[int]) -> None:
        self.flows |= dict.fromkeys(ports)


segments = st.builds(
    Segment,
    sender=st.integers(0, 1),
    port=st.integers(40_000, 40_003),
    flags=st.sampled_from([SYN, SYN, SYN_ACK, ACK, ACK, 0]),
    seq=st.sampled_from([100, 101, 200]),
    ack=st.sampled_from([101, 102, 201]),
)


def ports_of(index: FlowIndex, live: LiveFlows) -> dict[int, int]:
    """Cells of the open flows by the client's port."""
    return {int(max(live.port[2 * cell : 2 * cell + 2])): int(cell) for cell in live.used()}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.lists(segments, min_size=1, max_size=12), st.sets(st.integers(40_000, 40_003)))))
def test_numbers_are_those_of_the_model(batches: list[tuple[list[Segment], set[int]]]) -> None:
    """Flows leave between batches: reused ports are revived by columns (one SYN in a batch) and one by one (more)."""
    tracker: Tracker[tuple[Flow, list[Row]]] = Tracker(Recorder, seed=1)
    model = Model()
    frame = 1
    ours: dict[int, int] = {}
    expected: dict[int, int] = {}

    def take(flows: Sequence[tuple[Flow, list[Row]]]) -> None:
        ours.update({row[0]: flow.stream for flow, rows in flows for row in rows})

    for batch, leaving in batches:
        numbers = [model.number_of(segment) for segment in batch]
        expected |= {frame + at: number for at, number in enumerate(numbers) if number is not None}
        take(list(tracker.feed(packet_table(batch, first_frame=frame), frame + len(batch) - 1)))
        frame += len(batch)
        cells = [cell for port, cell in ports_of(tracker._index, tracker._live).items() if port in leaving]
        take(list(tracker._hand_on(np.array(sorted(cells), np.int64), Ended.CLOSED)))
        model.leave([port for port in leaving if port in model.flows])
    take(list(tracker.finish()))
    assert tracker.streams == model.count
    assert ours == expected


def test_two_segments_of_one_frame() -> None:
    """802.11 aggregates (A-MSDU) hold several packets: the second SYN of the frame is not taken for the first."""
    pair = [Segment(0, 40_000, SYN, 100), Segment(0, 40_001, SYN, 200), Segment(0, 40_001, SYN, 100)]
    table = packet_table(pair)
    table.frame[:] = 1
    tracker: Tracker[tuple[Flow, list[Row]]] = Tracker(Recorder, seed=1)
    flows = [*tracker.feed(table, 1), *tracker.finish()]
    found = sorted((flow.stream, flow.ports[0], [row[4] for row in rows]) for flow, rows in flows)
    assert found == [(0, 40_000, [100]), (1, 40_001, [200]), (2, 40_001, [100])]


class TestForgetting:
    def opened(self, monkeypatch: pytest.MonkeyPatch, most: int) -> tuple[FlowIndex, LiveFlows]:
        """Ten flows, of which those on even ports have left."""
        monkeypatch.setattr(index_module, "MAX_KEYS", most)
        live = LiveFlows()
        index = FlowIndex(live, seed=1)
        index.assign(chunk_of([Segment(0, 40_000 + at, SYN, 1) for at in range(10)]))
        leaving = np.array([cell for port, cell in ports_of(index, live).items() if port % 2 == 0], np.int64)
        index.leave(leaving)
        live.give_back(leaving)
        return index, live

    def test_nothing_is_forgotten_up_to_the_cap(self, monkeypatch: pytest.MonkeyPatch) -> None:
        index, _ = self.opened(monkeypatch, 10)
        assert index.forget() == 0

    def test_the_older_half_of_those_that_left_goes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Late packets of what is still known stay late; open flows keep their cells."""
        index, live = self.opened(monkeypatch, 9)
        before = ports_of(index, live)
        assert index.forget() == 3
        late = chunk_of([Segment(0, 40_000 + at, ACK, 1, 1) for at in range(10)], first_frame=11)
        index.assign(late)
        assert [int(cell) == GONE for cell in late.cell] == [at in (6, 8) for at in range(10)]
        assert index.streams == 13
        assert {port: int(late.cell[port - 40_000]) for port in before} == before
        assert {port: cell for port, cell in ports_of(index, live).items() if port in before} == before

    def test_the_report_tells(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(index_module, "MAX_KEYS", 9)
        monkeypatch.setattr(tracker_module, "CHECKPOINT_FRAMES", 1)
        some = [Segment(0, 40_000 + at, RST_ACK, 1, 1) for at in range(10)]
        some.append(Segment(0, 50_000, ACK, 1, 1, time_ns=100 * SECOND))
        tracker: Tracker[tuple[Flow, list[Row]]] = Tracker(Recorder, seed=1)
        assert len(list(tracker.feed(packet_table(some), 11))) == 10
        assert tracker.notes == {"keys-forgotten": 5}
        assert "5 connections of long ago" in describe_tracker_note("keys-forgotten", 5)


def chunk_of(some: list[Segment], *, first_frame: int = 1) -> Chunk:
    table = packet_table(some, first_frame=first_frame)
    return Chunk(table, 0, len(table))
