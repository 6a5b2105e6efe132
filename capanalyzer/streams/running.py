"""Connections of a capture that goes on: looked at while they are open, at times that are handed in.

:class:`RunningTracker` is a :class:`~capanalyzer.streams.tracker.Tracker` without checkpoints at frame numbers. Whoever
drives it says what time it is, and asks three things of it:

- :meth:`~RunningTracker.look`: the sessions of connections that are *due*, which stay open. A connection becomes due
  when it was quiet for a moment after something happened, sooner when what happened may be its end; later looks are
  ordered with :meth:`~RunningTracker.look_again`;
- :meth:`~RunningTracker.leave`: the sessions of connections that are over or idle, as at a checkpoint;
- :meth:`~RunningTracker.release`: forget what a connection said of which all is told; its packets are still counted.

Everything is bounded. Of too many open connections the half-open ones leave first, those of which nobody but the
sender of a SYN, and perhaps an answer, was seen: a flood must not push out real ones. They leave without a session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.table import IcmpError, PacketTable
from capanalyzer.streams.behind import Connection, S_co, Shortcut
from capanalyzer.streams.chunk import Chunk, groups_of
from capanalyzer.streams.flow import FIN, RST, SYN, Ended, Flow
from capanalyzer.streams.flows import Flows
from capanalyzer.streams.holes import Holes
from capanalyzer.streams.limits import ATTEMPTS, HALF_OPEN_NS, MAX_ATTEMPTS, SESSIONS, Limits
from capanalyzer.streams.live import is_over
from capanalyzer.streams.losses import Losses
from capanalyzer.streams.quotes import with_quotes
from capanalyzer.streams.running_flows import KEPT_ROWS, NOT_DUE, RunningFlows
from capanalyzer.streams.tracker import IDLE_NS, LINGER_NS, Tracker

__all__ = ["SETTLE_NS", "RunningTracker"]

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

SETTLE_NS: Final = 150_000_000
"""A connection that may be at its end is looked at when it was quiet for so long: what belongs together (an alert and
the FIN behind it, the answer of the other end) has come then."""
PAUSE_NS: Final = 400_000_000
"""One in the middle of its handshake: most go on within a round trip, and need no look."""
ROW_BYTES: Final = 400
"""What a row takes beside its payload."""
OBJECT_BYTES: Final = 3_000
"""What a connection object takes beside its rows."""
SPENT_NS: Final = 10**9


class RunningTracker(Tracker[S_co]):
    """The connections of a capture that goes on. Of :class:`Tracker` ``feed`` has no checkpoints here."""

    def __init__(
        self,
        connect: Callable[[], Connection[S_co]],
        *,
        silence_ns: int,
        shortcut: Shortcut[S_co] | None = None,
        limits: Limits | None = None,
        seed: int | None = None,
        observe: Callable[[I64, I64, I64], None] | None = None,
    ) -> None:
        """A tracker.

        :param silence_ns: a SYN that was sent again is looked at when nothing came for so long.
        """
        limits = self._limits = limits or Limits()
        live = self._running = RunningFlows(limits.cells)
        super().__init__(
            connect, shortcut=shortcut, seed=seed, observe=observe, live=live, max_keys=limits.keys, is_patient=False
        )
        self._waits_since_ns: int | None = None
        """When segments began to wait that the shortcut may take when it sees more of them."""
        self._silence_ns = silence_ns
        self._next_due = NOT_DUE
        self._objects = self._bytes = 0
        self._dismissed = False
        self.losses = Losses()
        """Spans in which packets were lost."""
        self.told = self.learned = 0
        """Columns of the same names, of the session given last."""
        self.evicted: dict[str, int] = {}
        """Connections that had to leave, by the table that was full; ``attempts`` without a session."""

    # -- what is asked of it -----------------------------------------------------------------------

    def feed(self, table: PacketTable, last_frame: int) -> Iterator[S_co]:
        """Take a batch; give the sessions that the shortcut took, and those that new connections on the same addresses
        and ports ended.
        """
        table, from_error = with_quotes(table)
        self._last_frame = last_frame
        yield from self._take(Chunk(table, 0, len(table), from_error), table.icmp)
        yield from self._settle_short()
        self._waits_since_ns = self._now_ns if self._live.waiting[: self._live.top].any() else None
        limits = self._limits
        if len(self._live) > limits.flows or self._objects > limits.objects or self._bytes > limits.payload:
            yield from self._evict()
            self._forget()

    def advance(self, now_ns: int, *, is_watched: bool = True) -> None:
        """It is so late now, and all packets up to then were given; ``is_watched``: somebody listened up to now."""
        self._now_ns = max(self._now_ns, now_ns)
        if is_watched:
            self._holes.listened(now_ns)
        if self._waits_since_ns is not None and self._now_ns - self._waits_since_ns > SETTLE_NS:
            self._end_wait(self._live.used())
            self._waits_since_ns = None

    def begin_anew(self, now_ns: int) -> None:
        """The clock was set back to this time; to be called when nothing is open."""
        self._now_ns, self._next_due = now_ns, NOT_DUE
        self._holes, self.losses = Holes(), Losses()

    def is_due(self) -> bool:
        """:meth:`look` has something to do."""
        return self._next_due <= self._now_ns

    def look(self, *, ahead_ns: int = 0) -> Iterator[tuple[int, S_co]]:
        """Connections that are due: a number by which they are told of again until the next call of another method,
        and the session as it is now.

        :param ahead_ns: also those that will be due in so long.
        """
        live = self._running
        used = live.used()
        due_ns = live.due_ns.take(used)
        due = np.flatnonzero(due_ns <= self._now_ns + ahead_ns)
        cells = used.take(due.take(np.argsort(due_ns.take(due), kind="stable")))
        carried = live.carried(cells)
        cells = np.concatenate([cells.compress(carried)[:SESSIONS], cells.compress(~carried)[:ATTEMPTS]])
        live.due_ns[cells] = NOT_DUE
        cells = cells.compress(~self._left_out(cells))
        self._end_wait(cells)
        for cell, flow in zip(cells.tolist(), self._flows(cells, Ended.CAPTURE_END), strict=True):
            connection = self._object(cell)
            session = connection.finish(flow)
            if connection.settled:
                live.settled[cell] = True
                live.silent[cell] = connection.silent
            self.told, self.learned = int(live.told[cell]), int(live.learned[cell])
            yield cell, session
        self._next_due = int(live.due_ns.take(used).min()) if len(used) else NOT_DUE

    def postpone(self, after_ns: int, until_ns: int) -> None:
        """Looks that are ordered for after the one time and before the other one are for that one."""
        live = self._running
        used = live.used()
        due_ns = live.due_ns.take(used)
        live.due_ns[used.compress((due_ns > after_ns) & (due_ns < until_ns))] = until_ns

    def look_again(self, cell: int, at_ns: int) -> None:
        """A connection is due at this time, if nothing happens before."""
        live = self._running
        live.due_ns[cell] = min(int(live.due_ns[cell]), at_ns)
        self._next_due = min(self._next_due, at_ns)

    def note(self, cell: int, *, told: int, learned: int, proved: bool) -> None:
        """Remember what was told of a connection, and learned from it.

        :param proved: it failed; what is lost from now on does not change that.
        """
        live = self._running
        live.told[cell], live.learned[cell] = told, learned
        if not proved:
            live.proved_ns[cell] = NOT_DUE
        elif live.proved_ns[cell] == NOT_DUE:
            live.proved_ns[cell] = self._now_ns

    def is_settled(self, cell: int) -> bool:
        """A connection's handshake is over: what follows is of no interest, but for closes and alerts."""
        return bool(self._running.settled[cell])

    def release(self, cell: int) -> None:
        """All is said of a connection."""
        live = self._running
        live.released[cell] = live.settled[cell] = live.silent[cell] = True
        live.due_ns[cell] = NOT_DUE
        self._drop(cell)

    def leave(self) -> Iterator[S_co]:
        """What is over or idle, the quietest first; to be asked about once a second."""
        live = self._running
        used = live.used()
        quiet_ns = self._now_ns - live.last_of(used)
        closed = is_over(live.closing.take(used)) & (quiet_ns > LINGER_NS)
        alone = live.is_half_open(used) & (quiet_ns > HALF_OPEN_NS)
        idle = ~closed & (alone | (quiet_ns > IDLE_NS))
        for chosen, ended in ((closed, Ended.CLOSED), (idle, Ended.IDLE)):
            cells = used.compress(chosen)
            free = self._left_out(cells)
            yield from self._hand_on(cells.compress(free), ended)
            cells = self._running.quietest(cells.compress(~free))
            carried = live.carried(cells)
            attempts = cells.compress(~carried)
            yield from self._dismiss(attempts[: max(len(attempts) - MAX_ATTEMPTS, 0)])
            attempts = attempts[max(len(attempts) - MAX_ATTEMPTS, 0) :]
            yield from self._hand_on(attempts[:ATTEMPTS], ended)
            yield from self._hand_on(cells.compress(carried)[:SESSIONS], ended)
        self._forget()
        if self.losses or self._holes:
            used = live.used()
            first = int(self._live.first_ns.take(used).min()) if len(used) else self._now_ns
            self.losses.forget(first)
            self._holes.forget(first)

    def finish(self, ended: Ended = Ended.CAPTURE_END) -> Iterator[S_co]:
        """No packets come any more: all that is still open, what carried data first. Of what carried none a part, as
        while the run goes on: after a flood or a scan nobody waits for the rest.
        """
        used = self._running.used()
        carried = self._running.carried(used)
        yield from self._hand_on(used.compress(carried), ended)
        attempts = self._running.quietest(used.compress(~carried))
        yield from self._dismiss(attempts[: max(len(attempts) - MAX_ATTEMPTS, 0)])
        yield from self._hand_on(attempts[-MAX_ATTEMPTS:], ended)

    def tables(self) -> dict[str, int]:
        """Entries in use, by table."""
        return {"flows": len(self._live), "connections": self._objects, "bytes": self._bytes, "keys": len(self._index)}

    # -- rows on their way to connections ----------------------------------------------------------

    def _feed(self, chunk: Chunk, rows: I64, whole: Chunk | None) -> None:
        live = self._running
        cells = chunk.cell.take(rows)
        rows = rows.compress(~live.released.take(cells))
        if not len(rows):
            return
        cells = chunk.cell.take(rows)
        groups, starts, sizes = groups_of(cells)
        last_ns = chunk.time_ns.take(rows.take(starts + sizes - 1))
        bare = ((chunk.flags.take(rows) & (SYN | RST | FIN)) == SYN) & (chunk.length.take(rows) == 0)
        kept = live.kept.take(groups)
        half_open = np.logical_and.reduceat(bare, starts) & ~live.has_object.take(groups) & (kept + sizes <= KEPT_ROWS)
        if half_open.any():
            mine = np.repeat(half_open, sizes)
            at = np.arange(len(rows)) - np.repeat(starts, sizes) + np.repeat(kept, sizes)
            live.keep(chunk, rows.compress(mine), at.compress(mine))
            few = groups.compress(half_open)
            live.rows[few] += sizes.compress(half_open).astype(np.int32)
            # The same side twice: a SYN that was not answered, or an answer that did not arrive.
            same = live.kept_side.take(2 * few) == live.kept_side.take(2 * few + 1)
            twice = (live.kept.take(few) == KEPT_ROWS) & same
            self._order(few.compress(twice), last_ns.compress(half_open).compress(twice) + self._silence_ns)
            rows = rows.compress(~mine)
            if not len(rows):
                return
            groups, sizes, last_ns = (column.compress(~half_open) for column in (groups, sizes, last_ns))
        for cell in groups.compress(~live.has_object.take(groups)).tolist():
            self._object(cell)
        super()._feed(chunk, rows, whole)
        captured = np.minimum(chunk.column(chunk.table.captured).take(rows), chunk.length.take(rows))
        added = ROW_BYTES * len(rows) + int(captured.sum())
        np.add.at(live.cost, chunk.cell.take(rows), ROW_BYTES + captured)
        self._bytes += added
        pause_ns = np.where(live.closing.take(groups) > 0, SETTLE_NS, PAUSE_NS)
        pause_ns[live.settled.take(groups) & (live.closing.take(groups) == 0)] = 0
        self._order(groups, last_ns + pause_ns)

    def _settle_short(self) -> Iterator[S_co]:
        """What the shortcut took works, and carries data: all is said of it."""
        live = self._running
        cells = np.flatnonzero(live.short[: live.top])
        if self._short is not None and len(cells):
            cells = cells.take(np.argsort(live.stream.take(cells)))
            departure = self._short.finish(self._flows(cells, Ended.CAPTURE_END))
            live.short[cells] = False
            live.released[cells] = live.silent[cells] = True
            yield departure.run(0, len(cells))

    def _end_wait(self, cells: I64) -> None:
        """What waits of these flows goes to their connections."""
        cells = cells.compress(self._running.waiting.take(cells))
        if self._short is not None and len(cells):
            self._short.end_wait(cells)
            self._running.waiting[cells] = False

    def _order(self, cells: I64, at_ns: I64) -> None:
        """A look at each of these when it was quiet until then."""
        if len(cells):
            self._running.due_ns[cells] = at_ns
            self._next_due = min(self._next_due, int(at_ns.min()))

    def _tie(self, error: IcmpError, cell: int) -> None:
        super()._tie(error, cell)
        if cell > 0:
            self.look_again(cell, error.time_ns + SETTLE_NS)

    def _object(self, cell: int) -> Connection[S_co]:
        """A flow's connection object, made of the rows that were kept when there is none yet."""
        connection = self._connections[cell]
        if connection is None:
            live = self._running
            connection = self._connections[cell] = self._connect()
            live.has_object[cell] = True
            live.cost[cell] = OBJECT_BYTES
            self._objects += 1
            self._bytes += OBJECT_BYTES
            kept = live.kept_rows(cell)
            if kept:
                connection.feed(kept)
        return connection

    def _drop(self, cell: int) -> None:
        """A flow's connection object goes."""
        live = self._running
        if live.has_object[cell]:
            self._connections[cell] = None
            live.has_object[cell] = False
            self._objects -= 1
            self._bytes -= int(live.cost[cell])

    # -- flows that leave --------------------------------------------------------------------------

    def _finish(self, cell: int, flow: Flow) -> S_co:
        live = self._running
        connection = self._object(cell)
        self.told, self.learned = int(live.told[cell]), int(live.learned[cell])
        self._drop(cell)
        if flow.ended is Ended.CLOCK_SET and live.proved_ns[cell] != NOT_DUE:
            flow = flow._replace(ended=Ended.CAPTURE_END)  # what was told before stays
        return connection.finish(flow)

    def _left_out(self, cells: I64) -> Bools:
        live = self._running
        if self._dismissed:
            return np.ones(len(cells), np.bool_)
        left_out: Bools = super()._left_out(cells) | live.released.take(cells)
        return left_out

    def _flows(self, cells: I64, ended: Ended, until_ns: Mapping[int, int] | None = None) -> Flows:
        flows = super()._flows(cells, ended, until_ns)
        live = self._live
        if self.losses:
            until = np.where(is_over(live.closing.take(cells)), live.last_of(cells), self._now_ns)
            until = np.minimum(until, self._running.proved_ns.take(cells) - 1)  # losses were asked for at that time
            flows.lossy = frozenset(cells.compress(self.losses.touch(live.first_ns.take(cells), until)).tolist())
        return flows

    def _evict(self) -> Iterator[S_co]:
        """Too many: the half-open ones first, then those of which all is said, then the quietest; some more than must,
        so that it is not done at every turn.
        """
        live, limits = self._running, self._limits
        excess = len(live) - limits.flows
        if excess > 0:
            excess += limits.flows // 10
            used = live.used()
            half_open = self._running.quietest(used.compress(live.is_half_open(used)), excess)
            yield from self._dismiss(half_open)
            over = self._running.quietest(used.compress(live.released.take(used)), excess - len(half_open))
            yield from self._hand_on(over, Ended.EVICTED)
            excess = len(live) - limits.flows
            rest = self._running.quietest(live.used(), excess)
            yield from self._hand_on(rest, Ended.EVICTED)
            self._count("flows", len(over) + len(rest))
        if self._objects > limits.objects or self._bytes > limits.payload:
            used = live.used()
            cells = used.compress(live.has_object.take(used))
            spent = self._is_spent(cells)
            order = np.concatenate(
                [self._running.quietest(cells.compress(spent)), self._running.quietest(cells.compress(~spent))]
            )
            count = max(self._objects - limits.objects, 0) + limits.objects // 50
            excess = self._bytes - limits.payload
            if excess > 0:
                freed = np.cumsum(live.cost.take(order))
                count = max(count, int(np.searchsorted(freed, excess + limits.payload // 50)) + 1)
            order = order[: max(count, 1)]
            spent = self._is_spent(order)
            yield from self._dismiss(order.compress(spent))
            yield from self._hand_on(order.compress(~spent), Ended.EVICTED)
            self._count("connections", int(np.count_nonzero(~spent)))

    def _is_spent(self, cells: I64) -> Bools:
        """Which of these carried no data and hardly will: closed, or quiet for longer than a round trip takes."""
        live = self._running
        quiet = self._now_ns - live.last_of(cells) > SPENT_NS
        spent: Bools = ~live.carried(cells) & (quiet | (live.closing.take(cells) > 0))
        return spent

    def _dismiss(self, attempts: I64) -> Iterator[S_co]:
        """These leave without a session."""
        self._end_wait(attempts)
        self._count("attempts", int(np.count_nonzero(self._running.told.take(attempts) == 0)))
        for cell in attempts.compress(self._running.has_object.take(attempts)).tolist():
            self._drop(cell)
        self._dismissed = True
        yield from self._hand_on(attempts, Ended.EVICTED)
        self._dismissed = False

    def _count(self, table: str, count: int) -> None:
        if count:
            self.evicted[table] = self.evicted.get(table, 0) + count
