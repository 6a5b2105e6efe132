"""Lanes find exactly what the plain walk finds, whatever the payloads hold."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.capture import lanes
from capanalyzer.capture.pcap import PcapReader
from capanalyzer.capture.records import CaptureInfo
from tests.capture.builders import Packet, many, pcap, pcapng, read_bytes


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    make_eager(monkeypatch)


def make_eager(patch: pytest.MonkeyPatch) -> None:
    """Lanes on inputs of a few kB, so that small examples take the fast path."""
    patch.setattr(lanes, "LANES_FROM_BYTES", 256)
    patch.setattr(lanes, "_SAMPLE_BYTES", 128)
    patch.setattr(lanes, "_FEW_RECORDS", 1)
    patch.setattr(lanes, "_RECORDS_PER_LANE", 3)
    patch.setattr(lanes, "_LEAST_LANES", 1)
    patch.setattr(lanes, "_FEW_LANES", 1)


def both(data: bytes) -> tuple[list[int], int, list[int], int]:
    """Starts and end by lanes, and by the plain walk."""
    array = np.frombuffer(data, np.uint8)
    reader = PcapReader(CaptureInfo("x"))
    reader.feed(array[:24], at_end=False)
    reader._aim(array, 24)
    found, rows, following = lanes.find_records(array, 24, len(data), reader._layout, reader._sync)
    plain, stop = lanes.walk_plain(memoryview(data), 24, len(data), len(data), reader._layout)
    for start, row in zip(found.tolist(), rows.tolist(), strict=True):
        assert struct.unpack_from("<4I", data, start) == tuple(row)
    return found.tolist(), following, plain, stop


def test_long_file_uses_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two megabytes go through the lanes, and nothing but the sample and the tail is walked plainly."""
    walked = []
    plain = lanes.walk_plain

    def counting(*args: Any) -> tuple[list[int], int]:
        found, place = plain(*args)
        walked.append(len(found))
        return found, place

    packets = many(8000)
    data = pcap(packets)
    monkeypatch.setattr(lanes, "walk_plain", counting)
    assert read_bytes(data, 1 << 22).packets == packets
    assert sum(walked) < 500


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_fake_headers(data: st.DataObject) -> None:
    """Payloads made of record headers, whole fake files among them, do not move a single boundary."""
    fake = struct.pack("<4I", 1_700_000_000, 5, 20, 20)
    inner = pcap(many(12, seed=3))[24:]
    payload = st.one_of(
        st.binary(max_size=60),
        st.integers(1, 9).map(lambda n: (fake + bytes(20)) * n),
        st.integers(1, 30).map(lambda n: fake[:16] * n),
        st.integers(0, 15).map(lambda n: inner[n:]),
        st.just(struct.pack("<4I", 1_700_000_000, 5, 0, 0) * 20),
        st.just(struct.pack("<4I", 1_700_000_000, 5, 0xFFFFFFFF, 0xFFFFFFFF) * 8),
    )
    payloads = data.draw(st.lists(payload, min_size=5, max_size=60))
    file = pcap([Packet(1_700_000_000 * 10**9 + i, p, len(p)) for i, p in enumerate(payloads)])
    file = file[: len(file) - data.draw(st.integers(0, 30))]
    with pytest.MonkeyPatch.context() as patch:
        make_eager(patch)
        found, following, plain, stop = both(file)
    assert found == plain
    assert following == stop


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3000), st.integers(0, 40))
def test_garbage(garbage: bytes, before: int) -> None:
    """Anything after good records ends the lanes where it ends the plain walk."""
    with pytest.MonkeyPatch.context() as patch:
        make_eager(patch)
        found, following, plain, stop = both(pcap(many(before)) + garbage)
    assert (found, following) == (plain, stop)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("order", ["<", ">"])
def test_days_apart(order: str) -> None:
    """The upper half of the seconds changes within the file."""
    packets = many(400, step_ns=7_200_000_000_000)
    assert read_bytes(pcap(packets, order=order)).packets == packets


def test_hostile_file_stays_linear() -> None:
    """A file whose payloads are all fake records costs a plain walk and no more: counted in records walked."""
    fake = struct.pack("<4I", 1_700_000_000, 5, 44, 44) + bytes(44)
    packets = [Packet(1_700_000_000 * 10**9, fake * 30, 1800)] * 800
    steps = 0
    plain = lanes.walk_plain

    def counting(*args: Any) -> tuple[list[int], int]:
        nonlocal steps
        found, place = plain(*args)
        steps += len(found)
        return found, place

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "walk_plain", counting)
        assert read_bytes(pcap(packets), 1 << 22).packets == packets
    assert steps <= 2 * len(packets) + 100


@pytest.mark.usefixtures("eager")
def test_zero_lengths_do_not_hang() -> None:
    """Lengths of nothing, as far as the eye reaches."""
    data = pcapng(many(2000)) + bytes(400_000)
    assert len(read_bytes(data).packets) == 2000
