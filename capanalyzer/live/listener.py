"""What a live run tells: packets, verdicts, incidents, and once a second how it stands.

Views, metrics, hooks and the flight recorder are listeners; they know nothing of each other. The engine calls them in
one thread, in the order in which they were given; a listener that has to wait for somebody uses a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.live_source import Drops
from capanalyzer.capture.records import RecordBatch
from capanalyzer.diagnosis.bulk import JudgedRun
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.session import Session
from capanalyzer.report import model

if TYPE_CHECKING:
    from capanalyzer.live.tally import What

__all__ = ["Listener", "LiveVerdict", "State", "WorkingSessions"]

I64 = NDArray[np.int64]


class LiveVerdict:
    """A session and what is thought of it now."""

    def __init__(
        self,
        facts: Session,
        verdict: Verdict,
        make: Callable[[Session, Verdict], model.Session],
        *,
        changed: bool,
        final: bool,
        before: What | None = None,
    ) -> None:
        self.facts, self.verdict = facts, verdict
        self.changed = changed
        """Another verdict of this session (same ``id``) was told before."""
        self.before = before
        """What that one said, where one was told."""
        self.final = final
        """Nothing more will be told of it: the session has left."""
        self._make = make

    @cached_property
    def model(self) -> model.Session:
        """As the report shows it; made when first asked for."""
        return self._make(self.facts, self.verdict)


class WorkingSessions:
    """Sessions that simply work, told together: each for the first time and the last."""

    def __init__(self, judged: JudgedRun, tell: Callable[[Session, Verdict], LiveVerdict]) -> None:
        """:param tell: makes of a session and its verdict what is told of it alone."""
        self.judged = judged
        """What can be asked of all of them at once."""
        self._tell = tell

    def __iter__(self) -> Iterator[LiveVerdict]:
        """For whoever wants each of them."""
        return (self._tell(session, verdict) for session, verdict in self.judged)


@dataclass(frozen=True, slots=True)
class State:
    """How the run stands. Counters count from its start."""

    now_ns: int
    """Capture clock."""
    started_ns: int
    packets: int
    bytes: int
    drops: Drops
    outcomes: Mapping[str, int]
    """Sessions by their latest outcome."""
    causes: Mapping[str, int]
    """Failed sessions by cause."""
    tables: Mapping[str, int] = field(default_factory=dict)
    """Entries in use, by table (``flows``, ``connections``, ``held`` ...)."""
    evicted: Mapping[str, int] = field(default_factory=dict)
    """Entries that had to leave a full table, by table."""
    interfaces: Mapping[str, int] = field(default_factory=dict)
    """Interfaces that are watched, by state: ``up``, ``down``, ``gone``."""


class Listener(Protocol):
    """Told of a live run."""

    def packets(self, batch: RecordBatch) -> None:
        """Packets, before they are analysed; valid until :meth:`belong` has been told of them, which always follows."""
        ...

    def belong(self, streams: I64, frames: I64) -> None:
        """To which streams packets of the batch told last belong: two columns, by ascending frame; once for each batch.

        Of a packet in fragments that is whole now, those in earlier batches too.
        """
        ...

    def verdict(self, told: LiveVerdict) -> None:
        """A session's verdict, or another one in its place."""
        ...

    def working(self, told: WorkingSessions) -> None:
        """The same of many at once: on a busy network of nearly all that there are."""
        ...

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        """Sessions that fail alike: the first of them, or more or fewer; without any, it turned out to be none."""
        ...

    def tick(self, state: State) -> None:
        """About once a second, and at the end."""
        ...

    def reopen(self) -> None:
        """SIGHUP: files that are written may have been renamed; open them again."""
        ...

    def close(self) -> None:
        """The run is over; called once, whatever happened."""
        ...
