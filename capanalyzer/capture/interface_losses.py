"""What was lost before a ring could take it: which of the kernel's counters say so.

A packet comes from the card into the memory of its driver, from there (for virtual interfaces, and where receive packet
steering is in use) into a queue of the processor that is to handle it, then to whoever captures, and only then to the
protocols. By struct rtnl_link_stats64 (linux/if_link.h, Documentation/networking/statistics.rst) and net/core/dev.c:

- ``rx_missed_errors``: the device had no buffer of the host for it. Lost.
- ``rx_over_errors``, ``rx_fifo_errors``: the receiver's queue ran over; drivers have used both names for the same, and
  tunnels the second one for what they refuse. Lost; one loss may stand under all three.
- ``rx_dropped``: received, and not processed. Above all what no protocol wants: a frame of an unknown EtherType or of a
  VLAN that the host is not in. Capturing saw it before. On a trunk or mirror port this goes on all the time, and is
  **no** loss.
- ``rx_nohandler``: what an inactive part of a bond was given. Seen by those who capture there, so no loss either.
- A full queue of a processor (``net.core.netdev_max_backlog``) is a loss. It is counted in the second column of
  /proc/net/softnet_stat, for all interfaces together and all namespaces, and once more in ``rx_dropped`` of the
  interface. So of one interface no more can have been lost in this way than *either* has grown by.

Where a driver counts under ``rx_dropped`` what its card had no room for (against the document above), that cannot be
told from what nobody wanted, and is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from capanalyzer.capture.interfaces import Interface

__all__ = ["InterfaceLosses", "read_backlog_drops"]

_SOFTNET: Final = "/proc/net/softnet_stat"
_WRAP: Final = 1 << 32
"""Its numbers have 32 bits."""


def read_backlog_drops(path: str = _SOFTNET) -> list[int]:
    """Packets that found a processor's queue full, by processor, since the machine started; empty: not known."""
    try:
        with open(path, "rb") as file:
            return [int(line.split()[1], 16) for line in file]
    except (OSError, ValueError, IndexError):
        return []


class InterfaceLosses:
    """Counts from when it is made."""

    def __init__(self, interfaces: Sequence[Interface]) -> None:
        """:param interfaces: those that are captured, as they are now."""
        self.total = 0
        """Packets lost so far, or possibly lost."""
        self._before = {each.index: each for each in interfaces}
        self._backlog = read_backlog_drops()
        self._queue_open = self._stack_open = 0
        """What one counter has grown by and the other has not: they are not read at the same moment."""

    def count(self, interfaces: Sequence[Interface]) -> None:
        """Add what was lost since the last look; an interface that is new has lost nothing before."""
        dropped = 0
        for each in interfaces:
            before = self._before.get(each.index, each)
            # A driver that was reset counts from zero again.
            self.total += max(each.lost - before.lost, 0)
            dropped += max(each.dropped - before.dropped, 0)
        self._before = {each.index: each for each in interfaces}
        self._count_backlog(dropped)

    def _count_backlog(self, dropped: int) -> None:
        now = read_backlog_drops()
        grown = 0
        if len(now) == len(self._backlog):  # else a processor came or went
            grown = sum((one - other) % _WRAP for one, other in zip(now, self._backlog, strict=True))
        self._backlog = now
        lost = min(grown + self._queue_open, dropped + self._stack_open)
        self.total += lost
        self._queue_open = min(grown, grown + self._queue_open - lost)
        self._stack_open = min(dropped, dropped + self._stack_open - lost)
