"""Spans in which something was captured. Between them nobody may have been listening, so silence proves nothing there.

Files joined from pieces that lie days or years apart have holes, so has a ring of which a file is missing, and so has a
capture whose clock was set meanwhile. Where it was set back, how late it is in the end is what it said last, not what
it once said.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BACK_NS", "HOLE_NS", "Holes"]

HOLE_NS: Final = 300 * 10**9
"""A path that carries TCP at all is hardly silent for five minutes; a failing connection is over sooner."""
BACK_NS: Final = 2 * 10**9
"""Packets of several queues lie less far from their places; a clock that goes back further was set."""
MAX_HOLES: Final = 1_024
"""Remembered, and leaps of the clock looked at among packets that come together; a capture with more of them is of a
line so quiet that they are no holes, or its clock is worth nothing but for its last word."""


class Holes:
    """The spans with packets, in capture time: disjoint, ascending."""

    __slots__ = ("_at", "_latest_ns", "_spans")

    def __init__(self) -> None:
        self._spans: list[list[int]] = []
        """(first, last time) of each."""
        self._at = 0
        """Which of them the newest packets are in."""
        self._latest_ns = 0
        """How late it is by the clock's last setting."""

    def see(self, time_ns: NDArray[np.int64]) -> None:
        """Take the times of further packets, one at least, in capture order; they may go back a little."""
        first, low, high = int(time_ns[0]), int(time_ns.min()), int(time_ns.max())
        if not self._spans:
            self._spans.append([first, first])
            self._latest_ns = first
        span, latest = self._spans[self._at], self._latest_ns
        is_steady = high - max(latest, span[1]) <= HOLE_NS and low >= max(latest, span[1]) - BACK_NS
        if is_steady and int(np.diff(time_ns).min(initial=0)) >= -BACK_NS:
            span[0] = min(span[0], low)
            span[1] = self._latest_ns = max(span[1], high)
            self._join()
            return
        steps = np.diff(time_ns, prepend=latest)
        reached = np.maximum.accumulate(np.concatenate([[latest], time_ns]))[:-1]
        leaps = np.flatnonzero((time_ns - reached > HOLE_NS) | (steps > HOLE_NS) | (steps < -BACK_NS))
        places = [0, *leaps[:MAX_HOLES].tolist(), *leaps[MAX_HOLES:][-1:].tolist(), len(time_ns)]
        for start, end in pairwise(sorted(set(places))):
            self._take(time_ns[start:end], leapt=start > 0 or 0 in leaps[:1])

    def _take(self, time_ns: NDArray[np.int64], *, leapt: bool) -> None:
        """Times between which the clock did not leap; ``leapt``: it did before them."""
        first, low, high = int(time_ns[0]), int(time_ns.min()), int(time_ns.max())
        if leapt:
            self._go_to(first)
        span = self._spans[self._at]
        span[0], span[1] = min(span[0], low), max(span[1], high)
        self._latest_ns = high if first < self._latest_ns - BACK_NS else max(self._latest_ns, high)
        self._join()

    def _go_to(self, time_ns: int) -> None:
        """To the span that this time is in or goes on with; a new one where there is none."""
        spans = self._spans
        at = bisect_right(spans, time_ns, key=_begin_of)
        if at and time_ns - spans[at - 1][1] <= HOLE_NS:
            self._at = at - 1
        elif at < len(spans) and spans[at][0] - time_ns <= BACK_NS:
            self._at = at
        elif len(spans) <= MAX_HOLES:
            spans.insert(at, [time_ns, time_ns])
            self._at = at

    def _join(self) -> None:
        """The span that has grown may have reached its neighbours."""
        spans, at = self._spans, self._at
        while at + 1 < len(spans) and spans[at][1] >= spans[at + 1][0]:
            spans[at][1] = max(spans[at][1], spans.pop(at + 1)[1])
        while at and spans[at - 1][1] >= spans[at][0]:
            begin, end = spans.pop(at - 1)
            at -= 1
            spans[at] = [min(begin, spans[at][0]), max(end, spans[at][1])]
        self._at = at

    def listened(self, until_ns: int) -> None:
        """Somebody listened up to this time, whether or not packets came."""
        if self._spans:
            span = self._spans[self._at]
            span[1] = self._latest_ns = max(span[1], until_ns)

    def __bool__(self) -> bool:
        return len(self._spans) > 1

    def forget(self, before_ns: int) -> None:
        """No connection that is open began before this time."""
        current = self._spans[self._at] if self._spans else None
        self._spans = [span for span in self._spans if span[1] >= before_ns or span is current]
        self._at = next((at for at, span in enumerate(self._spans) if span is current), 0)

    def watched_until(self, last_ns: int, until_ns: int) -> int:
        """How long a connection was watched of which the last packet was seen at ``last_ns``: to ``until_ns``, or the
        first hole after it; not beyond what the clock said last, where it was set back to before that.
        """
        at = bisect_right(self._spans, last_ns, key=_begin_of) - 1
        if at < 0:
            return until_ns
        if at != self._at:
            return min(self._spans[at][1], until_ns)
        return min(self._latest_ns, until_ns) if last_ns <= self._latest_ns else min(self._spans[at][1], until_ns)


def _begin_of(span: list[int]) -> int:
    return span[0]
