"""Spans in which the capture lost packets: what was not seen of a connection that was open then may have been sent."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Losses"]

I64 = NDArray[np.int64]

MAX_SPANS: Final = 1_024
"""Remembered; with more of them the two that are next to each other are taken for one, which may call more sessions
incomplete, never fewer."""


class Losses:
    """Spans of capture time, ascending, that do not overlap."""

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def __bool__(self) -> bool:
        return bool(self._spans)

    def add(self, start_ns: int, end_ns: int) -> None:
        """Packets were lost somewhere between these times; ``end_ns`` never goes back."""
        spans = self._spans
        while spans and spans[-1][1] >= start_ns:
            start_ns = min(start_ns, spans.pop()[0])
        spans.append((start_ns, end_ns))
        if len(spans) > MAX_SPANS:
            at = min(range(len(spans) - 1), key=lambda at: spans[at + 1][0] - spans[at][1])
            spans[at : at + 2] = [(spans[at][0], spans[at + 1][1])]

    def forget(self, before_ns: int) -> None:
        """No flow that is open began before this time."""
        self._spans = [span for span in self._spans if span[1] >= before_ns]

    def touch(self, first_ns: I64, last_ns: I64) -> NDArray[np.bool_]:
        """Of lifetimes, first to last, both shape (n,): which overlap such a span."""
        if not self._spans:
            return np.zeros(len(first_ns), np.bool_)
        starts, ends = np.array(self._spans).T
        at = np.searchsorted(ends, first_ns)  # the first span that is not over before
        reached = at < len(starts)
        result: NDArray[np.bool_] = reached & (starts.take(np.minimum(at, len(starts) - 1)) <= last_ns)
        return result
