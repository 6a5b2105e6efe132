"""Charts count every session once, and the numbers stand beside what is drawn."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.report import model
from capanalyzer.report.html.charts import _limit, _quantile, _slot_width, _step, failures_over_time, handshake_times
from capanalyzer.report.html.look import Look
from capanalyzer.report.html.rows import Rows
from tests.report.samples import at, failed, finding, session

from .pages import Reading

LOOK = Look("en")


def rows_of(sessions: list[model.Session]) -> Rows:
    rows = Rows()
    list(rows.record(sessions))
    return rows


@given(st.integers(0, 10**9))
def test_a_time_is_inside_of_its_step(us: int) -> None:
    step = _step(us)
    assert us < _limit(step)
    assert step == 0 or us >= _limit(step - 1)


@given(st.integers(0, 4 * 10**18))
def test_there_are_never_more_than_sixty_slots(span: int) -> None:
    assert span // _slot_width(span) + 2 <= 61


@given(st.lists(st.integers(0, 10**6), min_size=1), st.integers(1, 100))
def test_a_quantile_has_its_share_below_or_at_it(values: list[int], percent: int) -> None:
    ordered = sorted(values)
    quantile = _quantile(ordered, percent)
    assert sum(value <= quantile for value in ordered) * 100 >= percent * len(ordered)
    assert sum(value < quantile for value in ordered) * 100 < percent * len(ordered)


def test_failures_by_cause() -> None:
    sessions = [
        *(failed(number, start=at(1000 * number)) for number in range(10)),
        *(failed(20 + n, cause=f"cause-{n}", findings=(finding(f"cause-{n}"),)) for n in range(9)),
        session(50, start=at(100_000)),
    ]
    words = Reading(failures_over_time(rows_of(sessions), LOOK)).words
    assert re.search(r"http-to-tls-port.*?10", words)
    assert "3 further causes3" in words
    assert "2026-11-24 10:01:02" in words
    assert not failures_over_time(rows_of([session(0)]), LOOK)


def test_distribution_of_handshakes() -> None:
    timings = [0.05, 1.5, 1.7, 30.0, 2500.0] * 20
    sessions = [session(n, timing=model.Timing(None, None, None, ms)) for n, ms in enumerate(timings)]
    words = Reading(
        handshake_times(rows_of([*sessions, failed(200, timing=model.Timing(None, None, None, None))]), LOOK)
    ).words
    assert "median1.7 ms" in words
    assert "99 of 100 within2.5 s" in words
    assert "< 0.1 ms20" in words
    assert "1 ms – 2 ms40" in words
    assert "2 s – 5 s20" in words
    few = Reading(handshake_times(rows_of([session(0)]), LOOK)).words
    assert "median44 ms" in few
    assert "95 of 100" not in few
    none = session(0, timing=model.Timing(None, None, None, None))
    assert not handshake_times(rows_of([none]), LOOK)
