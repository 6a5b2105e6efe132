"""The ruler of a sequence diagram: true where it says so, marked where it is not."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.report.html.time_axis import SHORTENED, axis

moments = st.lists(st.integers(0, 10**13), min_size=1, max_size=60).map(sorted)


@given(moments, st.floats(50, 2000))
def test_lengths_are_in_proportion_or_marked(times: list[int], length: float) -> None:
    ruler = axis(times, length)
    assert len(ruler.places) == len(times)
    scales = []
    for index, (earlier, later) in enumerate(pairwise(times)):
        pixels = ruler.places[index + 1] - ruler.places[index]
        if index in ruler.shortened:
            assert pixels == pytest.approx(SHORTENED)
        elif later - earlier > 1000:
            scales.append((later - earlier) / pixels)
    assert all(scale == pytest.approx(scales[0], rel=1e-3) for scale in scales)
    # A shortened pause is drawn shorter than it would be, never longer.
    if scales:
        for index in ruler.shortened:
            assert (times[index + 1] - times[index]) / scales[0] > SHORTENED
    assert ruler.places[-1] <= length + len(ruler.shortened) * SHORTENED + 1e-6


@given(moments, st.floats(50, 2000))
def test_marks_are_few_and_inside(times: list[int], length: float) -> None:
    ruler = axis(times, length)
    assert len(ruler.ticks) <= length / 10 + 10
    assert all(-1e-6 <= place <= ruler.places[-1] + 1e-6 for place in ruler.ticks)
    assert str(ruler.tick_ns)[:1] in "0125"


def test_a_stall_is_shortened_and_a_backoff_is_not() -> None:
    """Milliseconds beside thirty seconds; but 1, 2, 4 and 8 seconds are seen as they are."""
    ms = 10**6
    assert axis([0, 20 * ms, 41 * ms, 43 * ms, 30_043 * ms], 200).shortened == {3}
    assert axis([0, 1000 * ms, 3000 * ms, 7000 * ms, 15_000 * ms], 200).shortened == frozenset()


def test_time_that_steps_back_or_stands_still() -> None:
    assert axis([5, 3, 3], 100).places == (0.0, 0.0, 0.0)
    assert axis([7], 100).places == (0.0,)
