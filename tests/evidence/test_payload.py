"""Bytes of a connection in order, changed, and back in their packets."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.evidence.payload import Segment, Stream


def upper(data: bytes, starts: Sequence[int]) -> bytes:
    return data.upper()


@given(st.data())
def test_every_segment_gets_its_part(data: st.DataObject) -> None:
    """Whatever the order, the overlaps, and the sequence number that it begins with."""
    text = data.draw(st.text("abcdefgh", min_size=1, max_size=60)).encode()
    base = data.draw(st.sampled_from((0, 1000, 0xFFFFFFF0, 0x7FFFFFF0)))
    cuts = data.draw(st.lists(st.tuples(st.integers(0, len(text)), st.integers(1, 20)), min_size=1, max_size=20))
    stream = Stream()
    stream.add(Segment(base, True, b""))
    numbers = [
        (stream.add(Segment(base + 1 + at & 0xFFFFFFFF, False, text[at : at + size])), text[at : at + size])
        for at, size in cuts
    ]
    stream.change(upper)
    for number, piece in numbers:
        assert stream.payload(number) == piece.upper()
        assert stream.changes(number) == piece.upper()


def test_without_a_syn_the_lowest_number_is_the_beginning() -> None:
    stream = Stream()
    later = stream.add(Segment(3, False, b"def"))
    first = stream.add(Segment(0, False, b"abc"))
    seen: list[bytes] = []
    stream.change(lambda data, starts: seen.append(data) or data.upper())
    assert seen == [b"abcdef"]
    assert (stream.payload(first), stream.payload(later)) == (b"ABC", b"DEF")


def test_a_hole_is_zeros_and_starts_are_told() -> None:
    stream = Stream()
    stream.add(Segment(10, True, b""))
    stream.add(Segment(11, False, b"ab"))
    stream.add(Segment(16, False, b"fg"))
    seen: list[tuple[bytes, Sequence[int]]] = []
    stream.change(lambda data, starts: seen.append((data, starts)) or data)
    assert seen == [(b"ab\0\0\0fg", [0, 5])]


def test_a_segment_far_away_is_not_held() -> None:
    stream = Stream()
    stream.add(Segment(0, True, b""))
    far = stream.add(Segment(1 << 30, False, b"secret"))
    stream.change(upper)
    assert stream.payload(far) == bytes(6)


def test_of_two_transmissions_each_keeps_what_was_not_changed() -> None:
    stream = Stream()
    stream.add(Segment(0, True, b""))
    one = stream.add(Segment(1, False, b"user joe, password x"))
    other = stream.add(Segment(1, False, b"USER joe, password y"))
    stream.change(lambda data, starts: data[:-1] + b"*")
    assert stream.changes(one) == b"user joe, password *"
    assert stream.changes(other) == b"USER joe, password *"
