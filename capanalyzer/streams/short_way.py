"""Before segments go to their connections: which flows need none, because a shortcut takes them.

A shortcut (:class:`~capanalyzer.streams.behind.Shortcut`) is offered every flow that begins in a chunk and whose
segments are in order (:mod:`capanalyzer.streams.inorder`); what it does not take goes on to a connection, and flows
that it may take when it sees more of them wait for the next chunk (:mod:`capanalyzer.streams.waiting`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic

import numpy as np
from numpy.typing import NDArray

from capanalyzer.streams.behind import Departure, S_co, Shortcut
from capanalyzer.streams.chunk import Chunk, groups_of
from capanalyzer.streams.flows import Flows
from capanalyzer.streams.inorder import MIN_ROWS, find_in_order
from capanalyzer.streams.live import LiveFlows
from capanalyzer.streams.waiting import MAX_WAITING_ROWS, Waiting

__all__ = ["ShortWay"]

I64 = NDArray[np.int64]

MAX_WAITING: Final = 8_192
"""Flows that may wait for the next chunk; where more would, the chunk's end is not the reason."""


class ShortWay(Generic[S_co]):
    """A shortcut at the side of the plain way."""

    def __init__(
        self,
        live: LiveFlows,
        shortcut: Shortcut[S_co],
        feed: Callable[[Chunk, I64, Chunk | None], None],
        uncapped: Callable[[Chunk, I64], I64],
    ) -> None:
        """A shortcut.

        :param feed: feeds rows to connections: a chunk, its rows by flow, and the chunk that may have more of them.
        :param uncapped: rows by flow, less those beyond a flow's cap.
        """
        self._live, self._shortcut = live, shortcut
        self._feed, self._uncapped = feed, uncapped
        self._waiting: Waiting | None = None

    def pass_on(self, chunk: Chunk, rows: I64) -> I64:
        """Offer the flows that begin here to the shortcut, and tell it of those it has; the rows that are left.

        :param rows: by flow, in capture order.
        """
        live = self._live
        cells = chunk.cell.take(rows)
        is_short = live.short.take(cells)
        if is_short.any():
            self._shortcut.see(chunk, self._uncapped(chunk, rows.compress(is_short)))
            rows, cells = rows.compress(~is_short), cells.compress(~is_short)
        if self._waiting is not None:
            waited = live.waiting.take(cells)
            joined = self._waiting.joined(Waiting.copy(chunk, rows.compress(waited)))
            rows = rows.compress(~waited)
            self._waiting = None
            live.waiting[joined.cell] = False
            left, may_wait = self._offer(joined, np.arange(len(joined.cell)))
            self._feed(joined, np.sort(np.concatenate([left, may_wait])), chunk)  # nobody waits twice
        if len(rows):
            rows, may_wait = self._offer(chunk, rows)
            if len(may_wait):
                self._waiting = Waiting.copy(chunk, may_wait)
                live.waiting[self._waiting.chunk.cell] = True
        return rows

    def end_wait(self, cells: I64) -> None:
        """These flows leave: what waits of them goes to their connections."""
        if self._waiting is not None and self._live.waiting.take(cells).any():
            leaving, self._waiting = self._waiting.split(cells)
            if leaving is not None:
                self._feed(leaving.chunk, np.arange(len(leaving.chunk.cell)), None)

    def finish(self, flows: Flows) -> Departure[S_co]:
        """The sessions of flows that the shortcut has taken."""
        return self._shortcut.finish(flows)

    def _offer(self, chunk: Chunk, rows: I64) -> tuple[I64, I64]:
        """Offer flows to the shortcut: rows of those that it did not take, and of those that had better wait."""
        live = self._live
        groups, starts, sizes = groups_of(chunk.cell.take(rows))
        begins_here = (live.rows.take(groups) == 0) & (
            chunk.frame.take(rows.take(starts)) == live.first_frame.take(groups)
        )
        found = find_in_order(chunk, rows, starts, sizes, begins_here, live)
        waits = begins_here & (sizes < MIN_ROWS)
        left = np.ones(len(groups), np.bool_)
        if len(found.groups):
            offered = groups.take(found.groups)
            taken, silent, unfinished = self._shortcut.take(found, offered)
            live.short[offered.compress(taken)] = True
            live.settled[offered.compress(taken)] = True
            live.silent[offered.compress(silent)] = True
            at = found.groups.compress(taken)
            live.rows[groups.take(at)] = sizes.take(at)
            left[at] = False
            waits[found.groups.compress(unfinished)] = True
        # All of a flow that waits must be here: nothing of this chunk can be had later.
        packets = live.packets.take(2 * groups) + live.packets.take(2 * groups + 1)
        waits &= (packets == sizes) & (sizes <= MAX_WAITING_ROWS) & (live.closing.take(groups) == 0)
        if np.count_nonzero(waits) > MAX_WAITING:
            waits[:] = False
        left &= ~waits
        return rows.compress(np.repeat(left, sizes)), rows.compress(np.repeat(waits, sizes))
