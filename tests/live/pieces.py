"""A capture given to an engine as an interface would give it: a few packets at a time, and time passing in between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capanalyzer.analysis import Options
from capanalyzer.capture.live_source import Drops, LiveSource
from capanalyzer.capture.records import CaptureInfo, RecordBatch
from capanalyzer.capture.source import open_files
from capanalyzer.live.engine import Engine
from capanalyzer.live.listener import LiveVerdict, State, WorkingSessions
from capanalyzer.report import model
from capanalyzer.streams.limits import Limits

STEP_NS: Final = 100_000_000
"""How often an engine is asked to look, in capture time."""
QUIET_NS: Final = 20 * 10**9
"""A silence longer than this is passed over: all timers have run out by then."""


class Pieces:
    """A live source."""

    def __init__(self, capture: Path, step_ns: int = STEP_NS) -> None:
        self._capture = open_files([str(capture)])
        self.info: CaptureInfo = self._capture.info
        self._batches = self._capture.batches()
        self._batch: RecordBatch | None = next(self._batches, None)
        self._at = 0
        self._step_ns = step_ns
        self._clock_ns = int(self._batch.time_ns[0]) if self._batch is not None and len(self._batch) else 0
        self.lost = 0

    @property
    def ended(self) -> bool:
        return self._batch is None

    def read(self, timeout_s: float) -> RecordBatch | None:
        batch = self._batch
        while batch is not None and self._at == len(batch):
            batch = self._batch = next(self._batches, None)
            self._at = 0
        if batch is None:
            return None
        waiting_ns = int(batch.time_ns[self._at]) - self._clock_ns
        if waiting_ns > self._step_ns:
            self._clock_ns += self._step_ns if waiting_ns < QUIET_NS else waiting_ns - QUIET_NS + self._step_ns
            return None
        until_ns = max(self._clock_ns, int(batch.time_ns[self._at])) + self._step_ns
        beyond = np.flatnonzero(batch.time_ns[self._at :] > until_ns)
        stop = self._at + int(beyond[0]) if len(beyond) else len(batch)
        start, self._at = self._at, stop
        self._clock_ns = max(self._clock_ns, int(batch.time_ns[start:stop].max()))
        return cut(batch, start, stop)

    def drops(self) -> Drops:
        return Drops(ring=self.lost)

    def news(self) -> list[str]:
        return []

    def interfaces(self) -> dict[str, int]:
        return {"up": 1}

    def now_ns(self) -> int:
        return self._clock_ns

    def close(self) -> None:
        self._batch = None


def cut(batch: RecordBatch, start: int, stop: int) -> RecordBatch:
    """Some packets of a batch, in memory of their own."""
    part = slice(start, stop)
    return replace(
        batch,
        data=batch.data.copy(),
        offset=batch.offset[part].copy(),
        captured=batch.captured[part].copy(),
        original=batch.original[part].copy(),
        time_ns=batch.time_ns[part].copy(),
        link=batch.link[part].copy(),
        first_frame=batch.first_frame + start,
        interface=None if batch.interface is None else batch.interface[part].copy(),
    )


class Told(NamedTuple):
    """A verdict and when it was told."""

    at_ns: int
    quiet_ns: int
    """Since the session's last packet."""
    id: int
    outcome: str
    cause: str | None
    stage: str | None
    blame: str | None
    changed: bool
    final: bool


class Listening:
    """Remembers all that is told."""

    def __init__(self) -> None:
        self.source: LiveSource | None = None
        self.keeps_belonging = True
        self.told: list[Told] = []
        self.models: list[model.Session] = []
        self.incidents: list[tuple[model.Incident, bool]] = []
        self.belonging: list[tuple[int, int]] = []
        self.states: list[State] = []
        self.closed = self.reopened = 0

    def packets(self, batch: RecordBatch) -> None:
        pass

    def belong(self, streams: NDArray[np.int64], frames: NDArray[np.int64]) -> None:
        if self.keeps_belonging:
            self.belonging += zip(streams.tolist(), frames.tolist(), strict=True)

    def verdict(self, told: LiveVerdict) -> None:
        session, verdict = told.model, told.verdict
        at_ns = self.source.now_ns() if self.source is not None else 0
        self.models.append(session)
        self.told.append(
            Told(
                at_ns,
                at_ns - told.facts.end_ns,
                session.id,
                verdict.outcome.value,
                verdict.cause,
                verdict.stage,
                verdict.blame,
                told.changed,
                told.final,
            )
        )

    def working(self, told: WorkingSessions) -> None:
        for each in told:
            self.verdict(each)

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        self.incidents.append((incident, new))

    def tick(self, state: State) -> None:
        self.states.append(state)

    def reopen(self) -> None:
        self.reopened += 1

    def close(self) -> None:
        self.closed += 1

    @property
    def last(self) -> dict[int, Told]:
        """By id what was told last."""
        return {told.id: told for told in self.told}


def listen(
    source: Pieces, options: Options | None = None, *, is_watched: bool = False, limits: Limits | None = None
) -> tuple[Listening, Engine]:
    """Run an engine to the source's end."""
    heard = Listening()
    heard.source = source
    engine = Engine(source, [heard], options or Options(), is_watched=is_watched, limits=limits)
    while not source.ended:
        engine.step(0)
    engine.end()
    return heard, engine
