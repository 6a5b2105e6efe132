"""Before segments go to their connections: which flows need none, because a shortcut takes them.

A shortcut (:class:`~capanalyzer.streams.behind.Shortcut`) is offered every flow that begins in a chunk and whose
segments are in order (:mod:`capanalyzer.streams.inorder`); what it does not take goes on to a connection, and flows
that it may take when it sees more of them wait for the next chunk (:mod:`capanalyzer.streams.waiting`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capanalyzer.streams.behind import Departure, S_co, Shortcut
from capanalyzer.streams.chunk import Chunk, groups_of
from capanalyzer.streams.flows import Flows
from capanalyzer.streams.inorder import MIN_ROWS, find_in_order
from capanalyzer.streams.live import LiveFlows
from capanalyzer.streams.waiting import Waiting

__all__ = ["ShortWay"]

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

MAX_WAITING: Final = 8_192
"""Flows of a chunk that may wait for the next one; where more would, the chunk's end is not the reason."""
MAX_ROWS: Final = 64
"""Segments of a flow that waits for one chunk; an ordinary handshake takes some twenty."""
MAX_PATIENT_ROWS: Final = 256
"""Segments of a flow that waits until data has gone both ways: the window of each side in segments of usual size, and
as many acknowledgements."""
MAX_BYTES: Final = 48 << 20
"""Of segments that wait; when there are more nobody waits any longer."""


class Offer(NamedTuple):
    """What became of flows that were offered to the shortcut, and were not taken. Shape (n,) each."""

    groups: I64
    """All flows offered."""
    sizes: I64
    """Their rows."""
    left: Bools
    """Not for the shortcut."""
    waits: Bools
    """The shortcut may take it when it sees more of it."""
    lacks: NDArray[np.uint8]
    """See :meth:`~capanalyzer.streams.behind.Shortcut.take`."""


class ShortWay(Generic[S_co]):
    """A shortcut at the side of the plain way."""

    def __init__(
        self,
        live: LiveFlows,
        shortcut: Shortcut[S_co],
        feed: Callable[[Chunk, I64, Chunk | None], None],
        uncapped: Callable[[Chunk, I64], I64],
        *,
        is_patient: bool,
    ) -> None:
        """A shortcut.

        :param feed: feeds rows to connections: a chunk, its rows by flow, and the chunk that may have more of them.
        :param uncapped: rows by flow, less those beyond a flow's cap.
        :param is_patient: flows whose handshake is done may wait for many chunks until data has gone both ways;
            otherwise nobody waits for more than one.
        """
        self._live, self._shortcut = live, shortcut
        self._feed, self._uncapped = feed, uncapped
        self._is_patient = is_patient
        self._waiting = Waiting()
        self._lacks = np.zeros(0, np.uint8)
        """By cell, of flows that wait: see Offer."""
        self._tried: I64 = np.zeros((0, 2), np.int64)
        """By cell: bytes that each side had waiting when the flow was last offered."""

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
        if self._waiting:
            waits = live.waiting.take(cells)
            if waits.any():
                self._waiting.add(chunk, rows.compress(waits))
                rows = rows.compress(~waits)
            self._offer_waiting(chunk)
        if len(rows):
            offer = self._offer(chunk, rows)
            if offer.waits.any():
                self._waiting.add(chunk, rows.compress(np.repeat(offer.waits, offer.sizes)))
                self._wait(offer.groups.compress(offer.waits), offer.lacks.compress(offer.waits))
            rows = rows.compress(np.repeat(offer.left, offer.sizes))
        return rows

    def end_wait(self, cells: I64) -> None:
        """These flows leave: what waits of them goes to their connections."""
        cells = cells.compress(self._live.waiting.take(cells))
        if len(cells):
            leaving = self._waiting.chunk(cells)
            self._forget(cells)
            self._feed(leaving, np.arange(len(leaving.cell)), None)

    def finish(self, flows: Flows) -> Departure[S_co]:
        """The sessions of flows that the shortcut has taken."""
        return self._shortcut.finish(flows)

    # -- flows that wait ---------------------------------------------------------------------------

    def _wait(self, cells: I64, lacks: NDArray[np.uint8]) -> None:
        """These flows, of which all is with those that wait, wait for more."""
        live = self._live
        if live.capacity > len(self._lacks):
            more = live.capacity - len(self._lacks)
            self._lacks = np.concatenate([self._lacks, np.zeros(more, np.uint8)])
            self._tried = np.concatenate([self._tried, np.zeros((more, 2), np.int64)])
        live.waiting[cells] = True
        self._lacks[cells] = lacks
        self._tried[cells] = self._waiting.sent(cells)

    def _forget(self, cells: I64) -> None:
        if len(cells):
            self._live.waiting[cells] = False
            self._waiting.drop(cells)

    def _offer_waiting(self, chunk: Chunk) -> None:
        """Offer those again of which something came that they lacked, and those that wait no longer than this.

        :param chunk: the one at hand.
        """
        live, is_full = self._live, self._waiting.bytes > MAX_BYTES
        cells = np.flatnonzero(live.waiting)
        came = self._waiting.sent(cells) > self._tried.take(cells, axis=0)
        lacks = self._lacks.take(cells)
        ready = (came[:, 0] | ((lacks & 1) == 0)) & (came[:, 1] | ((lacks & 2) == 0))
        ready |= (live.closing.take(cells) > 0) | is_full
        cells = cells.compress(ready)
        if not len(cells):
            return
        joined = self._waiting.chunk(cells)
        offer = self._offer(joined, np.arange(len(joined.cell)))
        again = offer.waits & (offer.lacks > 0) & (not is_full)  # nobody waits twice for the end of a handshake
        self._wait(offer.groups.compress(again), offer.lacks.compress(again))
        self._forget(offer.groups.compress(~again))
        left = offer.left | (offer.waits & ~again)
        self._feed(joined, np.flatnonzero(np.repeat(left, offer.sizes)), chunk)

    def _offer(self, chunk: Chunk, rows: I64) -> Offer:
        """Offer flows to the shortcut; ``rows`` by flow."""
        live = self._live
        groups, starts, sizes = groups_of(chunk.cell.take(rows))
        begins_here = (live.rows.take(groups) == 0) & (
            chunk.frame.take(rows.take(starts)) == live.first_frame.take(groups)
        )
        found = find_in_order(chunk, rows, starts, sizes, begins_here, live)
        waits = begins_here & (sizes < MIN_ROWS)
        left = np.ones(len(groups), np.bool_)
        lacks = np.zeros(len(groups), np.uint8)
        if len(found.groups):
            offered = groups.take(found.groups)
            taken, silent, unfinished, lacking = self._shortcut.take(found, offered)
            live.short[offered.compress(taken)] = True
            live.settled[offered.compress(taken)] = True
            live.silent[offered.compress(silent)] = True
            at = found.groups.compress(taken)
            live.rows[groups.take(at)] = sizes.take(at)
            left[at] = False
            waits[found.groups.compress(unfinished)] = True
            if self._is_patient:
                lacks[found.groups] = lacking
        # All of a flow whose handshake goes on must be here: nothing of this chunk can be had later.
        packets = live.packets.take(2 * groups) + live.packets.take(2 * groups + 1)
        waits &= np.where(lacks > 0, sizes <= MAX_PATIENT_ROWS, (packets == sizes) & (sizes <= MAX_ROWS))
        waits &= live.closing.take(groups) == 0
        if np.count_nonzero(waits) > MAX_WAITING:
            waits[:] = False
        left &= ~waits
        return Offer(groups, sizes, left, waits, lacks)
