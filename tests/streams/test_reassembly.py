"""One direction put back in order."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.streams.reassembly import MAX_WAITING, MAX_WAITING_BYTES, Stream, distance


def read(stream: Stream, segments: list[tuple[int, bytes, int]]) -> bytes:
    """Feed (seq, payload, frame) and join what comes out, checking that offsets follow each other."""
    out = b""
    for seq, payload, frame in segments:
        for offset, data, _, _ in stream.feed(seq & 0xFFFFFFFF, payload, frame, frame):
            assert offset == len(out)
            out += data
    assert stream.offset == len(out)
    return out


def started(seq: int) -> Stream:
    stream = Stream()
    stream.start(seq)
    return stream


class TestDistance:
    def test_wraps(self) -> None:
        """A sequence number after the wrap is later than one before it."""
        assert distance(5, 0xFFFFFFFE) == 7
        assert distance(0xFFFFFFFE, 5) == -7
        assert distance(0x80000000, 0) == -0x80000000


class TestStream:
    def test_in_order(self) -> None:
        stream = started(100)
        assert stream.feed(100, b"abc", 1, 10) == [(0, b"abc", 1, 10)]
        assert stream.feed(103, b"de", 2, 20) == [(3, b"de", 2, 20)]
        assert (stream.next_seq, stream.offset) == (105, 5)

    def test_early_segment_waits_and_keeps_its_frame(self) -> None:
        stream = started(0)
        assert stream.feed(3, b"def", 1, 10) == []
        holes = [stream.hole]
        assert stream.feed(0, b"abc", 2, 20) == [(0, b"abc", 2, 20), (3, b"def", 1, 10)]
        holes.append(stream.hole)
        assert holes == [(0, 3), None]
        assert stream.waiting_bytes == 0

    def test_retransmission_gives_nothing(self) -> None:
        stream = started(0)
        stream.feed(0, b"abc", 1, 1)
        assert stream.feed(0, b"abc", 2, 2) == []
        assert stream.feed(1, b"bcd", 3, 3) == [(3, b"d", 3, 3)]

    def test_first_seen_wins_behind_a_hole(self) -> None:
        """Overlaps with what waits: bytes seen first count, and the difference is noted."""
        stream = started(0)
        stream.feed(4, b"EFGH", 1, 1)
        stream.feed(2, b"cdxxgh", 2, 2)
        assert stream.conflict
        assert read(stream, [(0, b"ab", 3)]) == b"abcdEFGH"

    def test_same_bytes_twice_are_no_conflict(self) -> None:
        stream = started(0)
        stream.feed(4, b"efgh", 1, 1)
        stream.feed(2, b"cdefghij", 2, 2)
        assert not stream.conflict
        assert read(stream, [(0, b"ab", 3)]) == b"abcdefghij"

    def test_new_segment_over_waiting_ones(self) -> None:
        """A large segment that covers the hole and more: what waited keeps its bytes."""
        stream = started(0)
        stream.feed(2, b"C", 1, 1)
        stream.feed(4, b"E", 2, 2)
        pieces = stream.feed(0, b"abcdef", 3, 3)
        assert [(piece[0], piece[1], piece[2]) for piece in pieces] == [
            (0, b"ab", 3),
            (2, b"C", 1),
            (3, b"d", 3),
            (4, b"E", 2),
            (5, b"f", 3),
        ]
        assert stream.conflict

    def test_bounded(self) -> None:
        """A sender that never fills the hole cannot make us keep more than the limits."""
        stream = started(0)
        for number in range(3 * MAX_WAITING):
            stream.feed(10 + 2 * number, b"x", number, number)
        assert len(stream.waiting) == MAX_WAITING
        assert stream.refused == 2 * MAX_WAITING
        assert started(0).feed(MAX_WAITING_BYTES, b"x", 1, 1) == []

    def test_too_far_ahead_is_refused(self) -> None:
        stream = started(0)
        stream.feed(MAX_WAITING_BYTES, b"x", 1, 1)
        assert not stream.waiting
        assert stream.refused == 1


@st.composite
def transmissions(draw: st.DrawFn) -> tuple[int, bytes, list[tuple[int, bytes, int]]]:
    """A stream, and segments that cover it: cut anyhow, in any order, some twice and cut differently."""
    data = draw(st.binary(min_size=1, max_size=80))
    start = draw(st.sampled_from([0, 1000, 0xFFFFFFF0, 0xFFFFFFFF, 0x7FFFFFF8]))
    cuts = sorted({0, len(data), *draw(st.lists(st.integers(0, len(data)), max_size=8))})
    pieces = list(pairwise(cuts))
    for _ in range(draw(st.integers(0, 6))):
        begin = draw(st.integers(0, len(data) - 1))
        pieces.append((begin, draw(st.integers(begin + 1, len(data)))))
    order = draw(st.permutations(pieces))
    return start, data, [(start + a, data[a:b], frame) for frame, (a, b) in enumerate(order, 1)]


@given(transmissions())
def test_any_order_gives_the_stream(case: tuple[int, bytes, list[tuple[int, bytes, int]]]) -> None:
    """However a stream is cut, reordered and repeated, also over the wrap of sequence numbers, it comes out whole."""
    start, data, segments = case
    stream = started(start)
    assert read(stream, segments) == data
    assert not stream.conflict
    assert not stream.waiting


@given(transmissions())
def test_every_byte_knows_its_frame(case: tuple[int, bytes, list[tuple[int, bytes, int]]]) -> None:
    """Each byte comes with the first frame that carried it."""
    start, data, segments = case
    first: dict[int, int] = {}
    for seq, payload, frame in segments:
        for at in range(seq - start, seq - start + len(payload)):
            first.setdefault(at, frame)
    stream = started(start)
    told: dict[int, int] = {}
    for seq, payload, frame in segments:
        for offset, piece, origin, time_ns in stream.feed(seq & 0xFFFFFFFF, payload, frame, frame):
            assert origin == time_ns
            told |= dict.fromkeys(range(offset, offset + len(piece)), origin)
    assert told == first
    assert len(told) == len(data)


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.binary(max_size=40)), max_size=60))
def test_hostile_segments(segments: list[tuple[int, bytes]]) -> None:
    """Any sequence numbers: no exception, nothing out of order, bounded, and sorted without overlaps."""
    stream = started(0)
    read(stream, [(seq, payload, frame) for frame, (seq, payload) in enumerate(segments)])
    ends = [piece[0] + len(piece[1]) for piece in stream.waiting]
    assert all(piece[0] >= end for piece, end in zip(stream.waiting[1:], ends, strict=False))
    assert stream.waiting_bytes == sum(len(piece[1]) for piece in stream.waiting) <= MAX_WAITING_BYTES
