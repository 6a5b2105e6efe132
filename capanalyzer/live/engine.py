"""The run itself: packets from a live source, verdicts to listeners, while connections are still open.

One pipeline with files (decoder, tracker, judge), driven otherwise:

- **Looks.** What happens on a connection makes it due for a look soon after it falls quiet
  (:mod:`capanalyzer.streams.running`). A failure that its bytes prove is told then. Where only silence can prove one,
  the next look is at the time when a rule's patience runs out (:mod:`capanalyzer.diagnosis.timers`). An established
  session is told once, and forgotten but for a row of counters.
- **The last word** is said when the connection leaves (closed and quiet for 5 s, or idle for 10 minutes), and for what
  other sessions may explain once more up to 5 minutes later (:mod:`capanalyzer.diagnosis.running`). When it is another
  one, the session is told again under the same id.
- **Time** is the source's clock, which says up to when everything that came was handed on: a backlog is no silence.
  When that clock is set back, all begins anew; of a file it is the order that counts. When it may have been set
  forward, silence proves something only after a second more of it.
- **Losses.** When the source lost packets, whatever was open meanwhile is incomplete where it would have failed by
  what was not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, monotonic_ns, time_ns
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.analysis import Options
from capanalyzer.capture.clock import BACK_NS, Leaps, set_back
from capanalyzer.capture.live_source import Drops, LiveSource
from capanalyzer.capture.records import RecordBatch
from capanalyzer.diagnosis.bulk import JudgedRun
from capanalyzer.diagnosis.running import RunningJudge, Thought
from capanalyzer.diagnosis.story import PATIENCE_NS
from capanalyzer.diagnosis.trust.roots import Roots
from capanalyzer.diagnosis.verdict import Outcome, Verdict
from capanalyzer.handshake.connection import TLS_PORTS, Connection
from capanalyzer.handshake.departure import OrdinaryRun
from capanalyzer.handshake.ordinary import Ordinary
from capanalyzer.handshake.session import Session
from capanalyzer.live.belonging import Belonging
from capanalyzer.live.big_ip import BigIp
from capanalyzer.live.listener import Listener, State
from capanalyzer.live.telling import Telling
from capanalyzer.packets.decode import Decoder
from capanalyzer.report import model
from capanalyzer.streams.flow import Ended
from capanalyzer.streams.limits import AT_ONCE, Limits
from capanalyzer.streams.running import SETTLE_NS, RunningTracker

if TYPE_CHECKING:
    from capanalyzer.report.filter import Filter

__all__ = ["Engine"]

I64 = NDArray[np.int64]

LEAVE_NS: Final = 10**9
"""How often connections that are over are handed on, in capture time."""
TICK_S: Final = 1.0
PLAIN_NS: Final = 60 * 10**9
"""A connection without TLS is forgotten after so long, when nothing came that makes it a failure."""
ASLEEP_NS: Final = 5 * 10**9
"""When the source's clock went on for so much longer than this process ran, nobody listened meanwhile."""
MAX_DRAINED: Final = 64
"""Batches still read at the end, of what had been captured before."""


class Engine:
    """Drives a source; tells listeners. To be used in one thread: :meth:`step` again and again, then :meth:`end`."""

    def __init__(
        self,
        source: LiveSource,
        listeners: Sequence[Listener],
        options: Options,
        *,
        is_watched: bool,
        is_file: bool = False,
        may_be_trimmed: bool = True,
        lang: str = "en",
        chosen: Filter | None = None,
        limits: Limits | None = None,
    ) -> None:
        """A run.

        :param is_watched: the source's clock is this machine's, as an interface's is: when the machine sleeps, nobody
            watches.
        :param is_file: nobody waits for these packets: they were captured before, and their clock is that of a file,
            where the order of the packets counts and what it does between them does not.
        :param may_be_trimmed: the packets may come from a file of which somebody kept the beginnings of connections
            only.
        :param lang: language of the texts.
        :param chosen: only these sessions are told and counted.
        """
        self._source, self._listeners = source, tuple(listeners)
        self._is_watched, self._is_file, self._lang, self._chosen = is_watched, is_file, lang, chosen
        self._telling = Telling(self._listeners, chosen, lang)
        self._decoder, self._belonging = Decoder(), Belonging()
        self._big_ip = BigIp(is_read=not is_watched)
        self._judge = RunningJudge(
            tls_ports=options.tls_ports, roots=Roots(options.ca_certificates), may_be_trimmed=may_be_trimmed
        )
        tls_ports = TLS_PORTS | options.tls_ports
        self._tracker: RunningTracker[Session | OrdinaryRun] = RunningTracker(
            lambda: Connection(tls_ports=tls_ports),
            silence_ns=PATIENCE_NS,
            shortcut=Ordinary(),
            limits=limits,
            observe=self._observe if self._listeners or not is_watched else None,
        )
        self.packets = self._bytes = 0
        """Taken so far."""
        self._now_ns = 0
        self._started_ns: int | None = None
        self._clock: tuple[int, int] | None = None
        """The source's clock, looked at last; and by how much, at most, it was ahead of this process's."""
        self._leaps = Leaps()
        self._dropped, self._asked_ns = Drops(), 0
        self._next_leave_ns = 0
        self._next_tick_s = 0.0

    @property
    def failed(self) -> int:
        """Sessions that failed, by their latest verdicts."""
        return self._telling.tally.outcomes[Outcome.FAILED]

    def step(self, timeout_s: float, most: int | None = None) -> None:
        """Read what has come, at most waiting so long; tell what there is to be told.

        :param most: take so many packets, what comes with them is left out.
        """
        batch = self._source.read(timeout_s)
        if batch is not None and len(batch):
            self.take(batch if most is None or len(batch) <= most else batch.head(most))
        self.advance(self._source.now_ns())
        if monotonic() >= self._next_tick_s:
            self._next_tick_s = monotonic() + TICK_S
            self.tick()

    def take(self, batch: RecordBatch) -> None:
        """Packets. Where the clock was set back between them, what came before is over."""
        start = 0
        for row in () if self._is_file else set_back(batch.time_ns, self._now_ns):
            if row > start:
                for part in batch.part(start, row).parts(AT_ONCE):
                    self._take(part)
                self.advance(int(batch.time_ns[start:row].max()))
            self._begin_anew(int(batch.time_ns[row]))
            start = row
        for part in (batch.part(start, len(batch)) if start else batch).parts(AT_ONCE):
            self._take(part)

    def _take(self, batch: RecordBatch) -> None:
        if self._started_ns is None:
            self.advance(int(batch.time_ns.min()))
        self.packets += len(batch)
        self._bytes += int(batch.original.sum())
        for listener in self._listeners:
            listener.packets(batch)
        table = self._decoder.decode(batch)
        self._big_ip.look(batch, table)
        for session in self._tracker.feed(table, batch.first_frame + len(batch) - 1):
            self._left(session)
        if not self._is_watched:
            self._notice_leap(batch.time_ns)
        if self._listeners:
            streams, frames = self._belonging.take(dict(self._decoder.carriers))
            for listener in self._listeners:
                listener.belong(streams, frames)

    def advance(self, now_ns: int) -> None:
        """It is so late; look at what is due."""
        if now_ns <= 0:
            return  # before the first packet of a pipe
        if self._is_watched:
            now_ns = min(now_ns, time_ns())
        if now_ns < self._now_ns - BACK_NS and not self._is_file:
            self._begin_anew(now_ns)
        self._now_ns = now_ns = max(self._now_ns, now_ns)
        if self._started_ns is None:
            self._started_ns = self._asked_ns = now_ns
        self._notice_sleep()
        self._tracker.advance(now_ns, is_watched=not self._is_file)
        if self._tracker.is_due():
            self._notice_drops()
            for cell, session in self._tracker.look():
                assert isinstance(session, Session)
                self._looked(cell, session)
        if now_ns >= self._next_leave_ns:
            self._next_leave_ns = now_ns + LEAVE_NS
            self._notice_drops()
            for session in self._tracker.leave():
                self._left(session)
            for again in self._judge.again(now_ns):
                again.held.told = self._tell(again.held.session, again.verdict, again.held.told, final=again.final)

    def tick(self) -> None:
        """Tell how it stands."""
        for incident in self._telling.incidents.changed(self._now_ns):
            for listener in self._listeners:
                listener.incident(incident, new=False)
        state = self.state()
        for listener in self._listeners:
            listener.tick(state)

    def end(self, *, drain: bool = True) -> None:
        """No packets come any more: say the last word on everything.

        :param drain: after reading what had been captured before.
        """
        for _ in range(MAX_DRAINED if drain else 0):
            batch = None if self._source.ended else self._source.read(0)
            if batch is None or not len(batch):
                break
            self.take(batch)
            self.advance(self._source.now_ns())
        self._notice_drops()
        if self._big_ip.is_seen:  # the side that failed first is told first, so that it is the other one's cause
            for cell, session in self._tracker.look(ahead_ns=SETTLE_NS):
                assert isinstance(session, Session)
                self._looked(cell, session)
        self._decoder.finish()
        for session in self._tracker.finish():
            self._left(session)
        for again in self._judge.end():
            self._tell(again.held.session, again.verdict, again.held.told, final=True)
        self.tick()

    def state(self) -> State:
        """How it stands."""
        evicted = {
            **self._tracker.evicted,
            "held": self._judge.held_early,
            "f5": self._big_ip.forgotten,
            "incidents": self._telling.incidents.evicted,
        }
        return State(
            now_ns=self._now_ns,
            started_ns=self._started_ns or 0,
            packets=self.packets,
            bytes=self._bytes,
            drops=self._dropped,
            outcomes=dict(self._telling.tally.outcomes),
            causes=dict(self._telling.tally.failures),
            tables={**self._tracker.tables(), "held": self._judge.held, "incidents": len(self._telling.incidents)},
            evicted={table: count for table, count in evicted.items() if count},
            interfaces=self._source.interfaces(),
        )

    def news(self) -> list[str]:
        """What is to be said of the packets since this was asked last, a sentence each."""
        return self._big_ip.news(self._source.info, self._lang)

    def trailer(self) -> model.Trailer:
        """What is known at the end, as the last line of JSONL."""
        info = self._source.info
        info.f5 = self._big_ip.info
        info.packets, info.bytes, info.dropped_packets = self.packets, self._bytes, self._dropped.total
        info.warnings += self._telling.tally.warnings(
            packets=self._decoder.notes,
            streams=self._tracker.notes,
            evicted={**self.state().evicted, "unlisted": self._telling.incidents.unlisted},
        )
        return self._telling.tally.trailer(info, self._telling.incidents.all(), self._chosen, self._lang)

    # -- what is thought of sessions ---------------------------------------------------------------

    def _looked(self, cell: int, session: Session) -> None:
        """A session that is open."""
        tracker, now_ns = self._tracker, self._now_ns
        thought = self._judge.look(self._big_ip.tell(session), now_ns, learned=tracker.learned)
        verdict, told = thought.verdict, tracker.told
        is_settled = tracker.is_settled(cell)
        over = is_settled and verdict.outcome is Outcome.ESTABLISHED
        if is_settled and verdict.outcome is Outcome.PLAINTEXT and not thought.may_change:
            over = now_ns - session.start_ns >= PLAIN_NS
            if not over:
                tracker.look_again(cell, session.start_ns + PLAIN_NS)
        if told or over or verdict.outcome in (Outcome.FAILED, Outcome.ESTABLISHED):
            told = self._tell(session, verdict, told, final=over)
        tracker.note(cell, told=told, learned=thought.learned, proved=verdict.outcome is Outcome.FAILED)
        if over:
            tracker.release(cell)
        elif thought.timer_ns is not None:
            tracker.look_again(cell, thought.timer_ns)

    def _left(self, session: Session | OrdinaryRun) -> None:
        """A session that is over, or sessions that work and of which nothing else is to be expected."""
        if isinstance(session, OrdinaryRun):
            if self._big_ip.is_seen:
                for each in session:
                    self._leave(each, self._judge.leave(self._big_ip.tell(each), self._now_ns, learned=0), 0)
                return
            for part in self._judge.look_run(session, self._now_ns):
                if isinstance(part, JudgedRun):
                    self._telling.working(part, self._now_ns)
                else:
                    self._leave(part[0], part[1], 0)
            return
        told, learned = self._tracker.told, self._tracker.learned
        self._leave(session, self._judge.leave(self._big_ip.tell(session), self._now_ns, learned=learned), told)

    def _leave(self, session: Session, thought: Thought, told: int) -> None:
        """Say the last word of a session, as far as it is known."""
        told = self._tell(session, thought.verdict, told, final=not thought.may_change)
        if thought.may_change and thought.story is not None:
            self._judge.hold(thought.story, told, self._now_ns)

    def _tell(self, session: Session, verdict: Verdict, told: int, *, final: bool) -> int:
        """What is told of it now."""
        verdict = self._big_ip.beside(session, verdict)
        return self._telling.verdict(session, verdict, told, self._now_ns, final=final)

    # -- what was not seen -------------------------------------------------------------------------

    def _notice_drops(self) -> None:
        """Packets were lost since this was asked last: between then and now."""
        drops = self._source.drops()
        if drops.total > self._dropped.total:
            self._tracker.losses.add(self._asked_ns, self._now_ns)
        self._dropped, self._asked_ns = drops, self._now_ns

    def _notice_sleep(self) -> None:
        """The machine slept: nothing was lost of what was captured, but nobody captured."""
        if not self._is_watched:
            return
        clock_ns = self._source.now_ns()
        ahead_ns = clock_ns - monotonic_ns()
        if self._clock is not None:
            before_ns, most_ns = self._clock
            # A backlog that is caught up with takes the clock back to where it was, and no further.
            if ahead_ns - most_ns > ASLEEP_NS:
                self._tracker.losses.add(before_ns, clock_ns)
            ahead_ns = max(ahead_ns, most_ns)
        self._clock = clock_ns, ahead_ns

    def _notice_leap(self, time_ns: I64) -> None:
        """What silence would prove since the clock of a pipe leapt is looked at a moment later."""
        leap = self._leaps.see(time_ns, self._now_ns)
        if leap is not None:
            self._tracker.postpone(*leap)
            if self._next_leave_ns > leap.after_ns:
                self._next_leave_ns = leap.until_ns

    def _begin_anew(self, now_ns: int) -> None:
        """The clock was set back: what is open is told as it stands, without a word on what was not seen."""
        for session in self._tracker.finish(Ended.CLOCK_SET):
            self._left(session)
        for again in self._judge.end():
            self._tell(again.held.session, again.verdict, again.held.told, final=True)
        self._tracker.begin_anew(now_ns)
        self._judge.begin_anew(now_ns)
        self._now_ns = self._next_leave_ns = self._asked_ns = now_ns
        self._leaps = Leaps()
        self._clock = None

    def _observe(self, streams: I64, frames: I64, lengths: I64) -> None:
        if self._listeners:
            self._belonging.add(streams, frames)
        self._big_ip.observe(streams, frames, lengths)
