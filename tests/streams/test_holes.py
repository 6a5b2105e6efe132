"""Spans without a packet end what was watched."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.streams import holes as module
from capanalyzer.streams.holes import HOLE_NS, Holes

STEPS = st.lists(st.integers(-(10**9), 2 * HOLE_NS), min_size=1, max_size=40)


def seen(times: list[int], cuts: list[int]) -> Holes:
    """The times in pieces, as they come in batches."""
    holes = Holes()
    for start, end in zip([0, *cuts], [*cuts, len(times)], strict=True):
        if end > start:
            holes.see(np.array(times[start:end], np.int64))
    return holes


@given(STEPS, st.data())
def test_a_connection_is_watched_to_the_first_hole_after_it(steps: list[int], data: st.DataObject) -> None:
    """Against a plain walk, wherever the batches are cut."""
    times = [sum(steps[: count + 1]) for count in range(len(steps))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(times)), max_size=4)))
    last = data.draw(st.sampled_from(times))
    newest, until = times[0], max(times)
    for time_ns in times:
        if time_ns - newest > HOLE_NS and newest >= last:
            until = newest
            break
        newest = max(newest, time_ns)
    assert seen(times, cuts).watched_until(last, max(times)) == until


SECOND = 10**9


@given(st.lists(st.integers(0, 60), max_size=3))
def test_a_clock_that_was_set_back_counts_from_there(cuts: list[int]) -> None:
    """What was seen a moment before the end was watched for a moment, whatever time it once was."""
    times = [at * SECOND for at in [*range(40), *range(20, 40)]]
    holes = seen(times, sorted(cuts))
    assert holes.watched_until(38 * SECOND, 39 * SECOND) == 39 * SECOND
    short = seen(times[:45], sorted(cut for cut in cuts if cut <= 45))
    assert short.watched_until(24 * SECOND, 39 * SECOND) == 24 * SECOND
    assert short.watched_until(30 * SECOND, 39 * SECOND) == 39 * SECOND, "that was before, and is over"


def test_two_pieces_in_the_wrong_order() -> None:
    """Joined, or a clock that was set back by a day: what lies in one of them was watched to its end."""
    day = 86_400 * SECOND
    times = [*range(day, day + 30 * SECOND, SECOND), *range(0, 20 * SECOND, SECOND)]
    holes = seen(times, [])
    assert holes.watched_until(day + 3 * SECOND, max(times)) == day + 29 * SECOND
    assert holes.watched_until(3 * SECOND, max(times)) == 19 * SECOND
    times += range(day + 30 * SECOND, day + 40 * SECOND, SECOND)
    assert seen(times, []).watched_until(day + 3 * SECOND, max(times)) == day + 39 * SECOND


@given(st.lists(st.integers(0, 220), max_size=4))
def test_a_clock_that_was_set_back_passes_where_it_was(cuts: list[int]) -> None:
    """From there on it is one time, wherever the batches are cut: nobody was watched for less long than he was seen."""
    times = [at * SECOND for at in [*range(20), *range(-100, 100)]]
    holes = seen(times, sorted(cuts))
    assert holes.watched_until(50 * SECOND, 99 * SECOND) == 99 * SECOND
    assert not holes


def test_what_goes_on_stays_in_its_span() -> None:
    """Also when another one, of the clock before it was set back, is passed between two batches."""
    times = [at * SECOND for at in (0, -3, 247, 497)]
    for cut in range(5):
        assert seen(times, [cut]).watched_until(times[1], times[-1]) == times[-1]


def test_their_number_is_bounded() -> None:
    times = [at * 2 * HOLE_NS for at in range(module.MAX_HOLES + 50)]
    assert seen(times, []).watched_until(times[-2], times[-1]) == times[-1]
    assert seen(times, []).watched_until(times[3], times[-1]) == times[3]


def test_those_before_all_that_is_open_are_forgotten() -> None:
    """Of a run that goes on for weeks on a quiet line: there is always room for the next one."""
    holes = Holes()
    for at in range(3 * module.MAX_HOLES):
        time_ns = at * 2 * HOLE_NS
        holes.see(np.array([time_ns], np.int64))
        if at:
            assert holes.watched_until(time_ns - 2 * HOLE_NS, time_ns) == time_ns - 2 * HOLE_NS
        holes.forget(time_ns - 4 * HOLE_NS)
    assert len(holes._spans) < 5
