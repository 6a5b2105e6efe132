"""Alerts behind ordinary handshakes, as columns (see :mod:`capanalyzer.handshake.ordinary_batch`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.connection import MAX_LATE_ALERTS
from capanalyzer.handshake.side import Side
from capanalyzer.handshake.tls_facts import Alert

__all__ = ["LateAlerts", "read_alerts"]

I64 = NDArray[np.int64]
Integers = NDArray[np.integer[Any]]

_SIDES = (Side.CLIENT, Side.SERVER)


class LateAlerts:
    """Those of n flows. Nearly always a side sends one, its close_notify: the first of each side are columns of shape
    (n, 2), all others are kept by flow.
    """

    _COLUMNS = ("frame", "_time_ns", "_seq", "_length", "clear")

    def __init__(self, flows: int) -> None:
        shape = (flows, 2)
        self.frame: I64 = np.zeros(shape, np.int64)
        """0 without an alert."""
        self.clear: NDArray[np.uint16] = np.zeros(shape, np.uint16)
        """Level above code; 0 where it cannot be read."""
        self._time_ns: I64 = np.zeros(shape, np.int64)
        self._seq = np.zeros(shape, np.uint32)
        self._length: I64 = np.zeros(shape, np.int64)
        """Of the record."""
        self.more: dict[int, list[tuple[int, Alert]]] = {}
        """By flow, with their sequence numbers."""

    def some(self, flows: I64) -> LateAlerts:
        """Those of these flows."""
        result = LateAlerts(0)
        for name in self._COLUMNS:
            setattr(result, name, getattr(self, name).take(flows, axis=0))
        if self.more:
            result.more = {new: self.more[old] for new, old in enumerate(flows.tolist()) if old in self.more}
        return result

    def add(
        self,
        flow: I64,
        side: Integers,
        time_ns: Integers,
        frame: Integers,
        seq: Integers,
        length: Integers,
        clear: Integers,
    ) -> None:
        """Alert records that end segments, in capture order of each flow; of each side only so many are kept.

        :param seq: sequence numbers of their first bytes: what is sent again is one alert.
        """
        slot = 2 * flow + side
        rows = np.arange(len(slot))
        first = np.full(self.frame.size, -1)
        first[slot[::-1]] = rows[::-1]
        is_first = (first.take(slot) == rows) & (self.frame.take(slot) == 0)
        values: tuple[Integers, ...] = (frame, time_ns, seq, length, clear)
        chosen = slot.compress(is_first)
        for name, column in zip(self._COLUMNS, values, strict=True):
            getattr(self, name).reshape(-1)[chosen] = column.compress(is_first)
        for row in np.flatnonzero(~is_first).tolist():
            self._add_more(int(flow[row]), int(side[row]), *(int(column[row]) for column in values))

    def _add_more(self, flow: int, side: int, frame: int, time_ns: int, seq: int, length: int, clear: int) -> None:
        others = [(at, alert) for at, alert in self.more.get(flow, ()) if alert.side == side]
        if len(others) + 1 >= MAX_LATE_ALERTS or seq == self._seq[flow, side] or any(at == seq for at, _ in others):
            return
        self.more.setdefault(flow, []).append((seq, _alert(time_ns, frame, side, clear, length)))

    def of(self, flow: int) -> tuple[Alert, ...]:
        """One flow's, in capture order."""
        found = [alert for _, alert in self.more.get(flow, ())]
        for side in np.flatnonzero(self.frame[flow]).tolist():
            frame, time_ns, _, length, clear = (int(getattr(self, name)[flow, side]) for name in self._COLUMNS)
            found.append(_alert(time_ns, frame, side, clear, length))
        return tuple(sorted(found, key=_frame_of))


def read_alerts(data: NDArray[np.uint8], start: I64, end: I64) -> tuple[I64, NDArray[np.uint16]]:
    """Of alert records: their lengths, and level above code where these can be read, else 0.

    :param start: where each record stands in ``data``; ``end``: where it ends.
    """
    length = end - start - 5
    level, code = data.take(start + 5), data.take(start + 6)
    is_clear = (length == 2) & (level >= 1) & (level <= 2)
    return length, np.where(is_clear, level.astype(np.uint16) << 8 | code, 0).astype(np.uint16)


def _alert(time_ns: int, frame: int, side: int, clear: int, length: int) -> Alert:
    level, code = divmod(clear, 256) if clear else (None, None)
    return Alert(time_ns, frame, _SIDES[side], level, code, not clear, length)


def _frame_of(alert: Alert) -> int:
    return alert.frame
