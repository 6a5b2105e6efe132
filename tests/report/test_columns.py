"""Columns of text are what the encoder writes of each value."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.report import columns
from capanalyzer.report.times import to_rfc3339
from capanalyzer.tls.hello import safe_text

encode = msgspec.json.encode
int64 = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(int64, int64), max_size=15))
def test_times(times_ns: list[tuple[int, int]]) -> None:
    given_ns = np.array(times_ns, np.int64).reshape(-1, 2)
    written = [f"{to_rfc3339(one)} to {to_rfc3339(other)}".encode() for one, other in times_ns]
    assert columns.pairs_of_times(given_ns, b" to ") == written


@given(st.lists(st.one_of(st.integers(-100, 10**7), st.integers(0, 2**60)), max_size=30))
def test_milliseconds(spans_ns: list[int]) -> None:
    assert columns.milliseconds(np.array(spans_ns, np.int64)) == [encode(span / 1e6) for span in spans_ns]


@given(st.lists(st.one_of(st.none(), st.from_regex(rb"\A[a-z0-9.]{0,20}\Z"), st.binary(max_size=8)), max_size=20))
def test_names(names: list[bytes | None]) -> None:
    assert columns.names(names) == [encode(safe_text(name or b""))[1:-1] for name in names]


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=10))
def test_openings(rows: list[bytes]) -> None:
    data = np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 32)
    assert columns.openings(data, b" and ") == [f"{row[:16].hex()} and {row[16:].hex()}".encode() for row in rows]
