"""Records read as columns are those that the reader of one stream finds; what is not plain is called irregular."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.tls.columns import MAX_STEPS, Segments, read_units
from capanalyzer.tls.records import TlsReader

CLEAR = np.zeros(256, np.bool_)
CLEAR[[1, 2, 4, 11, 12, 14, 16, 22]] = True


def record(kind: int, body: bytes) -> bytes:
    return bytes((kind, 3, 3)) + len(body).to_bytes(2, "big") + body


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


HELLO = message(1, b"\x03\x03" + bytes(60))
bodies = st.binary(min_size=40, max_size=90)
clear_messages = st.builds(message, st.sampled_from((4, 11, 12, 16, 22)), bodies)
clear_records = st.lists(clear_messages, min_size=1, max_size=3).map(lambda parts: record(22, b"".join(parts)))
other_records = st.builds(record, st.sampled_from((23, 21)), st.binary(min_size=3, max_size=40))
encrypted = st.builds(lambda body: record(20, b"\1") + record(22, body), st.binary(min_size=30, max_size=50))
streams = st.tuples(
    st.just(record(22, HELLO)),
    st.lists(clear_records, max_size=3).map(b"".join),
    st.lists(encrypted, max_size=1).map(b"".join),
    st.lists(other_records, max_size=3).map(b"".join),
).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """``data`` in pieces, cut at these places."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:stop] for start, stop in pairwise(edges)]


@given(
    talks=st.lists(st.tuples(streams, st.lists(st.integers(0, 10_000), max_size=4)), min_size=1, max_size=4),
    noise=st.integers(0, 3),
)
def test_units_are_the_readers_messages(talks: list[tuple[bytes, list[int]]], noise: int) -> None:
    gap = bytes(noise)
    batch, rows = bytearray(), []
    for number, (data, places) in enumerate(talks):
        for piece in cut(data, places):
            batch += gap
            rows.append((number, len(batch), len(piece)))
            batch += piece
    batch += bytes(64)
    stream, position, length = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    segments = Segments(stream, position, length, len(talks))
    units, irregular = read_units(np.frombuffer(bytes(batch), np.uint8), segments, CLEAR)
    for number, (data, places) in enumerate(talks):
        mine = np.flatnonzero(units.stream == number)
        found = [
            (int(units.kind[at]), int(units.message[at]), int(units.length[at]), int(units.offset[at])) for at in mine
        ]
        reader = TlsReader(0)
        first = int(np.flatnonzero(stream == number)[0])
        for frame, piece in enumerate(cut(data, places)):
            reader.feed(piece, first + frame, 0)
        expected = [(m.content_type, m.handshake_type, m.length, m.offset) for m in reader.messages]
        if irregular[number]:
            # Given up, at a header that a segment's end cuts; up to there it is the same.
            assert found == expected[: len(found)]
            assert places
            continue
        assert found == expected
        assert [(int(units.first[at]), int(units.last[at])) for at in mine] == [
            (m.first_frame, m.frame) for m in reader.messages
        ]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="not TLS"),
        pytest.param(record(22, message(13, bytes(20))), id="a message that ordinary handshakes do not have"),
        pytest.param(record(22, message(11, bytes(50))[:30]), id="a message over several records"),
        pytest.param(record(22, HELLO)[:-1] + b"\0" + record(20, b"\1\1"), id="ChangeCipherSpec of two bytes"),
        pytest.param(b"\x16\x03\x01\xff\xff" + bytes(100), id="longer than a record may be"),
        pytest.param(record(22, HELLO) + record(23, b"x") * (MAX_STEPS + 1), id="more records than are read"),
    ],
)
def test_what_is_not_plain_is_left_alone(data: bytes) -> None:
    one = np.zeros(1, np.int64)
    segments = Segments(one, one, np.array([len(data)]), 1)
    _, irregular = read_units(np.frombuffer(data + bytes(64), np.uint8), segments, CLEAR)
    assert irregular.tolist() == [True]


@given(data=st.binary(max_size=200), places=st.lists(st.integers(0, 10_000), max_size=5))
def test_any_bytes(data: bytes, places: list[int]) -> None:
    """Hostile bytes never raise, whatever lies behind them."""
    pieces = cut(data, places) if data else []
    position = np.cumsum([0, *map(len, pieces)])[:-1].astype(np.int64)
    segments = Segments(np.zeros(len(pieces), np.int64), position, np.array([*map(len, pieces)], np.int64), 1)
    units, _ = read_units(np.frombuffer(data, np.uint8), segments, CLEAR)
    assert (units.length >= 0).all()
