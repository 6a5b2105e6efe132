"""``live --format jsonl``: a session as one line as soon as it is told, and again when its verdict changes."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import RecordBatch
from capanalyzer.diagnosis.verdict import Outcome
from capanalyzer.live.identity import live_id
from capanalyzer.live.listener import LiveVerdict, State, WorkingSessions
from capanalyzer.live.outlet import Outlet, Rank
from capanalyzer.report import model
from capanalyzer.report.build import UDP_FROM
from capanalyzer.report.line import run_lines
from capanalyzer.report.made import short_line

__all__ = ["JsonLines"]

I64 = NDArray[np.int64]


class JsonLines:
    """Writes what ``analyze --format jsonl`` writes, a line at a time."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._encode = msgspec.json.Encoder().encode

    def packets(self, batch: RecordBatch) -> None:
        """Of no interest."""

    def belong(self, streams: I64, frames: I64) -> None:
        """Of no interest."""

    def verdict(self, told: LiveVerdict) -> None:
        """A line."""
        is_failure = told.verdict.outcome is Outcome.FAILED
        rank = Rank.REVISION if told.changed else Rank.FAILURE if is_failure else Rank.ORDINARY
        self._outlet(self._line_of(told) + b"\n", rank)

    def working(self, told: WorkingSessions) -> None:
        """Their lines, made together where their ids are those of one capture's sessions."""
        run = told.judged.run
        newest = run.departure.streams[run.stop - 1]
        lines = run_lines(run, live_id("tcp", 0)) if newest < UDP_FROM else None
        if lines is None:
            for each in told:
                self.verdict(each)
        else:
            for some in lines:
                self._outlet.many([line + b"\n" for line in some.data], Rank.ORDINARY)

    def _line_of(self, told: LiveVerdict) -> bytes:
        """Of a session that simply works no model need be made."""
        short = short_line(told.facts, told.verdict, timeline=False)
        if short is None or short.id != live_id(told.facts.transport, told.facts.stream):
            return self._encode(told.model)
        return short.data

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        """They come with the last line."""

    def tick(self, state: State) -> None:
        """End when nobody reads any more."""
        self._outlet.check()

    def reopen(self) -> None:
        """Go on in a new file."""
        self._outlet.reopen()

    def end(self, trailer: model.Trailer) -> None:
        """The last line, which has no ``outcome``."""
        self._outlet(self._encode(trailer) + b"\n", Rank.SUMMARY)

    def close(self) -> None:
        """Nothing is kept."""
