"""Rows whose order in the capture is not that in which they were sent."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.handshake.sent_order import MIXED_NS, in_sent_order
from capanalyzer.handshake.session import Side
from capanalyzer.streams.flow import ACK, FIN, PSH, RST, SYN, Row
from capanalyzer.streams.reassembly import distance
from tests.handshake.rows import CLIENT, MS, SERVER, Talk

DAY_NS = 86_400 * 10**9
SHIFTS = [-DAY_NS, -30 * 10**9, -50 * MS, -2 * MS, 2 * MS, 50 * MS, 30 * 10**9, DAY_NS]


def dialogue(count: int = 6, *, client_isn: int = 1000) -> list[Row]:
    """Asked and answered by turns, each acknowledging what came, and closed by both."""
    talk = Talk(client_isn=client_isn, server_isn=0xFFFFFF80).connect()
    for _ in range(count):
        talk.send(CLIENT, bytes(100)).ack(SERVER).send(SERVER, bytes(70)).ack(CLIENT)
    return talk.close(CLIENT).close(SERVER).ack(CLIENT).rows


def frames(rows: list[Row] | None) -> list[int]:
    return [row[0] for row in rows or []]


def moved(rows: list[Row], side: int, shift_ns: int) -> list[Row]:
    """One end's packets by another clock."""
    return [(row[0], row[1] + shift_ns * (row[2] == side), *row[2:]) for row in rows]


def numbered(rows: list[Row]) -> list[Row]:
    """With the frame numbers that they have in a file in this order."""
    return [(at, *row[1:]) for at, row in enumerate(rows, 1)]


def answers_follow(rows: list[Row]) -> bool:
    """Nobody acknowledges what comes only later; nobody says more behind a FIN."""
    for at, row in enumerate(rows):
        for later in rows[at + 1 :]:
            if later[2] != row[2] and later[7] and row[3] & ACK and distance(row[5], later[4]) > 0:
                return False
            if later[2] == row[2] and row[3] & FIN and later[7]:
                return False
    return True


def test_what_can_be_is_left_alone() -> None:
    assert in_sent_order([]) is None
    assert in_sent_order(dialogue()) is None


def test_what_was_lost_is_no_disorder() -> None:
    """Of any connection any packets are missing: an acknowledgement of what never comes contradicts nothing."""
    draw = random.Random(5)
    for _ in range(300):
        assert in_sent_order([row for row in dialogue() if draw.random() < 0.7]) is None


def test_what_is_sent_again_is_left_alone() -> None:
    """Also what came to where it was captured only the second time, when its sender had said all."""
    talk = Talk().connect()
    hello = talk.packet(CLIENT, ACK | PSH, bytes(100))
    talk.close(CLIENT)
    for _ in range(3):
        talk.packet(CLIENT, ACK | PSH, bytes(100), seq=hello[4], after_ms=300)
    assert in_sent_order(talk.rows) is None
    assert in_sent_order([row for row in talk.rows if row is not hello]) is None


def test_what_is_sent_again_otherwise_cut_is_left_alone() -> None:
    """A keep-alive with a byte of what was said (RFC 9293 section 3.8.4), and the second half of a long segment."""
    for size in (1, 700):
        talk = Talk(mss=4096).connect().send(CLIENT, bytes(1400)).ack(SERVER)
        talk.packet(CLIENT, ACK, bytes(size), seq=talk.next[CLIENT] - size, after_ms=45_000)
        assert in_sent_order(talk.ack(SERVER).rows) is None


@pytest.mark.parametrize("shift_ns", SHIFTS)
@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_two_clocks(side: int, shift_ns: int) -> None:
    """Captured at two interfaces, and merged by times that do not agree: the dialogue is what it was, and takes no
    longer than one of its halves did.
    """
    rows = dialogue()
    merged = numbered(sorted(moved(rows, side, shift_ns), key=lambda row: row[1]))
    found = in_sent_order(merged)
    assert found is not None
    assert [row[2:] for row in found] == [row[2:] for row in rows]
    times = [row[1] for row in found]
    assert times == sorted(set(times))
    assert times[-1] - times[0] <= rows[-1][1] - rows[0][1] + 2 * MS
    own_times = {row[1] for row in merged}
    assert sum(time_ns in own_times for time_ns in times) >= len(rows) // 2, "one clock is believed"


@pytest.mark.parametrize("shift_ns", [*SHIFTS[:3], *SHIFTS[-3:]])
def test_a_file_in_the_right_order_with_wrong_times(shift_ns: int) -> None:
    rows = dialogue()
    found = in_sent_order(moved(rows, SERVER, shift_ns))
    assert frames(found) == frames(rows)


def test_times_that_are_right_in_a_file_that_is_not() -> None:
    rows = dialogue()
    mixed = numbered(rows[1::2] + rows[::2])
    found = in_sent_order(mixed)
    assert [row[1:] for row in found or []] == [row[1:] for row in rows]


def test_a_clock_that_was_set_back() -> None:
    rows = dialogue()
    late = [(row[0], row[1] - DAY_NS * (row[0] > 12), *row[2:]) for row in rows]
    found = in_sent_order(late)
    assert found is not None
    assert frames(found) == frames(rows)
    assert found[-1][1] - found[0][1] < rows[-1][1] - rows[0][1] + MS, "no silence of a day is made of it"


def test_a_reset_behind_the_data_that_it_follows() -> None:
    """By its sequence number the reset stands behind the server's last words, which came a little later; a forged one
    stands where its sender goes on.
    """
    talk = Talk().connect().send(CLIENT, bytes(100))
    words = talk.packet(SERVER, ACK | PSH, bytes(50))
    reset = talk.packet(SERVER, RST)
    swapped = numbered([*talk.rows[:-2], (0, words[1], *reset[2:]), (0, reset[1], *words[2:])])
    assert [row[3] for row in in_sent_order(swapped) or []] == [row[3] for row in talk.rows]
    forged = (0, words[1], *reset[2:4], words[4], *reset[5:])
    assert in_sent_order(numbered([*talk.rows[:-2], forged, (0, reset[1], *words[2:])])) is None


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([1000, 0xFFFFFFE0]), st.booleans())
def test_packets_that_changed_places(draw: random.Random, client_isn: int, is_sorted: bool) -> None:
    """By so much that nobody would have sent one again."""
    rows = dialogue(client_isn=client_isn)
    late = [(row, row[1] + draw.randrange(MIXED_NS // 4)) for row in rows]
    late.sort(key=lambda pair: pair[1])
    came = numbered([(0, time_ns if is_sorted else row[1], *row[2:]) for row, time_ns in late])
    found = in_sent_order(came) or came
    assert sorted(frames(found)) == sorted(frames(came))
    assert answers_follow(found)
    assert [row[1] for row in found] == sorted(row[1] for row in found)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from([SYN, SYN | ACK, ACK, ACK | PSH, ACK | FIN, RST, RST | ACK, 0]),
            st.integers(0, 2**32 - 1) | st.integers(0, 400),
            st.integers(0, 2**32 - 1) | st.integers(0, 400),
            st.integers(0, 150),
            st.integers(-(10**12), 10**12),
        ),
        max_size=30,
    )
)
def test_anything_at_all(given_rows: list[tuple[int, int, int, int, int, int]]) -> None:
    """Nothing is lost, nothing is made up, and times ascend."""
    rows: list[Row] = [
        (at, time_ns, side, flags, seq, ack, 0, length, bytes(length), 64, at, b"")
        for at, (side, flags, seq, ack, length, time_ns) in enumerate(given_rows, 1)
    ]
    found = in_sent_order(rows)
    if found is not None:
        assert sorted((row[0], row[2:]) for row in found) == sorted((row[0], row[2:]) for row in rows)
        assert all(earlier[1] <= later[1] for earlier, later in pairwise(found))


def test_a_session_names_frames_and_their_own_times() -> None:
    """What is told of a frame is what the capture has for it."""
    rows = Talk().connect().send(CLIENT, b"\x16\x03\x01").close(CLIENT).close(SERVER).ack(CLIENT)
    merged = numbered(sorted(moved(rows.rows, SERVER, -DAY_NS), key=lambda row: row[1]))
    rows.rows = merged
    session = rows.session()
    assert session.tcp.closes[0].side is Side.CLIENT
    own_ns = {row[0]: row[1] for row in merged}
    for close in session.tcp.closes:
        assert session.own_time(close.frame, close.time_ns) == own_ns[close.frame]
    assert {session.own_time(e.frame, e.time_ns) for e in session.events} <= set(own_ns.values())
