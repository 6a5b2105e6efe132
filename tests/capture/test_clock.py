"""A capturing clock that is set back."""

from __future__ import annotations

import numpy as np

from capanalyzer.capture.clock import BACK_NS, MOST, newest_of, set_back

SECOND = 10**9


def times(*seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([round(second * SECOND) for second in seconds], np.int64)


def test_packets_out_of_order_are_no_clock_that_was_set_back() -> None:
    assert set_back(times(10, 11, 9.5, 12, 11.2), 10 * SECOND) == []
    assert newest_of(times(10, 12, 11.2), 0) == 12 * SECOND
    assert newest_of(times(11.5, 12), 13 * SECOND) == 13 * SECOND
    assert newest_of(times(), 13 * SECOND) == 13 * SECOND


def test_each_setting_is_found_once() -> None:
    found = times(100, 101, 71, 72, 73, 40, 41)
    assert set_back(found, 0) == [2, 5]
    assert newest_of(found, 0) == 41 * SECOND
    assert set_back(times(50, 51), 100 * SECOND) == [0]
    assert set_back(times(100 - BACK_NS / SECOND), 100 * SECOND) == []


def test_clocks_that_disagree_cost_little() -> None:
    assert len(set_back(times(*[100, 10] * 1_000), 0)) == MOST
