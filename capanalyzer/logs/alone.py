"""Lines that name no client: the one session that such a line can mean, if there is only one.

Many programs tell what failed and not with whom: curl, Python, Java, a browser, a database. Such a line is said of a
session only where no other one of the capture, or of its moment, can be meant; that is likely where both name the same
server and agree, and possible at best otherwise. Where several can be meant, they are named, the best first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from capanalyzer.logs.candidates import Key, Sessions
from capanalyzer.logs.chance import LATE, by_chance, sampled, share_of, wrongly
from capanalyzer.logs.clock import ENOUGH, Clock
from capanalyzer.logs.fit import (
    EXACT_NS,
    MAX_NAMED,
    NEAR_NS,
    SPLIT_NS,
    Because,
    Confidence,
    Match,
    Missed,
    Why,
    away_from,
    distance,
    starts,
)
from capanalyzer.logs.line import LogLine, Peer
from capanalyzer.logs.means import can_mean, goes_on, may_hide
from capanalyzer.logs.seen import Agreement, End, Seen, agreement, name_of

__all__ = ["Alone", "names_nobody", "settled"]

MAX_MEANT: Final = 256
"""Sessions of a capture that one line may mean, as far as they are counted."""
MAX_LOOKS: Final = 5_000_000
"""Comparisons of lines without a client with the sessions of one capture at any time: some 10 s."""
MAX_ANSWERS: Final = 1_000_000
"""Answers kept, whether what a line says can mean a session: lines of a log say few things."""
_WRONG: Final = 0.01
"""A join that is wrong with a higher probability is none."""
_WRONG_LIKELY: Final = 0.002
"""One that is called likely."""
_STAYED: Final = 0.5
"""Share of programs that end a session for what they may as well pass over."""
_FARTHER: Final = 5
"""Of several sessions one is the nearest where all others are this many times farther away in time."""
_Saying: TypeAlias = tuple[str, tuple[str, ...], int | None, object, object, str | None, Peer]


class Meant(NamedTuple):
    """The sessions of a capture that a line can mean, at any time."""

    key: Key
    fits: Sequence[Seen]
    """The first :data:`MAX_MEANT` of them."""
    number: int
    """All."""
    among: int
    """Of how many."""
    lasting_ns: int
    """How long they last, all together."""


class _Near(NamedTuple):
    """The sessions that a line can mean at its time."""

    key: Key
    fits: Sequence[Seen]
    """The best first."""
    among: int
    is_prompt: bool
    """It was written at their moment, by a clock that is known; not merely while they lasted, or about then."""


def names_nobody(line: LogLine) -> bool:
    """It tells of a failure and names no client."""
    return line.is_failure and line.client.ip is None


def _saying(line: LogLine) -> _Saying:
    return line.meaning, line.causes, line.alert, line.role, line.said, name_of(line), line.server


def is_shown(clock: Clock) -> bool:
    """The lines of the log agree on this clock, and on no other as well."""
    return not clock.is_guess and (clock.matches > 0 or (clock.others >= ENOUGH and clock.stands_out))


class Alone:
    """The sessions of one capture, asked for what a line without a client can mean."""

    def __init__(self, sessions: Sessions, span_ns: tuple[int, int] | None, *, is_complete: bool) -> None:
        """:param is_complete: they are all there: of a part of them none is the only one."""
        self._sessions, self._is_complete = sessions, is_complete
        self._span_ns = span_ns or sessions.span_ns
        self._meant: dict[tuple[_Saying, frozenset[End] | None], Meant | None] = {}
        self._answers: dict[_Saying, dict[int, bool]] = {}
        self._answers_kept = 0
        self._equal: Counter[_Saying] = Counter()
        self._share = 1.0
        self._looks = MAX_LOOKS
        self.lines_left_out = 0
        """Lines not compared with all sessions, see :data:`MAX_LOOKS`."""

    def meant(self, line: LogLine, servers: frozenset[End] | None = None) -> Meant | None:
        """What it can mean at any time; None: there is too much to compare.

        :param servers: only sessions with these are taken into account; None: with any.
        """
        asked = _saying(line), servers
        if asked not in self._meant:
            self._meant[asked] = self._look(line, servers)
        found = self._meant[asked]
        self.lines_left_out += found is None
        return found

    def _look(self, line: LogLine, servers: frozenset[End] | None) -> Meant | None:
        if self._looks <= 0:
            return None
        first = None
        for key, pool, looks in self._sessions.without_client(line):
            self._looks -= looks
            among, fits = self._among(line, key, pool, servers)
            lasting_ns = sum(one.end_ns - one.start_ns for one in fits)
            found = Meant(key, fits[:MAX_MEANT], len(fits), among, lasting_ns)
            if fits:
                return found
            first = first or found
        return first

    def at_any_time(self, line: LogLine, servers: frozenset[End] | None) -> Match | Missed:
        """Without a time, or with a clock of which nothing is known."""
        meant = self.meant(line, servers)
        if meant is None:
            return Missed(line, Why.SEVERAL)
        if not meant.fits:
            return Missed(line, _why_none(meant.key))
        fits = sorted(meant.fits, key=lambda one: -agreement(line, one))
        if meant.number > 1 or not self._is_complete:
            return _several(line, fits, None)
        (seen,) = fits
        fit = agreement(line, seen)
        is_likely = meant.key is Key.NAME and meant.among == 1 and fit is Agreement.SAME and line.time_ns is None
        return Match(
            line,
            seen.id,
            Confidence.LIKELY if is_likely else Confidence.POSSIBLE,
            Key.WORDS if meant.key is Key.NOTHING else meant.key,
            fit,
            None,
            None,
            _because(line, seen, meant.among),
        )

    def ask(self, lines: Iterable[tuple[LogLine, int | None]], clock: Clock | None) -> None:
        """Lines of one log are decided next: learn how many of them have their session in the capture.

        :param lines: with their times by the capture's clock.
        """
        asked = [(line, time_ns) for line, time_ns in lines if names_nobody(line)]
        self._equal = Counter(_saying(line) for line, _ in asked)
        self._share = 1.0
        if clock is not None and self._span_ns is not None:
            begin, end = self._span_ns
            within = [(line, at) for line, at in asked if at is not None and begin <= at <= end]
            self._share = share_of(self._meets(line, at, clock) for line, at in sampled(within))

    def _meets(self, line: LogLine, time_ns: int, clock: Clock) -> tuple[bool, float]:
        is_known = is_shown(clock)
        near = self._near(line, time_ns, clock, None)
        reach_ns = clock.margin_ns + (SPLIT_NS if is_known else NEAR_NS)
        return bool(near.fits) and near.is_prompt is is_known, self._chance(line, reach_ns, is_prompt=is_known)

    def _chance(self, line: LogLine, reach_ns: int, *, is_prompt: bool) -> float:
        """Probability that a session which the line can mean is that near to it in time, if its own is not there.

        :param is_prompt: to the moment of the session, and not to any time at which it lasted.
        """
        meant = self.meant(line)
        if meant is None or self._span_ns is None or not self._is_complete:
            return 1.0
        each = 2 * reach_ns + line.resolution_ns
        met = (meant.number or meant.among) * each + (0 if is_prompt else meant.lasting_ns)
        return by_chance(met, self._span_ns[1] - self._span_ns[0] + each)

    def at(self, line: LogLine, time_ns: int, clock: Clock, servers: frozenset[End] | None) -> Match | Missed:
        """With the line's time by the capture's clock; :meth:`ask` was told of it."""
        key, fits, among, is_prompt = self._near(line, time_ns, clock, servers)
        if not fits:
            return Missed(line, _why_none(key), (), time_ns)
        seen, *others = fits
        is_known = is_shown(clock)
        if is_prompt:  # the nearer it is, the less by chance
            share, reach_ns = self._share, max(away_from(line, time_ns, seen), clock.margin_ns, EXACT_NS)
        else:
            share, reach_ns = self._share * LATE if is_known else self._share, NEAR_NS + clock.margin_ns
        if goes_on(line):
            share *= _STAYED
        wrong = wrongly(share, self._chance(line, reach_ns, is_prompt=is_prompt))
        if others or (wrong > _WRONG and (is_known or not self._is_only_one(line))):
            return _several(line, fits, time_ns)
        fit = agreement(line, seen)
        is_likely = key is Key.NAME and fit is Agreement.SAME and is_prompt and wrong <= _WRONG_LIKELY
        confidence = Confidence.LIKELY if is_likely else Confidence.POSSIBLE
        return Match(line, seen.id, confidence, key, fit, time_ns, clock, _because(line, seen, among))

    def _among(
        self, line: LogLine, key: Key, pool: Iterable[Seen], servers: frozenset[End] | None
    ) -> tuple[int, list[Seen]]:
        """How many sessions have what the line names, and those that it can mean."""
        known = [one for one in pool if servers is None or one.server in servers]
        if key is not Key.NAME:
            known = [one for one in known if one.may_have_failed]
        answers = self._answers.setdefault(_saying(line), {})
        for one in known:
            if one.id not in answers:
                answers[one.id] = can_mean(line, one)
                self._answers_kept += 1
        fits = [one for one in known if answers[one.id]]
        if self._answers_kept > MAX_ANSWERS:
            self._answers.clear()
            self._answers_kept = 0
        return len(known), fits

    def _is_only_one(self, line: LogLine) -> bool:
        """A line or two that were pasted, and but one session of which this can be said: time adds nothing to that."""
        meant = self.meant(line)
        is_pasted = self._equal.total() < ENOUGH and self._equal[_saying(line)] == 1
        return self._is_complete and is_pasted and meant is not None and meant.number == 1

    def _near(self, line: LogLine, time_ns: int, clock: Clock, servers: frozenset[End] | None) -> _Near:
        within, close, is_known = NEAR_NS + clock.margin_ns, clock.margin_ns + SPLIT_NS, is_shown(clock)
        first = None
        for key, pool, _ in self._sessions.without_client(line, starts(line, time_ns)):
            there = [one for one in pool if _is_near(line, time_ns, one, within)]
            among, fits = self._among(line, key, there, servers)
            away = {one.id: away_from(line, time_ns, one) for one in there}
            if not fits and key is Key.NAME and is_known:
                # No packet shows it: then at least the end of the session does.
                fits = [one for one in there if may_hide(line, one) and away[one.id] <= close]
            prompt = [one for one in fits if away[one.id] <= close] if is_known else []
            if len(prompt) > 1:
                limit = _FARTHER * max(min(away[one.id] for one in prompt), clock.margin_ns, EXACT_NS)
                prompt = [one for one in prompt if away[one.id] <= limit]
            fits = sorted(prompt or fits, key=lambda one: (-agreement(line, one), away[one.id]))
            found = _Near(key, fits, among, bool(prompt))
            if fits:
                return found
            first = first or found
        return first or _Near(Key.NOTHING, (), 0, is_prompt=False)


def settled(decided: Iterable[Match | Missed], sessions: Sessions) -> list[Match | Missed]:
    """The same, when all lines of one log and program are decided: a session is not the one of many equal lines."""
    found = list(decided)
    claims: dict[tuple[int, str, int | None], list[int]] = defaultdict(list)
    for place, one in enumerate(found):
        if isinstance(one, Match) and one.because is not None:
            claims[one.session, one.line.meaning, one.line.alert].append(place)
    for (session, _, _), places in claims.items():
        if len(places) > 1:
            keep = _nearest([match for place in places if isinstance(match := found[place], Match)], sessions)
            for place in places:
                one = found[place]
                if id(one) not in keep:
                    found[place] = Missed(one.line, Why.LINES, (session,), one.time_ns)
    return found


def _nearest(claims: Sequence[Match], sessions: Sessions) -> set[int]:
    """Identities of those written at the session's moment, as far as times tell: of several without a time, none."""
    seen = sessions.by_id[claims[0].session]
    away = {id(one): away_from(one.line, one.time_ns, seen) for one in claims if one.time_ns is not None}
    limit = min(away.values(), default=0) + SPLIT_NS
    return {identity for identity, distant in away.items() if distant <= limit}


def _is_near(line: LogLine, time_ns: int, seen: Seen, within_ns: int) -> bool:
    away = distance(line, time_ns, seen)
    return away is not None and away <= within_ns


def _because(line: LogLine, seen: Seen, among: int) -> Because:
    name = name_of(line)
    return Because(among, is_certificate=name is not None and name not in (seen.sni, seen.request_host))


def _several(line: LogLine, fits: Sequence[Seen], time_ns: int | None) -> Missed:
    return Missed(line, Why.SEVERAL, tuple(one.id for one in fits[:MAX_NAMED]), time_ns)


def _why_none(key: Key) -> Why:
    return Why.UNNAMED if key is Key.NOTHING else Why.NO_SESSION
