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


@given(st.lists(int64, max_size=30))
def test_times(times_ns: list[int]) -> None:
    assert columns.times(np.array(times_ns, np.int64)) == [to_rfc3339(time_ns).encode() for time_ns in times_ns]


@given(st.lists(st.one_of(st.integers(-100, 10**7), st.integers(0, 2**60)), max_size=30))
def test_milliseconds(spans_ns: list[int]) -> None:
    assert columns.milliseconds(np.array(spans_ns, np.int64)) == [encode(span / 1e6) for span in spans_ns]


@given(st.lists(st.one_of(st.none(), st.from_regex(rb"\A[a-z0-9.]{0,20}\Z"), st.binary(max_size=8)), max_size=20))
def test_strings(names: list[bytes | None]) -> None:
    assert columns.strings(names) == [encode(None if name is None else safe_text(name)) for name in names]


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=10))
def test_hexadecimal(rows: list[bytes]) -> None:
    data = np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 16)
    assert columns.hexadecimal(data) == [row.hex().encode() for row in rows]
