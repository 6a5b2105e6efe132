"""Which session of a capture a log line speaks of.

Lines are read first, a bounded number of them. As sessions come by, those that a line might speak of are remembered in
a few words (:class:`~capanalyzer.logs.seen.Seen`); all others pass. When a capture ends, the offset between its clock
and each log's is estimated, and each line takes the session that fits: by the addresses it names, its time, and what it
says. Certain is only what addresses *and ports* and time decide together; where two sessions fit equally well, none is
taken and both are named. Each capture is joined for itself, because each has a clock of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from capanalyzer.logs.alone import Alone, names_nobody, settled
from capanalyzer.logs.candidates import Key, Sessions
from capanalyzer.logs.clock import Clock, at_any_zone, in_year_of
from capanalyzer.logs.crowd import Crowd
from capanalyzer.logs.fit import (
    MAX_NAMED,
    NEAR_NS,
    Confidence,
    Fit,
    Match,
    Missed,
    Why,
    choose,
    distance,
    several,
    starts,
)
from capanalyzer.logs.line import LogLine, Role, TimeOf
from capanalyzer.logs.seen import Agreement, End, Seen, agreement, name_of
from capanalyzer.logs.voting import MAX_TELLING, clock_of, is_of_a_stranger

__all__ = ["Join", "Joined"]

MAX_SESSIONS: Final = 200_000
"""Sessions of one capture remembered for the join, some 600 bytes each."""


class _Group(NamedTuple):
    """Lines whose stamps mean the same: one program's in one file."""

    source: str
    format: str
    has_zone: bool
    has_year: bool


@dataclass(slots=True)
class Joined:
    """What became of the lines in one capture."""

    matches: list[Match] = field(default_factory=list)
    missed: list[Missed] = field(default_factory=list)
    clocks: dict[tuple[str, str], Clock] = field(default_factory=dict)
    """By source and format."""
    has_zone: dict[tuple[str, str], bool] = field(default_factory=dict)
    """By the same: whether the lines that the clock was estimated from say their zone."""


class Join:
    """Lines in memory, and the sessions of the capture that is being read."""

    def __init__(self, lines: Sequence[LogLine]) -> None:
        self._lines = lines
        self._wanted = _Wanted(lines)
        self._sessions = Sessions()
        self._is_complete = True
        self.sessions_left_out = 0
        """Sessions that might have had lines, beyond :data:`MAX_SESSIONS`."""

        self.lines_left_out = 0
        """Lines without a client that were not compared with all sessions of a capture."""

        self._meant: dict[int, tuple[End, End] | None] = {}
        """By identity of a line that names no client, in the first capture that has what it can mean: client and server
        of the one connection; None for several."""

    def wants(self, seen: Seen) -> bool:
        """A line might speak of this session: it waits for :meth:`finish`."""
        if not self._wanted.wants(seen):
            return False
        if len(self._sessions) >= MAX_SESSIONS:
            self.sessions_left_out += 1
            self._is_complete = False
            return False
        self._sessions.add(seen)
        return True

    def finish(self, span_ns: tuple[int, int] | None) -> Joined:
        """The capture is over: decide, and begin anew for the next one.

        :param span_ns: times of its first and last packet.
        """
        sessions, self._sessions = self._sessions, Sessions()
        sessions.sort()
        alone = Alone(sessions, span_ns, is_complete=self._is_complete)
        self._is_complete = True
        joined = _Decision(self._lines, sessions, span_ns, alone).result()
        self.lines_left_out += alone.lines_left_out
        self._compare(joined, sessions)
        return joined

    def _compare(self, joined: Joined, sessions: Sessions) -> None:
        """What may be of an earlier capture's session is not of another connection in this one."""
        matches, joined.matches = joined.matches, []
        for match in matches:
            if match.because is not None:
                seen = sessions.by_id[match.session]
                ends = (seen.client, seen.server)
                if self._meant.setdefault(id(match.line), ends) != ends:
                    joined.missed.append(Missed(match.line, Why.SEVERAL, (match.session,), match.time_ns))
                    continue
            joined.matches.append(match)
        for missed in joined.missed:
            if missed.why is Why.SEVERAL and names_nobody(missed.line):
                self._meant.setdefault(id(missed.line), None)


class _Wanted:
    """What lines name, to tell quickly which sessions they may speak of."""

    def __init__(self, lines: Iterable[LogLine]) -> None:
        self._ends: set[tuple[str | None, int | None]] = set()
        self._hosts: set[str | None] = set()
        self._servers: set[tuple[str | None, int | None]] = set()
        self._names: set[str | None] = set()
        self._any = self._any_alone = False
        for line in lines:
            self._any = True
            self._any_alone |= names_nobody(line)
            client, server = line.client, line.server
            if client.port is not None:
                self._ends.add((client.ip, client.port))
                self._ends.add((server.ip, server.port))  # as seen from the other end
            elif client.ip is not None:
                self._hosts.add(client.ip)
            elif line.is_failure:
                self._servers.add((server.ip, server.port))
                self._names.add(name_of(line))
        self._servers.discard((None, None))
        self._names.discard(None)

    def wants(self, seen: Seen) -> bool:
        if not self._any:
            return False
        if seen.outcome in ("failed", "incomplete") or (self._any_alone and seen.may_have_failed):
            return True
        if any(end in self._ends or end[0] in self._hosts for end in (seen.client, *seen.aliases)):
            return True
        ip, port = seen.server
        if not self._names.isdisjoint((seen.sni, seen.request_host, *seen.certificate_names)):
            return True
        return not self._servers.isdisjoint(((ip, port), (ip, None), (None, port)))


class _Decision:
    """All lines and all sessions of one capture."""

    def __init__(
        self, lines: Sequence[LogLine], sessions: Sessions, span_ns: tuple[int, int] | None, alone: Alone
    ) -> None:
        self._lines, self._sessions, self._span, self._alone = lines, sessions, span_ns, alone
        self._crowd = Crowd(sessions, span_ns)

    def result(self) -> Joined:
        groups: dict[_Group, list[LogLine]] = defaultdict(list)
        for line in self._lines:
            groups[_Group(line.source, line.format, line.has_zone, line.has_year)].append(line)
        joined = Joined()
        for group, lines in groups.items():
            clock = self._clock(group, lines)
            known = joined.clocks.get((group.source, group.format))
            if clock is not None and (known is None or clock.matches + clock.others > known.matches + known.others):
                joined.clocks[group.source, group.format] = clock
                joined.has_zone[group.source, group.format] = group.has_zone
            self._alone.ask([(line, self._by_capture(line, clock)) for line in lines], clock)
            found = [self._decide(line, clock) for line in lines]
            servers = self._servers(found)
            if servers:
                found = [self._with_servers(one, clock, servers) for one in found]
            for one in settled(self._crowd.weighed(found, clock, servers), self._sessions):
                if isinstance(one, Match):
                    joined.matches.append(one)
                else:
                    joined.missed.append(one)
        return joined

    def _servers(self, found: Iterable[Match | Missed]) -> frozenset[End]:
        """The servers that wrote one log, as far as several lines tell; those that a client speaks with are many."""
        count = Counter(
            self._sessions.by_id[one.session].server
            for one in found
            if isinstance(one, Match) and one.confidence is not Confidence.POSSIBLE and one.line.role is not Role.CLIENT
        )
        return frozenset(server for server, lines in count.items() if lines >= _AGAIN)

    def _with_servers(self, found: Match | Missed, clock: Clock | None, servers: frozenset[End]) -> Match | Missed:
        """The same line, knowing which servers wrote the log: of two sessions only one may be with those."""
        line = found.line
        if line.role is Role.CLIENT or (line.server.ip is not None and line.server.port is not None):
            return found
        if isinstance(found, Match):
            is_odd = (
                found.confidence is Confidence.CERTAIN and self._sessions.by_id[found.session].server not in servers
            )
            return found._replace(confidence=Confidence.LIKELY) if is_odd else found
        if found.why is not Why.SEVERAL:
            return found
        again = self._decide(line, clock, servers)
        named = (again.session,) if isinstance(again, Match) else again.candidates
        if len(found.candidates) < MAX_NAMED and not set(named) <= set(found.candidates):
            return found  # of those that fit none is with these servers: it is of another one
        if isinstance(again, Match) and again.confidence is Confidence.CERTAIN:
            return again._replace(confidence=Confidence.LIKELY)
        return again if isinstance(again, Match) or again.why is Why.SEVERAL else found

    def _time(self, line: LogLine) -> int | None:
        """By the log's own clock, with a year; None also where no capture can be of that time."""
        if line.time_ns is None or not 0 <= line.time_ns < _LATEST_NS:
            return None
        if line.has_year:
            return line.time_ns
        near = self._span or self._sessions.span_ns
        return None if near is None else in_year_of(line.time_ns, (near[0] + near[1]) // 2)

    def _by_capture(self, line: LogLine, clock: Clock | None) -> int | None:
        """Its time by the capture's clock."""
        stamp = self._time(line)
        return None if stamp is None or clock is None else stamp + clock.offset_ns

    def _clock(self, group: _Group, lines: Sequence[LogLine]) -> Clock | None:
        return clock_of(lines, self._sessions, self._alone, self._time, has_zone=group.has_zone)

    def _decide(self, line: LogLine, clock: Clock | None, servers: frozenset[End] | None = None) -> Match | Missed:
        """:param servers: only sessions with these are taken into account; None: with any."""
        stamp = self._time(line)
        time_ns = self._by_capture(line, clock)
        if stamp is not None and clock is None and self._is_outside(line, *at_any_zone(stamp)):
            return Missed(line, Why.OUTSIDE)
        if names_nobody(line):
            return self._decide_alone(line, time_ns, clock, servers)
        key, candidates = self._sessions.candidates(line, None if time_ns is None else starts(line, time_ns))
        if not candidates:
            return Missed(line, self._why_none(line, key, time_ns), time_ns=time_ns)
        is_stranger = is_of_a_stranger(line, key)
        if is_stranger and (clock is None or clock.matches or clock.others):
            # Its log has clients by their own addresses, so this one's was not translated on the way here.
            return Missed(line, Why.ADDRESS, time_ns=time_ns)
        if time_ns is None or clock is None:
            return self._timeless(line, key, candidates)
        fits = []
        for seen in candidates:
            if servers is not None and seen.server not in servers:
                continue
            away = distance(line, time_ns, seen)
            if away is not None:
                fits.append(Fit(away, agreement(line, seen), seen))
        if not fits:
            why = Why.OUTSIDE if self._is_outside(line, time_ns, time_ns) else Why.NO_SESSION
            return Missed(line, why, time_ns=time_ns)
        decided = choose(line, time_ns, key, fits, clock)
        if isinstance(decided, Missed):
            return decided
        seen, confidence, fit = decided
        if clock.is_guess or is_stranger:
            confidence = Confidence.POSSIBLE
        return Match(line, seen.id, confidence, key, fit, time_ns, clock)

    def _decide_alone(
        self, line: LogLine, time_ns: int | None, clock: Clock | None, servers: frozenset[End] | None
    ) -> Match | Missed:
        """A line that names no client."""
        if time_ns is not None and clock is not None:
            if self._is_outside(line, time_ns, time_ns):
                return Missed(line, Why.OUTSIDE, time_ns=time_ns)
            return self._alone.at(line, time_ns, clock, servers)
        found = self._alone.at_any_time(line, servers)
        if line.time_ns is None or (isinstance(found, Match) and found.key is Key.NAME):
            return found
        return Missed(line, Why.CLOCK, (found.session,) if isinstance(found, Match) else found.candidates)

    def _timeless(self, line: LogLine, key: Key, candidates: Sequence[Seen]) -> Match | Missed:
        """Without a time, or with a clock of which nothing is known."""
        if line.time_ns is not None:
            return Missed(line, Why.CLOCK)
        if len(candidates) > MAX_TELLING:
            return several(line, candidates, None)
        same = [one for one in candidates if agreement(line, one) is Agreement.SAME]
        if len(same) == 1 and (key.is_strong or key is Key.CLIENT):
            is_alone = len(candidates) == 1 and key.is_strong
            confidence = Confidence.LIKELY if is_alone else Confidence.POSSIBLE
            return Match(line, same[0].id, confidence, key, Agreement.SAME, None, None)
        if len(candidates) == 1 and key.is_strong:
            fit = agreement(line, candidates[0])
            return Match(line, candidates[0].id, Confidence.POSSIBLE, key, fit, None, None)
        return several(line, same or candidates, None)

    def _why_none(self, line: LogLine, key: Key, time_ns: int | None) -> Why:
        if time_ns is not None and self._is_outside(line, time_ns, time_ns):
            return Why.OUTSIDE
        if line.client.ip is None:
            return Why.NO_SESSION
        if not self._sessions.knows_host(line.client.ip):
            return Why.ADDRESS
        # At any time, has that address and port a session?
        return Why.NO_SESSION if not key.is_strong or self._sessions.candidates(line)[1] else Why.PORT

    def _is_outside(self, line: LogLine, from_ns: int, to_ns: int) -> bool:
        """A line of any time between these two is of none of the capture's sessions."""
        span = self._span or self._sessions.span_ns
        if span is None:
            return False
        reach = line.reach_ns if line.time_of is TimeOf.FAILURE else 0
        return to_ns + line.resolution_ns < span[0] - NEAR_NS or from_ns > span[1] + reach + NEAR_NS


_LATEST_NS: Final = 1 << 62
"""In the year 2116."""
_AGAIN: Final = 2
"""Lines that must be of sessions with a server before it is one of those that the log is about."""
