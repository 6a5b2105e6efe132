"""A capturing clock that is set back: by NTP, by hand, by the host of a virtual machine that was moved.

Times before and after it are not comparable: a packet that comes now seems to be older than those that came before it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BACK_NS", "newest_of", "set_back"]

I64 = NDArray[np.int64]

BACK_NS: Final = 2 * 10**9
"""By more than this a clock was set back. Packets that were captured on several processors or interfaces are out of
order by less, and no timer of ours is shorter than this and its reserve."""
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
