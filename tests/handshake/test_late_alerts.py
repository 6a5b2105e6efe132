"""Alerts kept as columns are those that one would keep one by one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.handshake.connection import MAX_LATE_ALERTS
from capanalyzer.handshake.late_alerts import LateAlerts, read_alerts
from capanalyzer.handshake.side import Side
from capanalyzer.handshake.tls_facts import Alert

FLOWS = 3


class Row(NamedTuple):
    flow: int
    side: int
    seq: int
    record: bytes


RECORDS = (bytes.fromhex("1503030002 0100"), bytes.fromhex("1503030002 0228"), bytes.fromhex("1503030002 0328"))
rows = st.builds(
    Row,
    st.integers(0, FLOWS - 1),
    st.integers(0, 1),
    st.integers(0, 5),
    st.sampled_from((*RECORDS, bytes.fromhex("150303001a") + bytes(26))),
)


def one_by_one(some: list[Row]) -> list[tuple[Alert, ...]]:
    """By flow; the frame of a row is its number."""
    kept: list[list[Alert]] = [[] for _ in range(FLOWS)]
    seen = set()
    for frame, (flow, side, seq, record) in enumerate(some, 1):
        of_side = [alert for alert in kept[flow] if alert.side == side]
        if (flow, side, seq) in seen or len(of_side) >= MAX_LATE_ALERTS:
            continue
        seen.add((flow, side, seq))
        clear = len(record) == 7 and record[5] in (1, 2)
        level, code = (record[5], record[6]) if clear else (None, None)
        kept[flow].append(Alert(10 * frame, frame, Side(side), level, code, not clear, len(record) - 5))
    return [tuple(alerts) for alerts in kept]


def add(alerts: LateAlerts, some: list[Row], first_frame: int) -> None:
    data = np.frombuffer(b"".join(row.record for row in some), np.uint8)
    sizes = np.array([len(row.record) for row in some], np.int64)
    end = np.cumsum(sizes)
    frame = first_frame + np.arange(len(some))
    alerts.add(
        np.array([row.flow for row in some], np.int64),
        np.array([row.side for row in some], np.int64),
        10 * frame,
        frame,
        np.array([row.seq for row in some], np.uint32),
        *read_alerts(data, end - sizes, end),
    )


@given(some=st.lists(rows, min_size=1, max_size=30), cut=st.integers(0, 30))
def test_columns_keep_the_same(some: list[Row], cut: int) -> None:
    """In one call or in two, and of some of the flows alone."""
    alerts = LateAlerts(FLOWS)
    for begin, piece in ((0, some[:cut]), (cut, some[cut:])):
        if piece:
            add(alerts, piece, begin + 1)
    expected = one_by_one(some)
    assert [alerts.of(flow) for flow in range(FLOWS)] == expected
    fewer = alerts.some(np.array([2, 0]))
    assert [fewer.of(0), fewer.of(1)] == [expected[2], expected[0]]
