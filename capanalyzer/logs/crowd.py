"""How likely a line met another session of the end that it names than its own.

Behind one address there may be many clients (an address translation, a balancer, a proxy), a busy one uses its ports
again within seconds, and a capture may have a part of what they did. Then a line whose own session is missing meets the
one of a neighbour, which failed alike at about the same time. How many lines of a log have theirs shows in how many
more meet one than would by chance; where too few do, none of them is certain, or more than possible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeAlias

from capanalyzer.logs.candidates import Key, Sessions
from capanalyzer.logs.chance import LATE, USUAL, by_chance, sampled, share_of, wrongly
from capanalyzer.logs.clock import Clock
from capanalyzer.logs.fit import EXACT_NS, NEAR_NS, SPLIT_NS, Confidence, Match, Missed, Why, away_from, starts
from capanalyzer.logs.line import LogLine, Peer
from capanalyzer.logs.seen import Agreement, End, Seen, agreement, is_of_another_kind

__all__ = ["Alike", "Crowd"]

_WRONG: Final = 0.02
"""A join that is wrong with a higher probability is no more than possible."""
_WRONG_BY_PORT: Final = 0.005
"""The same where the line names the port."""
_WRONG_CERTAIN: Final = 0.001
"""The same for certain."""
_USUAL_BY_PORT: Final = 0.9995
"""As :data:`~capanalyzer.logs.chance.USUAL`, of lines that name a port which the capture has."""
_MAX_LOOKS: Final = 2_000_000
"""Sessions that are compared with what lines say, to find all that say the same: some 2 s."""
_MAX_COUNTED: Final = 2_000
"""Sessions of one address that are compared with what a line says; of more, as many from first to last."""
_Asked: TypeAlias = tuple[str, tuple[str, ...], int | None, object, object, Peer, Peer]
_Counted: TypeAlias = dict[Agreement, tuple[float, float]]
"""By how well they go with a line at least: how many sessions, and how long they last together, in nanoseconds."""


class Crowd:
    """The sessions of one capture, and the lines of one log and program."""

    def __init__(self, sessions: Sessions, span_ns: tuple[int, int] | None) -> None:
        self._sessions, self._span_ns = sessions, span_ns or sessions.span_ns
        self._counted: dict[tuple[_Asked, frozenset[End]], _Counted] = {}

    def weighed(
        self, found: Sequence[Match | Missed], clock: Clock | None, servers: frozenset[End] = frozenset()
    ) -> list[Match | Missed]:
        """The same, with less confidence where a session may be another client's.

        :param servers: those that wrote the log, as far as its lines tell.
        """
        if clock is None or self._span_ns is None:
            return list(found)
        shares = {
            is_by_port: self._share([one for one in found if self._is_asked(one, is_by_port=is_by_port)], clock)
            for is_by_port in (False, True)
        }
        claims = Counter(_claim(one) for one in found if isinstance(one, Match) and one.key is Key.CLIENT)
        return [
            self._weighed(one, claims[_claim(one)], shares[one.key.is_strong], clock, servers)
            if isinstance(one, Match) and (one.key is Key.CLIENT or one.key.is_strong)
            else one
            for one in found
        ]

    def _weighed(self, match: Match, claims: int, share: float, clock: Clock, servers: frozenset[End]) -> Match:
        """:param claims: lines that say the same of its session; of those with an address alone."""
        if match.confidence is Confidence.POSSIBLE:
            return match
        wrong = 1.0 if claims > 1 and not match.key.is_strong else self._wrong(match, share, clock, servers)
        if wrong > (_WRONG_BY_PORT if match.key.is_strong else _WRONG):
            return match._replace(confidence=Confidence.POSSIBLE)
        is_too_much = match.confidence is Confidence.CERTAIN and wrong > _WRONG_CERTAIN
        return match._replace(confidence=Confidence.LIKELY) if is_too_much else match

    def _share(self, asked: Sequence[Match | Missed], clock: Clock) -> float:
        """Of lines whose own session is in the capture; they name its client in the same way."""
        assert self._span_ns is not None
        begin, end = self._span_ns
        within = [(one.line, one.time_ns) for one in asked if one.time_ns is not None and begin <= one.time_ns <= end]
        usual = _USUAL_BY_PORT if asked and asked[0].line.client.port is not None else USUAL
        return share_of((self._meets(line, time_ns, clock) for line, time_ns in sampled(within)), usual)

    def _is_asked(self, one: Match | Missed, *, is_by_port: bool) -> bool:
        """The end that it names is in the capture, and it found a session or not."""
        if isinstance(one, Match):
            return one.key.is_strong if is_by_port else one.key is Key.CLIENT
        is_named = one.line.client.ip is not None and (one.line.client.port is not None) is is_by_port
        return is_named and one.why in (Why.NO_SESSION, Why.SEVERAL) and bool(self._sessions.of_address(one.line))

    def _meets(self, line: LogLine, time_ns: int, clock: Clock) -> tuple[bool, float]:
        """Whether a session that the line can mean was there at its moment, and the probability of that by chance."""
        reach_ns = clock.margin_ns + SPLIT_NS
        _, candidates = self._sessions.candidates(line, starts(line, time_ns))
        # A port is met by a session of which little is seen as well.
        least = Agreement.LIKE if line.client.port is None else Agreement.UNKNOWN
        is_met = any(away_from(line, time_ns, one) <= reach_ns and _fit(line, one) >= least for one in candidates)
        return is_met, self._chance(line, reach_ns, least, is_prompt=True)

    def _wrong(self, match: Match, share: float, clock: Clock, servers: frozenset[End]) -> float:
        """Probability that the session is another one than the line's own."""
        if match.time_ns is None:
            return 0.0
        seen = self._sessions.by_id[match.session]
        if match.line.server.port is not None or seen.server not in servers:
            servers = frozenset()
        away_ns = away_from(match.line, match.time_ns, seen)
        if away_ns <= clock.margin_ns + SPLIT_NS:  # the nearer it is, the less by chance
            reach_ns = max(away_ns, clock.margin_ns, EXACT_NS)
            return wrongly(share, self._chance(match.line, reach_ns, match.agreement, servers, is_prompt=True))
        reach_ns, late = NEAR_NS + clock.margin_ns, 1.0 if match.key.is_strong else LATE
        return wrongly(share * late, self._chance(match.line, reach_ns, match.agreement, servers, is_prompt=False))

    def _chance(
        self,
        line: LogLine,
        reach_ns: int,
        least: Agreement,
        servers: frozenset[End] = frozenset(),
        *,
        is_prompt: bool,
    ) -> float:
        """Probability that a session which goes so well with the line is that near to it, if its own is not there.

        :param servers: only sessions with these; none: with any.
        """
        if self._span_ns is None:
            return 1.0
        number, lasting_ns = self._count(line, servers)[least]
        each = 2 * reach_ns + line.resolution_ns
        met = number * each + (0 if is_prompt else lasting_ns)
        return by_chance(round(met), self._span_ns[1] - self._span_ns[0] + each)

    def _count(self, line: LogLine, servers: frozenset[End]) -> _Counted:
        asked = _asked(line), servers
        counted = self._counted.get(asked)
        if counted is None:
            pool = self._sessions.of_address(line)
            if servers:
                pool = [one for one in pool if one.server in servers]
            some = pool[:: -(-len(pool) // _MAX_COUNTED)] if pool else pool
            each = len(pool) / max(len(some), 1)
            fits = [(_fit(line, one), one.end_ns - one.start_ns) for one in some]
            counted = {
                least: (
                    each * sum(fit >= least for fit, _ in fits),
                    each * sum(lasting for fit, lasting in fits if fit >= least),
                )
                for least in Agreement
            }
            if line.client.port is None:  # else nearly each line has a client of its own
                self._counted[asked] = counted
        return counted


def _fit(line: LogLine, seen: Seen) -> Agreement:
    """As :func:`agreement` tells, but nothing where they failed in ways that both name."""
    return Agreement.UNKNOWN if is_of_another_kind(line, seen) else agreement(line, seen)


def _claim(match: Match) -> tuple[int, str, int | None]:
    """Of two lines that say the same of one session at least one is of another."""
    return match.session, match.line.meaning, match.line.alert


class Alike:
    """Asked for the sessions of the address in a line whose packets tell of just what it says."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions, self._looks = sessions, _MAX_LOOKS
        self._known: dict[_Asked, Sequence[Seen]] = {}

    def of(self, line: LogLine) -> Sequence[Seen]:
        """None where it would cost too much to look."""
        asked = _asked(line)
        if (known := self._known.get(asked)) is None:
            pool = self._sessions.of_address(line)
            self._looks -= len(pool)
            some = pool if self._looks >= 0 else ()
            known = self._known[asked] = [one for one in some if agreement(line, one) is Agreement.SAME]
        return known


def _asked(line: LogLine) -> _Asked:
    return line.meaning, line.causes, line.alert, line.role, line.said, line.client, line.server
