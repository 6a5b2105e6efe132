"""Incidents of a run that goes on: a new one, one that grows or shrinks, one that was none, one that is over.

Beside what a report's incidents do, a session can leave one (its verdict changed), an incident that was quiet for long
is over, and the next session that fails alike begins another. What is kept is bounded.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from capanalyzer.report import model
from capanalyzer.report.incidents import MAX_CLIENTS, IncidentKey, Incidents, Room, client_of, incident_key

__all__ = ["LiveIncidents"]

QUIET_NS: Final = 3_600 * 10**9
"""An incident without a further session for an hour is over."""
MAX_OPEN: Final = 2_000
"""Incidents at a time; beyond them the one that was quiet the longest is taken to be over."""
MAX_SESSIONS: Final = 10_000
"""Sessions listed of one incident; further ones are told and counted, and not listed."""
MAX_LISTED: Final = 200_000
"""Sessions listed of all incidents that go on, and as many again of those that are over."""
MAX_OVER: Final = 1_000
"""Incidents that are over, kept for the end of the run: the latest."""
MAX_PLACES: Final = 8_192
"""Failed sessions whose verdict may still change, by id, about 200 bytes each: the latest, twice as many as are thought
of again."""


class _Place(NamedTuple):
    key: IncidentKey
    number: int
    """Of its incident: when that is over, another one may have its key."""
    client: str
    is_listed: bool


class _Open:
    """An incident that goes on."""

    __slots__ = ("gathered", "has_changed", "key", "last_ns", "listed", "number", "sessions")

    def __init__(self, key: IncidentKey, number: int, clients: Room) -> None:
        self.key, self.number = key, number
        self.gathered = Incidents(clients)
        self.sessions = self.listed = 0
        self.last_ns = 0
        self.has_changed = False


class LiveIncidents:
    """Failed sessions as they are told."""

    def __init__(self, lang: str) -> None:
        self._lang = lang
        self._open: OrderedDict[IncidentKey, _Open] = OrderedDict()
        """That which grew last at the end."""
        self._none: dict[IncidentKey, model.Incident] = {}
        """Those that turned out to be none since it was asked last; as many as can be open, the latest."""
        self._over: deque[model.Incident] = deque()
        self._over_listed = 0
        """Sessions that those list."""
        self._room, self._clients = Room(MAX_LISTED), Room(MAX_CLIENTS)
        self._places: OrderedDict[int, _Place] = OrderedDict()
        self._begun = 0
        """Incidents so far."""
        self.unlisted = 0
        """Sessions that no incident lists, because theirs, or all together, had so many."""
        self.evicted = 0
        """Incidents that were taken to be over early."""

    def __len__(self) -> int:
        return len(self._open)

    def add(self, session: model.Session, now_ns: int) -> model.Incident | None:
        """A session failed; its incident, when it is a new one."""
        key = incident_key(session)
        known = self._open.get(key)
        is_new = known is None
        if known is None:
            if len(self._open) >= MAX_OPEN:
                self._close(next(iter(self._open)))
                self.evicted += 1
            self._begun += 1
            self._none.pop(key, None)
            known = self._open[key] = _Open(key, self._begun, self._clients)
        else:
            self._open.move_to_end(key)
        known.last_ns = now_ns
        known.has_changed = not is_new
        # The first session is listed always: notifications and records name it.
        is_listed = is_new or (known.listed < MAX_SESSIONS and self._room.left > 0)
        if is_listed:
            known.listed += 1
            self._room.give_back(-1)
        else:
            self.unlisted += 1
        known.sessions += 1
        known.gathered.add(session, is_listed=is_listed)
        self._places[session.id] = _Place(known.key, known.number, client_of(session), is_listed)
        if len(self._places) > MAX_PLACES:
            self._places.popitem(last=False)
        return self._model(known) if is_new else None

    def remove(self, identity: int) -> None:
        """A session that failed is thought of otherwise now."""
        place = self._places.pop(identity, None)
        known = self._open.get(place.key) if place is not None else None
        if place is None or known is None or known.number != place.number:
            return  # what is over stays as it was
        before = self._model(known) if known.sessions == 1 else None
        known.gathered.remove(known.key, identity, place.client, is_listed=place.is_listed)
        if place.is_listed:
            known.listed -= 1
            self._room.give_back()
        known.sessions -= 1
        known.has_changed = True
        if before is not None:
            del self._open[known.key]
            if len(self._none) >= MAX_OPEN:
                del self._none[next(iter(self._none))]
            self._none[known.key] = msgspec.structs.replace(before, sessions=(), sessions_unlisted=0, clients=0)

    def changed(self, now_ns: int) -> Iterator[model.Incident]:
        """Incidents that grew or shrank since this was asked last, and those that turned out to be none, without a
        session; those that are over are put aside.
        """
        yield from self._none.values()
        self._none.clear()
        for key in [key for key, known in self._open.items() if now_ns - known.last_ns > QUIET_NS]:
            self._close(key)
        for known in self._open.values():
            if known.has_changed:
                known.has_changed = False
                yield self._model(known)

    def all(self) -> tuple[model.Incident, ...]:
        """For the end of the run: the most sessions first, then by time."""
        found = [*self._over, *map(self._model, self._open.values())]
        return tuple(sorted(found, key=lambda one: (-one.session_count, one.first, one.sessions)))

    def _close(self, key: IncidentKey) -> None:
        known = self._open.pop(key)
        over = self._model(known)
        self._room.give_back(known.listed)
        self._clients.give_back(known.gathered.clients)
        self._over.append(over)
        self._over_listed += len(over.sessions)
        while len(self._over) > MAX_OVER or self._over_listed > MAX_LISTED:
            self._over_listed -= len(self._over.popleft().sessions)

    def _model(self, known: _Open) -> model.Incident:
        return known.gathered.result(self._lang)[0]
