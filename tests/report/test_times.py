"""RFC 3339 and back, to the nanosecond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.report import times
from capanalyzer.report.times import from_rfc3339, to_rfc3339


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_795_514_462_123_456_789, "2026-11-24T10:01:02.123456789Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
    ],
)
def test_known_moments(time_ns: int, text: str) -> None:
    assert to_rfc3339(time_ns) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_there_and_back(time_ns: int) -> None:
    assert from_rfc3339(to_rfc3339(time_ns)) == time_ns


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "_MAX_CACHED", 8)
    for second in range(100):
        to_rfc3339(second * 10**9)
    assert len(times._seconds) <= 8
