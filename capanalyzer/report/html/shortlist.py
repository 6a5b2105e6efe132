"""Which failed and incomplete sessions the page shows in detail: some of every kind, however many there are of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from capanalyzer.report import model
from capanalyzer.report.digest import UNFINISHED

__all__ = ["MAX_DETAILS", "Shortlist"]

MAX_DETAILS: Final = 250
"""Sessions in detail: 10 to 20 kB each in the page."""
MAX_ALIKE: Final = 10
"""Of one cause at one server."""
MAX_FIRSTS: Final = 150
"""Places beyond these for the first of a further cause or server."""


class Shortlist:
    """Takes sessions in any order."""

    def __init__(self) -> None:
        self.sessions: list[model.Session] = []
        self._alike: Counter[tuple[str | None, str, int]] = Counter()

    def record(self, sessions: Iterable[model.Session]) -> Iterator[model.Session]:
        """The same sessions; those that are taken are kept whole."""
        for session in sessions:
            if session.outcome in UNFINISHED:
                self._offer(session)
            yield session

    def _offer(self, session: model.Session) -> None:
        kind = session.cause, session.server.ip, session.server.port
        known, taken = self._alike[kind], len(self.sessions)
        if known < MAX_ALIKE and (taken < MAX_DETAILS or (not known and taken < MAX_DETAILS + MAX_FIRSTS)):
            self._alike[kind] += 1
            self.sessions.append(session)

    def by_id(self) -> dict[int, model.Session]:
        """In the order of ids."""
        return {session.id: session for session in sorted(self.sessions, key=lambda session: session.id)}
