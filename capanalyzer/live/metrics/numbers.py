"""The listener that counts."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.live_source import Drops
from capanalyzer.capture.records import RecordBatch
from capanalyzer.diagnosis.explain import causes
from capanalyzer.diagnosis.registry import RULES
from capanalyzer.diagnosis.verdict import Outcome
from capanalyzer.live.listener import LiveVerdict, State, WorkingSessions
from capanalyzer.report import model
from capanalyzer.report.incidents import key_of
from capanalyzer.report.times import from_rfc3339

__all__ = ["BUCKETS_S", "OPEN_NS", "OTHER", "Numbers", "Snapshot"]

I64 = NDArray[np.int64]

BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of handshake durations, in seconds: one round trip in a rack to what no user waits for."""
OPEN_NS: Final = 300_000_000_000
"""An incident is open while its last failure is no older."""
MAX_INCIDENTS: Final = 10_000
"""Incidents whose last failure is remembered; as many as a report keeps."""
OTHER: Final = "other"
"""In the place of a cause that is not in the vocabulary: labels stay bounded whatever happens."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All numbers at one moment."""

    state: State = field(default_factory=lambda: State(0, 0, 0, 0, Drops(), {}, {}))
    tick_s: float = 0.0
    """System time of the last tick."""
    verdicts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By outcome and cause; "" where there is none."""
    revised: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Of these, those that were taken back."""
    buckets: tuple[int, ...] = (0,) * (len(BUCKETS_S) + 1)
    """Handshakes by duration; the last are longer than all bounds."""
    duration_s: float = 0.0
    """Sum of their durations."""
    incidents: Mapping[str, int] = field(default_factory=dict)
    """New ones so far, by cause."""
    open: Mapping[str, int] = field(default_factory=dict)
    """Those that had a failure lately, by cause."""


class Numbers:
    """See :class:`capanalyzer.live.listener.Listener`."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        """Replaced as a whole; to be read from any thread."""
        self._causes = {*causes(), ""}
        # Counters that are there from the start: Prometheus sees no increase in one that begins with 1.
        failures = sorted({cause for rule in RULES for cause in rule.causes})
        self._verdicts = {(Outcome.FAILED.value, cause): 0 for cause in failures}
        self._verdicts |= {(outcome.value, ""): 0 for outcome in (Outcome.ESTABLISHED, Outcome.PLAINTEXT, Outcome.IDLE)}
        self._revised: dict[tuple[str, str], int] = {}
        self._buckets = [0] * (len(BUCKETS_S) + 1)
        self._duration_ns = 0
        self._incidents = dict.fromkeys(failures, 0)
        self._last: dict[tuple[str, str, int, str | None], int] = {}
        """When an incident had its last failure, in this order."""

    def packets(self, batch: RecordBatch) -> None:
        """The engine counts them."""

    def belong(self, streams: I64, frames: I64) -> None:
        """Of no interest."""

    def verdict(self, told: LiveVerdict) -> None:
        """Count it; a verdict that takes another's place takes that one back."""
        verdict, earlier = told.verdict, told.before
        key = verdict.outcome.value, self._label(verdict.cause or "")
        before = None if earlier is None else (earlier.outcome.value, self._label(earlier.cause or ""))
        if before != key:
            if before is not None:
                self._revised[before] = self._revised.get(before, 0) + 1
            self._verdicts[key] = self._verdicts.get(key, 0) + 1
            if verdict.outcome is Outcome.ESTABLISHED:
                self._measure(told)

    def working(self, told: WorkingSessions) -> None:
        """Count them."""
        run = told.judged.run
        key = Outcome.ESTABLISHED.value, ""
        self._verdicts[key] += len(run)
        some = slice(run.start, run.stop)
        done_ns, hello_ns = run.departure.column("done_ns")[some], run.departure.column("hello_ns")[some]
        lasted_ns = np.maximum(done_ns - hello_ns, 0)
        bucket = np.searchsorted(BUCKETS_S, lasted_ns / 1e9)
        for at, count in enumerate(np.bincount(bucket, minlength=len(self._buckets)).tolist()):
            self._buckets[at] += count
        self._duration_ns += int(lasted_ns.sum())

    def _measure(self, told: LiveVerdict) -> None:
        """From the ClientHello to the end of the handshake, as ``timing.handshake_ms`` of a report."""
        tls = told.facts.tls
        hello = None if tls is None else tls.client_hello_message
        if tls is None or hello is None or tls.handshake_done_ns is None:
            return
        lasted_ns = max(tls.handshake_done_ns - hello.time_ns, 0)
        self._buckets[bisect_left(BUCKETS_S, lasted_ns / 1e9)] += 1
        self._duration_ns += lasted_ns

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        """Count it where it is new, and note whether it is open."""
        cause = self._label(incident.cause)
        if new:
            self._incidents[cause] = self._incidents.get(cause, 0) + 1
        key = (cause, *key_of(incident)[1:])
        self._last.pop(key, None)
        if not incident.session_count:
            return
        if len(self._last) >= MAX_INCIDENTS:
            del self._last[next(iter(self._last))]
        self._last[key] = from_rfc3339(incident.last)

    def tick(self, state: State) -> None:
        """Put new numbers in place."""
        for key in [key for key, last_ns in self._last.items() if state.now_ns - last_ns > OPEN_NS]:
            del self._last[key]
        still_open: dict[str, int] = {}
        for cause, *_ in self._last:
            still_open[cause] = still_open.get(cause, 0) + 1
        self.snapshot = Snapshot(
            state,
            time.time(),
            dict(self._verdicts),
            dict(self._revised),
            tuple(self._buckets),
            self._duration_ns / 1e9,
            dict(self._incidents),
            still_open,
        )

    def reopen(self) -> None:
        """No file is held open."""

    def close(self) -> None:
        """The server is closed by whoever opened it."""

    def _label(self, cause: str) -> str:
        return cause if cause in self._causes else OTHER
