"""When a capture is known to have lost packets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.diagnosis import lost as module
from capanalyzer.diagnosis.lost import LossTimes

SECOND = 10**9
TIMES = st.lists(st.integers(0, 10**5).map(lambda at: at * SECOND // 2), max_size=60)


def learned(times: list[int]) -> LossTimes:
    losses = LossTimes()
    for time_ns in times:
        losses.add(time_ns)
    return losses


def test_the_second_counts() -> None:
    losses = learned([10 * SECOND + 5])
    assert losses.any_between(8 * SECOND, 10 * SECOND)
    assert losses.any_between(10 * SECOND + 9, 12 * SECOND)
    assert not losses.any_between(11 * SECOND, 15 * SECOND)
    assert not losses.any_between(5 * SECOND, 9 * SECOND + 9)
    assert not LossTimes().any_between(0, 10**18)


@settings(deadline=None)
@given(TIMES, TIMES, st.integers(1, 8))
def test_in_any_order_and_in_parts(one: list[int], two: list[int], most: int) -> None:
    """Nothing that was learned is forgotten, whatever has to be kept less exactly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_TIMES", most)
        whole, turned, part = learned(one + two), learned((one + two)[::-1]), learned(one)
        part.merge(learned(two))
    assert whole._times == turned._times == part._times
    assert whole._shift == turned._shift == part._shift
    assert len(whole._times) <= most
    assert all(whole.any_between(time_ns, time_ns) for time_ns in one + two)
