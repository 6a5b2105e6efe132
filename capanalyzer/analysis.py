"""The core, free of input and output: batches of packets in, judged sessions out.

:class:`Analysis` runs one capture through packets, streams, handshake and diagnosis. It opens nothing,
sleeps never and asks no clock: *now* is the newest packet's time. :func:`analyze_captures` drives it
over captures that ``capture.source`` opens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from capanalyzer.capture.records import Capture, CaptureInfo, RecordBatch
from capanalyzer.capture.source import open_captures
from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.errors import CaptureError
from capanalyzer.handshake.connection import TLS_PORTS, Connection
from capanalyzer.handshake.ordinary import Ordinary
from capanalyzer.handshake.session import Session
from capanalyzer.packets.decode import Decoder
from capanalyzer.packets.notes import describe_note
from capanalyzer.streams.tracker import Tracker, describe_tracker_note

__all__ = ["Analysis", "CaptureRun", "Options", "analyze_captures"]

MAX_WARNINGS: Final = 100
"""Warnings kept for one capture; a damaged one may have a reason for each of its packets."""

_LIMITS: Final = {
    "held": "{n} failed sessions were judged without comparing them with the rest of the capture: too many failed",
    "servers": "{n} sessions taught nothing about their servers: the capture has too many different ones",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What an analysis can be told."""

    tls_ports: frozenset[int] = frozenset()
    """Ports on which TLS is expected, beside the well-known ones; TLS itself is found on any port."""
    jobs: int = 1
    """Processes to use."""
    full_timeline: bool = False
    """The timeline of every session will be asked for: all messages are kept, also of ordinary sessions."""


class Analysis:
    """One capture: :meth:`feed` its batches in order, then :meth:`finish`."""

    def __init__(self, options: Options, *, capture: int = 0) -> None:
        self._decoder = Decoder()
        self._judge = Judge(tls_ports=options.tls_ports)
        tls_ports = TLS_PORTS | options.tls_ports
        self._tracker: Tracker[Session] = Tracker(
            lambda: Connection(tls_ports=tls_ports),
            shortcut=None if options.full_timeline else Ordinary(),
            capture=capture,
        )

    def feed(self, batch: RecordBatch) -> Iterator[tuple[Session, Verdict]]:
        """Take a batch; give the sessions whose verdict is final."""
        table = self._decoder.decode(batch)
        for session in self._tracker.feed(table, batch.first_frame + len(batch) - 1):
            verdict = self._judge.see(session)
            if verdict is not None:
                yield session, verdict

    def finish(self) -> Iterator[tuple[Session, Verdict]]:
        """The capture is over: every session not given yet."""
        self._decoder.finish()
        for session in self._tracker.finish():
            verdict = self._judge.see(session)
            if verdict is not None:
                yield session, verdict
        yield from self._judge.finish()

    def warnings(self) -> list[str]:
        """One plain sentence for each thing that was met and not analysed."""
        told = [describe_note(key, count) for key, count in self._decoder.notes.items()]
        told += [describe_tracker_note(key, count) for key, count in self._tracker.notes.items()]
        told += [_LIMITS[key].format(n=count) for key, count in self._judge.limits().items()]
        return told[:MAX_WARNINGS]


class CaptureRun:
    """One capture on its way through an :class:`Analysis`."""

    def __init__(self, index: int, capture: Capture, options: Options) -> None:
        self.index = index
        self._capture, self._options = capture, options

    @property
    def info(self) -> CaptureInfo:
        """Final once :meth:`sessions` has been read to its end."""
        return self._capture.info

    def progress(self) -> tuple[int, int | None]:
        """(input bytes read, input bytes in all or None)."""
        return self._capture.progress()

    def sessions(self) -> Iterator[tuple[Session, Verdict]]:
        """Every session with its verdict, as verdicts become final. To be read once.

        :raises CaptureError: where the input turns out to be unreadable only now.
        """
        analysis = Analysis(self._options, capture=self.index)
        for batch in self._capture.batches():
            yield from analysis.feed(batch)
        yield from analysis.finish()
        self.info.warnings += analysis.warnings()


def analyze_captures(inputs: Sequence[str | BinaryIO], options: Options) -> Iterator[CaptureRun | CaptureError]:
    """A run for each capture among ``inputs``, in order; a CaptureError for each input that cannot be read."""
    index = 0
    for capture in open_captures(inputs):
        if isinstance(capture, CaptureError):
            yield capture
        else:
            yield CaptureRun(index, capture, options)
            index += 1
