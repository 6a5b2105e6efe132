"""The core, free of input and output: batches of packets in, judged sessions out.

:class:`Analysis` runs one capture through packets, streams, handshake and diagnosis. It opens nothing,
sleeps never and asks no clock: *now* is the newest packet's time. :func:`analyze_captures` drives it
over captures that ``capture.source`` opens. Several of them, each with its share of the connections, do one capture
together (:mod:`capanalyzer.parallel`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, TypeAlias

from capanalyzer.capture.records import Capture, CaptureInfo, F5Capture, RecordBatch
from capanalyzer.capture.source import open_captures
from capanalyzer.diagnosis.bulk import JudgedRun
from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.knowledge import Knowledge
from capanalyzer.diagnosis.trust.roots import Roots
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.errors import CaptureError
from capanalyzer.handshake.connection import TLS_PORTS, Connection
from capanalyzer.handshake.departure import OrdinaryRun
from capanalyzer.handshake.ordinary import Ordinary
from capanalyzer.handshake.session import Session
from capanalyzer.packets.decode import Decoder
from capanalyzer.packets.notes import describe_note
from capanalyzer.remark import Remark
from capanalyzer.streams.f5.collect import Collector
from capanalyzer.streams.notes import describe_tracker_note, is_note_of_share
from capanalyzer.streams.share import WHOLE, NotDivisible, Share
from capanalyzer.streams.tracker import Tracker

__all__ = ["Analysis", "CaptureRun", "Judged", "Options", "Tally", "analyze_captures"]

Judged: TypeAlias = "tuple[Session, Verdict] | JudgedRun"
"""A session with its verdict, or several that simply work."""

MAX_WARNINGS: Final = 100
"""Warnings kept for one capture; a damaged one may have a reason for each of its packets."""

_LIMITS: Final[dict[str, Callable[[int], Remark]]] = {
    "held": lambda n: Remark.counted(
        "{n} failed session was judged without comparing it with the rest of the capture: too many failed",
        "{n} failed sessions were judged without comparing them with the rest of the capture: too many failed",
        n,
    ),
    "servers": lambda n: Remark.counted(
        "{n} session taught nothing about its server: the capture has too many different ones",
        "{n} sessions taught nothing about their servers: the capture has too many different ones",
        n,
    ),
    "sides": lambda n: Remark.counted(
        "{n} session that a BIG-IP proxies is told without what became of its other side: too many of them",
        "{n} sessions that a BIG-IP proxies are told without what became of their other side: too many of them",
        n,
    ),
    "f5": lambda n: Remark.counted(
        "the F5 data of {n} connection was forgotten: too many of them; its other side may not be found",
        "the F5 data of {n} connections was forgotten: too many of them; their other side may not be found",
        n,
    ),
}


@dataclass(frozen=True, slots=True)
class Options:
    """What an analysis can be told."""

    tls_ports: frozenset[int] = frozenset()
    """Ports on which TLS is expected, beside the well-known ones; TLS itself is found on any port."""
    jobs: int = 1
    """Processes to use."""
    spool: str | None = None
    """A folder into which standard input, pipes and URLs are copied while they are read, so that they can be read
    again (bounded, see :mod:`capanalyzer.capture.spool`)."""
    full_timeline: bool = False
    """The timeline of every session will be asked for: all messages are kept, also of ordinary sessions."""
    ca_certificates: tuple[bytes, ...] = ()
    """DERs of roots that clients trust beside the public ones."""


class Tally:
    """What an analysis met and did not analyse, counted."""

    def __init__(self, packets: dict[str, int], streams: dict[str, int], limits: dict[str, int]) -> None:
        self._packets, self._streams, self._limits = packets, streams, limits

    def add_share(self, other: Tally) -> None:
        """Add what another share of the same capture counted for itself alone."""
        for key, count in other._streams.items():
            if is_note_of_share(key):
                self._streams[key] = self._streams.get(key, 0) + count
        # Servers are counted in what all shares know together.
        self._limits["held"] = self._limits.get("held", 0) + other._limits.get("held", 0)

    def warnings(self) -> list[Remark]:
        """One plain sentence each."""
        told = [describe_note(key, count) for key, count in self._packets.items()]
        told += [describe_tracker_note(key, count) for key, count in sorted(self._streams.items())]
        told += [sentence(self._limits[key]) for key, sentence in _LIMITS.items() if self._limits.get(key)]
        return told[:MAX_WARNINGS]


class Analysis:
    """One capture: :meth:`feed` its batches in order, then :meth:`finish`."""

    def __init__(
        self, options: Options, *, capture: int = 0, share: Share = WHOLE, seeds: tuple[int, int] | None = None
    ) -> None:
        """An analysis of one capture.

        :param share: the connections whose sessions are to be given.
        :param seeds: of the hash functions, equal for all shares of a capture; None draws them.
        """
        for_packets, for_streams = seeds or (None, None)
        self._share = share
        self._decoder = Decoder(seed=for_packets)
        self._judge = Judge(tls_ports=options.tls_ports, roots=Roots(options.ca_certificates))
        tls_ports = TLS_PORTS | options.tls_ports
        self._tracker: Tracker[Session | OrdinaryRun] = Tracker(
            lambda: Connection(tls_ports=tls_ports),
            shortcut=None if options.full_timeline else Ordinary(),
            capture=capture,
            seed=for_streams,
            share=share,
        )
        self._f5 = Collector()
        self._held = array("q")
        """Turns of the sessions that the judge holds."""
        self.turn = 0
        """Turn of the session given last. By turn, then by stream number, the sessions of all shares are in order."""

    @property
    def knowledge(self) -> Knowledge:
        """What the sessions so far taught. Other shares' knowledge is to be merged into it before :meth:`compare`."""
        return self._judge.knowledge

    def feed(self, batch: RecordBatch) -> Iterator[Judged]:
        """Take a batch; give the sessions whose verdict is final.

        :raises NotDivisible: a share was asked for, and the batch shows that a BIG-IP made the capture. So it does for
            every share, and before any session of this batch.
        """
        table = self._decoder.decode(batch)
        is_big_ip = self._f5.look(batch, table)
        if is_big_ip and self._share != WHOLE:
            raise NotDivisible
        self._tracker.observe = self._f5.observe if is_big_ip else None
        yield from self._see(self._tracker.feed(table, batch.first_frame + len(batch) - 1))

    def finish(self) -> Iterator[Judged]:
        """The capture is over: every session not given yet."""
        yield from self.close()
        yield from self.compare()

    def close(self) -> Iterator[Judged]:
        """The first part of :meth:`finish`: no packets come any more."""
        self._decoder.finish()
        yield from self._see(self._tracker.finish())

    def compare(self) -> Iterator[tuple[Session, Verdict]]:
        """The second part: sessions whose verdict needs the knowledge of the whole capture."""
        for turn, judged in zip(self._held, self._judge.finish(), strict=True):
            self.turn = turn
            yield judged

    def tally(self) -> Tally:
        """What was met and not analysed."""
        limits = {**self._judge.limits(), "f5": self._f5.forgotten}
        return Tally(dict(self._decoder.notes), dict(self._tracker.notes), limits)

    @property
    def f5(self) -> F5Capture | None:
        """What a BIG-IP says of its capture, as far as it was read."""
        return self._f5.info

    def _see(self, sessions: Iterator[Session | OrdinaryRun]) -> Iterator[Judged]:
        see, tracker = self._judge.see, self._tracker
        f5 = self._f5 if self._f5.has_trailers else None
        for session in sessions if f5 is None else _with_f5(sessions, f5):
            if isinstance(session, OrdinaryRun):
                for part in self._judge.see_run(session):
                    if isinstance(part, JudgedRun):
                        self.turn = tracker.turn
                        yield part
                    else:
                        yield from self._pass_on(*part)
            else:
                yield from self._pass_on(session, see(session))

    def _pass_on(self, session: Session, verdict: Verdict | None) -> Iterator[tuple[Session, Verdict]]:
        """A session, if its verdict is final."""
        if verdict is None:
            self._held.append(self._tracker.turn)
        else:
            self.turn = self._tracker.turn
            yield session, verdict


def _with_f5(sessions: Iterator[Session | OrdinaryRun], collector: Collector) -> Iterator[Session]:
    """Each session for itself, with what the trailers say of it."""
    for one in sessions:
        for session in one if isinstance(one, OrdinaryRun) else (one,):
            session.f5 = collector.take(session.stream)
            yield session


class CaptureRun:
    """One capture on its way through an :class:`Analysis`."""

    def __init__(self, index: int, capture: Capture, options: Options) -> None:
        self.index = index
        self._capture, self._options = capture, options

    @property
    def info(self) -> CaptureInfo:
        """Final once :meth:`sessions` has been read to its end."""
        return self._capture.info

    @property
    def copies(self) -> list[str]:
        """Files from which the same capture can be read again; empty where there are none."""
        return self._capture.copies

    def progress(self) -> tuple[int, int | None]:
        """(input bytes read, input bytes in all or None)."""
        return self._capture.progress()

    def sessions(self) -> Iterator[tuple[Session, Verdict]]:
        """Every session with its verdict, as verdicts become final. To be read once.

        :raises CaptureError: where the input turns out to be unreadable only now.
        """
        for judged in self.judged():
            if isinstance(judged, JudgedRun):
                yield from judged
            else:
                yield judged

    def judged(self) -> Iterator[Judged]:
        """The same; sessions that simply work come together where they follow each other."""
        analysis = Analysis(self._options, capture=self.index)
        for batch in self._capture.batches():
            yield from analysis.feed(batch)
        yield from analysis.finish()
        self.info.f5 = analysis.f5
        self.info.warnings += analysis.tally().warnings()


def analyze_captures(inputs: Sequence[str | BinaryIO], options: Options) -> Iterator[CaptureRun | CaptureError]:
    """A run for each capture among ``inputs``, in order; a CaptureError for each input that cannot be read."""
    index = 0
    for capture in open_captures(inputs, spool=options.spool):
        if isinstance(capture, CaptureError):
            yield capture
        else:
            yield CaptureRun(index, capture, options)
            index += 1
