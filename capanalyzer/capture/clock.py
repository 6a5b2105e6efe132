"""A capturing clock that is set: by NTP, by hand, by the host of a virtual machine that was moved.

Set back, times before and after it are not comparable: a packet that comes now seems to be older than those that came
before it. Set forward, it looks like a pause in which nothing came.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BACK_NS", "Leap", "Leaps", "newest_of", "set_back"]

I64 = NDArray[np.int64]

BACK_NS: Final = 2 * 10**9
"""By more than this a clock was set back. Packets that were captured on several processors or interfaces are out of
order by less, and no timer of ours is shorter than this and its reserve."""
LEAP_NS: Final = 2 * 10**9
"""By more than this a packet is later than all that was known of a clock that is not ours: it may have been set,
or nothing came for so long and nobody could tell."""
GRACE_NS: Final = 10**9
"""What is awaited then may be on its way, and is given so long: a round trip, and more."""
MOST: Final = 8
"""Places found in one batch: where times go back again and again, clocks that disagree were mixed."""


def set_back(time_ns: I64, newest_ns: int) -> list[int]:
    """Rows of packets, in the order captured, at which the clock has been set back.

    :param time_ns: shape (n,).
    :param newest_ns: how late it was before them.
    """
    rows: list[int] = []
    start = 0
    while start < len(time_ns) and len(rows) < MOST:
        latest = np.maximum(np.maximum.accumulate(time_ns[start:]), newest_ns)
        earlier = np.flatnonzero(time_ns[start:] < latest - BACK_NS)
        if not len(earlier):
            break
        start += int(earlier[0])
        newest_ns = int(time_ns[start])
        rows.append(start)
    return rows


def newest_of(time_ns: I64, newest_ns: int) -> int:
    """How late it is after packets, shape (n,), before which it was so late: the newest time, by the clock's last
    setting.
    """
    rows = set_back(time_ns, newest_ns)
    if rows:
        return int(time_ns[rows[-1] :].max())
    return max(newest_ns, int(time_ns.max(initial=newest_ns)))


class Leap(NamedTuple):
    """What seems to be silence from the one time on proves something only after the other."""

    after_ns: int
    until_ns: int


class Leaps:
    """Leaps of a clock forward. Where packets come seldom each of them is one: what was given time once is not given it
    again.
    """

    def __init__(self) -> None:
        self._granted_ns = 0

    def see(self, time_ns: I64, now_ns: int) -> Leap | None:
        """The last leap in packets, shape (n,), in the order captured, before which it was so late."""
        reached = np.maximum.accumulate(np.concatenate([[now_ns], time_ns]))
        leaps = np.flatnonzero(np.diff(reached) > LEAP_NS)
        if not len(leaps):
            return None
        after_ns = max(int(reached[leaps[-1]]), self._granted_ns)
        self._granted_ns = int(reached[leaps[-1] + 1]) + GRACE_NS
        return Leap(after_ns, self._granted_ns)
