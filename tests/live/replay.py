"""A capture told to listeners as a live run would tell it, but for the time of the verdicts: those come at the end, or
as soon as the analysis of a file has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from capanalyzer.analysis import Analysis, Options
from capanalyzer.capture.live_source import Drops
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.capture.source import open_files
from capanalyzer.diagnosis.bulk import JudgedRun
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.session import Session
from capanalyzer.live.listener import Listener, LiveVerdict, State
from capanalyzer.packets.decode import Decoder
from capanalyzer.report import model
from capanalyzer.report.build import session_id, session_model
from capanalyzer.report.incidents import Incidents
from capanalyzer.streams.tracker import Tracker

I64 = NDArray[np.int64]

QUIET = State(0, 0, 0, 0, Drops(), {}, {})


def slices(batch: RecordBatch, rows: int) -> Iterator[RecordBatch]:
    """Pieces of a batch."""
    for start in range(0, len(batch), rows):
        part = slice(start, start + rows)
        yield RecordBatch(
            batch.data,
            batch.offset[part],
            batch.captured[part],
            batch.original[part],
            batch.time_ns[part],
            batch.link[part],
            batch.first_frame + start,
            None if batch.interface is None else batch.interface[part],
        )


def make(facts: Session, verdict: Verdict) -> model.Session:
    return session_model(session_id(facts.capture, facts.transport, facts.stream), facts, verdict)


class _Nothing:
    settled = silent = True
    wanted = (0, 0)

    def feed(self, rows: object) -> None: ...

    def finish(self, flow: object) -> None: ...


class Replay:
    """Batches first, verdicts then."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.listeners = listeners
        self._decoder = Decoder()
        self._tracker: Tracker[None] = Tracker(_Nothing, observe=self._observe)
        self._analysis = Analysis(Options())
        self._stream_of: dict[int, int] = {}
        self._belonging: list[tuple[I64, I64]] = []
        self.judged: list[tuple[Session, Verdict]] = []
        self.incidents = Incidents()
        self.info = CaptureInfo("eth9", "pcapng")

    def _observe(self, streams: I64, frames: I64, lengths: I64) -> None:
        self._stream_of.update(zip(frames.tolist(), streams.tolist(), strict=True))
        self._belonging.append((streams, frames))

    def _keep(self, judged: Iterator[tuple[Session, Verdict] | JudgedRun]) -> None:
        for each in judged:
            self.judged += list(each) if isinstance(each, JudgedRun) else [each]

    def feed(self, capture: Path | str, rows: int = 7) -> None:
        """All packets of a capture."""
        opened = open_files([str(capture)])
        for batch in opened.batches():
            self._keep(self._analysis.feed(batch))
            for part in slices(batch, rows):
                for listener in self.listeners:
                    listener.packets(part)
                for _ in self._tracker.feed(self._decoder.decode(part), part.first_frame + len(part) - 1):
                    pass
                for frame, frames in self._decoder.carriers:
                    if frame in self._stream_of:
                        self._belonging.append((np.full(len(frames), self._stream_of[frame]), np.array(frames)))
                none = np.empty(0, np.int64)
                streams, frames_of = (np.concatenate(one) for one in zip((none, none), *self._belonging, strict=True))
                self._belonging.clear()
                for listener in self.listeners:
                    listener.belong(streams, frames_of)

    def verdicts(self, *, final: bool = True) -> list[LiveVerdict]:
        """The capture is over: tell what is thought of each session."""
        self._keep(self._analysis.finish())
        told = [LiveVerdict(facts, verdict, make, changed=False, final=final) for facts, verdict in self.judged]
        for each in told:
            for listener in self.listeners:
                listener.verdict(each)
            if each.verdict.outcome.value == "failed":
                self.incidents.add(each.model)
        for incident in self.incidents.result():
            for listener in self.listeners:
                listener.incident(incident, new=True)
        return told

    def tick(self, state: State = QUIET, **changes: object) -> None:
        for listener in self.listeners:
            listener.tick(replace(state, **changes))

    def close(self) -> None:
        for listener in self.listeners:
            listener.close()
