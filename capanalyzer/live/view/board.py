"""What the view shows: the latest of everything, bounded."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from capanalyzer.diagnosis.verdict import Outcome
from capanalyzer.live.listener import LiveVerdict, State
from capanalyzer.report import model
from capanalyzer.report.incidents import key_of

__all__ = ["Board", "Rates"]

MAX_FAILURES: Final = 200
"""Failed sessions that can be looked at, about 10 kB each."""
MAX_INCIDENTS: Final = 500
MAX_MESSAGES: Final = 50
RATE_TICKS: Final = 5
"""Rates are those of the last so many seconds."""
HISTORY: Final = 60
"""Seconds of which failures are drawn."""


@dataclass(frozen=True, slots=True)
class Rates:
    """A second."""

    packets: float = 0.0
    bytes: float = 0.0
    sessions: float = 0.0


@dataclass(slots=True)
class Board:
    """Not to be changed while it is drawn."""

    source: str
    """What is watched."""
    state: State | None = None
    rates: Rates = field(default_factory=Rates)
    failures: dict[int, model.Session] = field(default_factory=dict)
    """By id, the latest last."""
    incidents: dict[tuple[str, str, int, str | None], model.Incident] = field(default_factory=dict)
    """Those that grew last at the end."""
    history: deque[int] = field(default_factory=lambda: deque(maxlen=HISTORY))
    """Sessions that failed in each of the last seconds."""
    messages: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_MESSAGES))
    up_s: float = 0.0
    _ticks: deque[tuple[float, int, int, int]] = field(default_factory=lambda: deque(maxlen=RATE_TICKS + 1))
    _began_s: float | None = None
    _failed: int = 0

    def copy(self) -> Board:
        """As it is now, whatever comes."""
        return replace(
            self,
            failures=dict(self.failures),
            incidents=dict(self.incidents),
            history=self.history.copy(),
            messages=self.messages.copy(),
        )

    def latest(self) -> list[model.Session]:
        """Failed sessions, the latest first."""
        return list(reversed(self.failures.values()))

    def verdict(self, told: LiveVerdict) -> None:
        """A failure to be shown, or one that was none."""
        if told.verdict.outcome is Outcome.FAILED:
            session = told.model
            self.failures.pop(session.id, None)
            self.failures[session.id] = session
            if len(self.failures) > MAX_FAILURES:
                del self.failures[next(iter(self.failures))]
        elif told.changed:
            self.failures.pop(told.model.id, None)

    def incident(self, incident: model.Incident) -> None:
        """A new one, one that grew or shrank, or one that was none."""
        key = key_of(incident)
        before = self.incidents.get(key)
        if before is not None and 0 < incident.session_count <= before.session_count:
            self.incidents[key] = incident  # it does not become one of the latest by that
            return
        self.incidents.pop(key, None)
        if not incident.session_count:
            return
        self.incidents[key] = incident
        if len(self.incidents) > MAX_INCIDENTS:
            del self.incidents[next(iter(self.incidents))]

    def tick(self, state: State, now_s: float) -> None:
        """:param now_s: a clock of ours, in seconds."""
        if self._began_s is None:
            self._began_s = now_s
        self.state, self.up_s = state, now_s - self._began_s
        sessions = sum(state.outcomes.values())
        self._ticks.append((now_s, state.packets, state.bytes, sessions))
        then_s, packets, octets, before = self._ticks[0]
        span_s = now_s - then_s
        if span_s > 0:
            self.rates = Rates(
                (state.packets - packets) / span_s,
                (state.bytes - octets) / span_s,
                max(sessions - before, 0) / span_s,
            )
        failed = state.outcomes.get(Outcome.FAILED.value, 0)
        self.history.append(max(failed - self._failed, 0))
        self._failed = failed
