"""From columns of TCP segments to connections: numbering, counters, and the few segments that matter.

The bulk of a capture is data of connections whose handshake is long over. For such a packet this module
does a handful of whole-column operations (find its flow, count it) and nothing else. What can still
matter for a handshake leaves as rows (streams.flow.Row), grouped by flow, for a Connection object:

- every SYN, FIN and RST;
- of flows that are not *settled*: payload up to the stream offset its connection wants, and pure
  acknowledgements up to there (they prove that something arrived).

Flows leave at *checkpoints*, which stand at fixed frame numbers: results do not depend on how the
capture was cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Final, Generic

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.table import IcmpError, PacketTable
from capanalyzer.streams import cap
from capanalyzer.streams.behind import Connection, S_co, Shortcut
from capanalyzer.streams.cap import rows_within_cap, within_cap
from capanalyzer.streams.choice import first_of_long, is_heard, rows_that_leave, rows_within
from capanalyzer.streams.chunk import Chunk, groups_of, stable_order
from capanalyzer.streams.counting import count_segments, place_segments
from capanalyzer.streams.flow import Ended, Flow, Row
from capanalyzer.streams.flows import Flows
from capanalyzer.streams.holes import Holes
from capanalyzer.streams.index import FlowIndex
from capanalyzer.streams.live import WANTED_BYTES, LiveFlows, is_over
from capanalyzer.streams.quotes import note_quotes, with_quotes
from capanalyzer.streams.share import WHOLE, Share
from capanalyzer.streams.short_way import ShortWay

__all__ = ["CHECKPOINT_FRAMES", "IDLE_NS", "LINGER_NS", "MAX_LIVE", "Connection", "Shortcut", "Tracker"]

I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

CHECKPOINT_FRAMES: Final = 1 << 16
"""Flows are looked over whenever this many frames have passed."""
LINGER_NS: Final = 5_000_000_000
"""A closed flow waits this long for late packets (retransmitted FINs, the RST after a FIN)."""
IDLE_NS: Final = 600_000_000_000
"""A flow without packets for this long is handed on: longer than the idle timers of common balancers
(30 to 350 s), so that what ends a session is seen as part of it."""
MAX_LIVE: Final = 100_000
"""Open flows kept at a checkpoint; beyond it the quietest are handed on early, and say so."""
MAX_ICMP: Final = 8
"""ICMP errors kept for a flow."""
MAX_ICMP_FLOWS: Final = 20_000
"""Flows that may hold ICMP errors at a time."""

WANTED: Final = (WANTED_BYTES, WANTED_BYTES)
_TURNS: Final = {
    ended: turn
    for turn, ended in enumerate(
        (Ended.REUSED, Ended.CLOSED, Ended.IDLE, Ended.EVICTED, Ended.CAPTURE_END, Ended.CLOCK_SET)
    )
}
"""Of flows that leave at the same frame, who goes first."""


class Tracker(Generic[S_co]):
    """The connections of one capture: :meth:`feed` segments in order, then :meth:`finish`."""

    def __init__(
        self,
        connect: Callable[[], Connection[S_co]],
        *,
        shortcut: Shortcut[S_co] | None = None,
        capture: int = 0,
        seed: int | None = None,
        share: Share = WHOLE,
        observe: Callable[[I64, I64, I64], None] | None = None,
        live: LiveFlows | None = None,
        max_keys: int | None = None,
        is_patient: bool = True,
    ) -> None:
        """:param share: all connections are numbered and counted, the sessions of this share are given.
        :param live: columns for the open connections, where more than the usual ones are wanted.
        :param is_patient: nobody asks for connections that are open, so their segments may wait for the shortcut.
        :param max_keys: connections remembered by their key, the usual number where None.
        :param observe: told (stream, frame, payload bytes) of the packets that belong to connections, as columns, in
            order; those of ICMP errors that quote a segment included.
        """
        self._connect = connect
        self._share = share
        self.observe = observe
        """See the parameter. May be set between two batches."""
        self._capture = capture
        self._live = LiveFlows() if live is None else live
        self._short = (
            None
            if shortcut is None
            else ShortWay(self._live, shortcut, self._feed, self._uncapped, is_patient=is_patient)
        )
        self._index = FlowIndex(self._live, seed=seed, max_keys=max_keys)
        self._connections: list[Connection[S_co] | None] = [None] * self._live.capacity
        self._icmp: dict[int, list[IcmpError]] = {}
        self._now_ns = LiveFlows.NEVER
        self._holes = Holes()
        self._checkpoint = CHECKPOINT_FRAMES
        self.notes: dict[str, int] = {}
        """What a report should tell, by key of :func:`capanalyzer.streams.notes.describe_tracker_note`."""
        self.turn = 0
        """Sessions are given by ascending turn, those of one turn by stream number: the turn of the one given last.
        It is the same whatever the share."""
        self._last_frame = 0

    @property
    def streams(self) -> int:
        """Streams numbered so far."""
        return self._index.streams

    def feed(self, table: PacketTable, last_frame: int) -> Iterator[S_co]:
        """Take a batch whose last packet (of whatever kind) is ``last_frame``; give the sessions that ended."""
        start, icmp = 0, table.icmp
        table, from_error = with_quotes(table)
        while self._checkpoint <= last_frame:
            stop = int(np.searchsorted(table.frame, self._checkpoint, side="right"))
            now = [error for error in icmp if error.frame <= self._checkpoint]
            self._last_frame = self._checkpoint
            yield from self._take(Chunk(table, start, stop, from_error), now)
            icmp = icmp[len(now) :]
            yield from self._leave()
            start, self._checkpoint = stop, self._checkpoint + CHECKPOINT_FRAMES
        self._last_frame = last_frame
        yield from self._take(Chunk(table, start, len(table), from_error), icmp)

    def finish(self) -> Iterator[S_co]:
        """The capture is over: all that is still open."""
        yield from self._hand_on(self._live.used(), Ended.CAPTURE_END)

    # -- one chunk of segments ---------------------------------------------------------------------

    def _take(self, chunk: Chunk, icmp: Sequence[IcmpError]) -> Iterator[S_co]:
        if len(chunk.frame):
            self._now_ns = max(self._now_ns, int(chunk.time_ns.max()))
            self._holes.see(chunk.time_ns)
            collisions = self._index.collisions
            ended = self._index.assign(chunk)
            if self._index.collisions > collisions:
                self._note("endpoint-collisions", self._index.collisions - collisions)
            if len(self._connections) < self._live.capacity:
                self._connections += [None] * (self._live.capacity - len(self._connections))
            known = np.flatnonzero(chunk.cell > 0)
            if len(known) < len(chunk.cell):
                lost = np.flatnonzero(chunk.cell <= 0)
                late = len(lost) - (self._index.collisions - collisions)
                if len(chunk.from_error):
                    late -= int(np.count_nonzero(chunk.from_error.take(lost) >= 0))
                if late:
                    self._note("late-packets", late)
                chunk.keep(known)
            note_quotes(chunk, self._index, self._live)
            place_segments(chunk, self._live)
            if self.observe is not None:
                self.observe(self._live.stream.take(chunk.cell), chunk.frame, chunk.length)
            if len(chunk.from_error):
                self._tie_quotes(chunk)
            count_segments(chunk, self._live)
            if self._share.of > 1:
                chunk.keep(np.flatnonzero(self._share.has(self._live.stream.take(chunk.cell))))
            self._pass_on(chunk, rows_that_leave(chunk, self._live))
            if ended:
                yield from self._hand_on(np.array(list(ended), np.int64), Ended.REUSED, ended)
        for error in icmp:
            self._now_ns = max(self._now_ns, error.time_ns)
            if error.quoted_flags is None:
                cell = self._index.cell_of_pair(error.quoted_source, error.quoted_destination)
                self._tie(error, cell)
                if self.observe is not None and cell > 0:
                    self.observe(self._live.stream[[cell]], np.array([error.frame]), np.zeros(1, np.int64))

    def _pass_on(self, chunk: Chunk, rows: I64) -> None:
        """Group rows by flow and feed them; a connection that then wants more of this chunk gets it."""
        if len(rows):
            rows = rows.take(stable_order(chunk.cell.take(rows)))
        if self._short is not None:
            rows = self._short.pass_on(chunk, rows)
        self._feed(chunk, rows, chunk)

    def _feed(self, chunk: Chunk, rows: I64, whole: Chunk | None) -> None:
        """Feed rows, grouped by flow, to their connections.

        Many connections are settled by their first few segments: of long groups these go ahead, and of what follows in
        settled ones only what still says something is made into rows.

        :param whole: in which more of these flows may be found than in ``chunk``.
        """
        first = first_of_long(chunk.cell.take(rows), self._live, cap.MAX_ROWS)
        if first.any():
            self._feed_all(chunk, rows.compress(first), None)
            rows = rows.compress(~first)
            rows = rows.compress(is_heard(chunk, rows, self._live))
        self._feed_all(chunk, rows, whole)

    def _feed_all(self, chunk: Chunk, rows: I64, whole: Chunk | None) -> None:
        if not len(rows):
            return
        connections, connect, live = self._connections, self._connect, self._live
        groups, starts, sizes = groups_of(chunk.cell.take(rows))
        ends = starts + sizes
        segments = chunk.rows(rows)
        settled: list[int] = []
        silent: list[int] = []
        seen = live.rows.take(groups) + sizes
        live.rows[groups] = seen
        over = bool((seen > cap.MAX_ROWS).any())
        for start, end, cell in zip(starts.tolist(), ends.tolist(), groups.tolist(), strict=True):
            connection = connections[cell]
            if connection is None:
                connection = connections[cell] = connect()
            if over and live.rows[cell] > cap.MAX_ROWS:
                self._feed_capped(cell, connection, segments[start:end])
            else:
                connection.feed(segments[start:end])
            if connection.settled:
                settled.append(cell)
                if connection.silent:
                    silent.append(cell)
            elif connection.wanted != WANTED and whole is not None:
                self._widen(whole, cell, connection)
        live.settled[settled] = True
        live.silent[silent] = True

    def _feed_capped(self, cell: int, connection: Connection[S_co], group: list[Row]) -> None:
        """Feed a connection that has more rows than it may look at, with these the last ones."""
        live = self._live
        room = max(cap.MAX_ROWS - int(live.rows[cell]) + len(group), 0)
        connection.feed(group[:room])
        rest = group[room:]
        if connection.settled:  # with this known before, they would not have left
            live.rows[cell] -= len(rest)
        else:
            kept = within_cap(cell, [row[3] for row in rest], live)
            self._note("segments-beyond-cap", len(rest) - len(kept))
            rest = [rest[at] for at in kept]
        connection.feed(rest)

    def _widen(self, chunk: Chunk, cell: int, connection: Connection[S_co]) -> None:
        """A handshake message announces more than was wanted so far: fetch what this chunk has of it."""
        live = self._live
        while not connection.settled:
            old = live.wanted[2 * cell : 2 * cell + 2].copy()
            new = np.maximum(old, connection.wanted)
            if (new == old).all() or live.rows[cell] > cap.MAX_ROWS:
                return
            live.wanted[2 * cell : 2 * cell + 2] = new
            rows = rows_within(chunk, live, cell, old, new)
            if not len(rows):
                return
            live.rows[cell] += len(rows)
            connection.feed(chunk.rows(rows))

    def _uncapped(self, chunk: Chunk, rows: I64) -> I64:
        """Of rows, grouped by flow, those that no cap leaves out."""
        kept = rows_within_cap(chunk, rows, self._live)
        if len(kept) < len(rows):
            self._note("segments-beyond-cap", len(rows) - len(kept))
        return kept

    def _tie_quotes(self, chunk: Chunk) -> None:
        """Quoted segments have their numbers now: keep the errors with their flows, go on with what was captured."""
        quotes = np.flatnonzero(chunk.from_error >= 0)
        for number, cell in zip(chunk.from_error.take(quotes).tolist(), chunk.cell.take(quotes).tolist(), strict=True):
            self._tie(chunk.table.icmp[number], cell)
        chunk.keep(np.flatnonzero(chunk.from_error < 0))

    def _tie(self, error: IcmpError, cell: int) -> None:
        """Keep an ICMP error with the flow whose segment it quotes."""
        if cell <= 0:
            return
        if cell not in self._icmp and len(self._icmp) >= MAX_ICMP_FLOWS:
            self._note("icmp-beyond-cap", 1)
            return
        errors = self._icmp.setdefault(cell, [])
        if len(errors) < MAX_ICMP:
            errors.append(error)

    # -- flows that leave --------------------------------------------------------------------------

    def _leave(self) -> Iterator[S_co]:
        """At a checkpoint: hand on what is over, idle, or too much."""
        live = self._live
        yield from self._hand_on_over()
        used = live.used()
        excess = len(used) - MAX_LIVE
        if excess > 0:
            quietest = used.take(np.lexsort((live.stream.take(used), live.last_of(used)))[:excess])
            self._note("flows-evicted", excess)
            yield from self._hand_on(quietest, Ended.EVICTED)
        self._forget()

    def _hand_on_over(self) -> Iterator[S_co]:
        """What is closed or idle."""
        live = self._live
        used = live.used()
        quiet_ns = self._now_ns - live.last_of(used)
        closed = is_over(live.closing.take(used)) & (quiet_ns > LINGER_NS)
        idle = ~closed & (quiet_ns > IDLE_NS)
        yield from self._hand_on(used.compress(closed), Ended.CLOSED)
        yield from self._hand_on(used.compress(idle), Ended.IDLE)

    def _forget(self) -> None:
        forgotten = self._index.forget()
        if forgotten:
            self._note("keys-forgotten", forgotten)

    def _hand_on(self, cells: I64, ended: Ended, until_ns: Mapping[int, int] | None = None) -> Iterator[S_co]:
        """Finish these flows in order of their numbers and give their cells back.

        ``until_ns``: by cell, when watching it ended if that is not now.
        """
        if not len(cells):
            return
        live = self._live
        cells = cells.take(np.argsort(live.stream.take(cells)))
        if self._short is not None:
            self._short.end_wait(cells)
        if ended is not Ended.REUSED:
            self._index.leave(cells)
        self.turn = len(_TURNS) * self._last_frame + _TURNS[ended]
        left_out = self._left_out(cells)
        if left_out.any():
            if self._icmp:
                for cell in cells.compress(left_out).tolist():
                    self._icmp.pop(cell, None)
            live.give_back(cells.compress(left_out))
            cells = cells.compress(~left_out)
            if not len(cells):
                return
        flows = self._flows(cells, ended, until_ns)
        is_short = live.short.take(cells)
        plain = flows.some(np.flatnonzero(~is_short))
        by_rows = zip(plain.cell.tolist(), plain, strict=True)
        departure = self._short.finish(flows.some(np.flatnonzero(is_short))) if self._short is not None else None
        given = 0
        edges = np.flatnonzero(np.diff(is_short)) + 1
        for start, stop in pairwise([0, *edges.tolist(), len(cells)]):
            if departure is not None and is_short[start]:
                yield departure.run(given, given + stop - start)
                given += stop - start
                continue
            for cell, flow in islice(by_rows, stop - start):
                yield self._finish(cell, flow)
        for cell in self._icmp.keys() & set(cells.tolist()):
            del self._icmp[cell]
        live.give_back(cells)

    def _left_out(self, cells: I64) -> Bools:
        """Of flows that leave those that make no session here."""
        live = self._live
        return live.only_quoted.take(cells) | ~self._share.has(live.stream.take(cells))

    def _flows(self, cells: I64, ended: Ended, until_ns: Mapping[int, int] | None = None) -> Flows:
        """Counters and identity of these flows as they are now."""
        now_ns, holes = self._now_ns, self._holes

        def watched_until(cell: int, last_ns: int) -> int:
            return holes.watched_until(last_ns, until_ns[cell] if until_ns else now_ns)

        icmp = {cell: tuple(self._icmp[cell]) for cell in self._icmp.keys() & set(cells.tolist())}
        return Flows(self._live, cells, capture=self._capture, ended=ended, watched_until=watched_until, icmp=icmp)

    def _finish(self, cell: int, flow: Flow) -> S_co:
        """The session of a flow that leaves."""
        connection = self._connections[cell] or self._connect()
        self._connections[cell] = None
        return connection.finish(flow)

    def _note(self, what: str, count: int) -> None:
        self.notes[what] = self.notes.get(what, 0) + count
