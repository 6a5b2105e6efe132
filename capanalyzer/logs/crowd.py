"""Lines that name a client's address without its port: how likely each met another session of that address.

Behind one address there may be many clients (an address translation, a balancer, a proxy), and a capture may have a
part of what they did. Then a line whose own session is missing meets the one of a neighbour, which failed alike at
about the same time. How many lines of a log have theirs shows in how many more meet one than would by chance; where too
few do, each of them is possible at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeAlias

from capanalyzer.logs.candidates import Key, Sessions
from capanalyzer.logs.chance import by_chance, share_of, wrongly
from capanalyzer.logs.clock import Clock
from capanalyzer.logs.fit import NEAR_NS, SPLIT_NS, Confidence, Match, Missed, Why, away_from, starts
from capanalyzer.logs.line import LogLine, Peer
from capanalyzer.logs.seen import Agreement, End, Seen, agreement, is_of_another_kind

__all__ = ["Alike", "Crowd"]

_WRONG: Final = 0.02
"""A join that is wrong with a higher probability is no more than possible."""
_LATE: Final = 0.1
"""Share of lines that programs write later than :data:`SPLIT_NS` after what they tell."""
_EXACT_NS: Final = SPLIT_NS // 10
"""No line is nearer to its session than this, as far as that tells anything."""
_MAX_ASKED: Final = 2_000
"""Lines of one log that are asked whether they meet a session."""
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
        """The same, with what is called likely and may be another client's called possible.

        :param servers: those that wrote the log, as far as its lines tell.
        """
        asked = [(one, one.time_ns) for one in found if self._is_asked(one) and one.time_ns is not None]
        if clock is None or self._span_ns is None or not asked:
            return list(found)
        begin, end = self._span_ns
        within = [(one.line, time_ns) for one, time_ns in asked if begin <= time_ns <= end]
        step = max(-(-len(within) // _MAX_ASKED), 1)
        share = share_of(self._meets(line, time_ns, clock) for line, time_ns in within[::step])
        claims = Counter(_claim(one) for one, _ in asked if isinstance(one, Match))
        return [
            one._replace(confidence=Confidence.POSSIBLE)
            if isinstance(one, Match)
            and one.confidence is Confidence.LIKELY
            and self._is_asked(one)
            and (claims[_claim(one)] > 1 or self._wrong(one, share, clock, servers) > _WRONG)
            else one
            for one in found
        ]

    def _is_asked(self, one: Match | Missed) -> bool:
        if isinstance(one, Match):
            return one.key is Key.CLIENT
        ip = one.line.client.ip
        is_known = ip is not None and one.line.client.port is None and self._sessions.knows_host(ip)
        return is_known and one.why in (Why.NO_SESSION, Why.SEVERAL)

    def _meets(self, line: LogLine, time_ns: int, clock: Clock) -> tuple[bool, float]:
        """Whether a session that the line can mean was there at its moment, and the probability of that by chance."""
        reach_ns = clock.margin_ns + SPLIT_NS
        _, candidates = self._sessions.candidates(line, starts(line, time_ns))
        is_met = any(
            away_from(line, time_ns, one) <= reach_ns and _fit(line, one) >= Agreement.LIKE for one in candidates
        )
        return is_met, self._chance(line, reach_ns, Agreement.LIKE, is_prompt=True)

    def _wrong(self, match: Match, share: float, clock: Clock, servers: frozenset[End]) -> float:
        """Probability that the session is another one than the line's own."""
        if match.time_ns is None:
            return 0.0
        seen = self._sessions.by_id[match.session]
        if match.line.server.port is not None or seen.server not in servers:
            servers = frozenset()
        away_ns = away_from(match.line, match.time_ns, seen)
        if away_ns <= clock.margin_ns + SPLIT_NS:  # the nearer it is, the less by chance
            reach_ns = max(away_ns, clock.margin_ns, _EXACT_NS)
            return wrongly(share, self._chance(match.line, reach_ns, match.agreement, servers, is_prompt=True))
        reach_ns = NEAR_NS + clock.margin_ns
        return wrongly(share * _LATE, self._chance(match.line, reach_ns, match.agreement, servers, is_prompt=False))

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
        if (counted := self._counted.get(asked)) is None:
            pool = self._sessions.of_address(line)
            if servers:
                pool = [one for one in pool if one.server in servers]
            some = pool[:: -(-len(pool) // _MAX_COUNTED)] if pool else pool
            each = len(pool) / max(len(some), 1)
            fits = [(_fit(line, one), one.end_ns - one.start_ns) for one in some]
            counted = self._counted[asked] = {
                least: (
                    each * sum(fit >= least for fit, _ in fits),
                    each * sum(lasting for fit, lasting in fits if fit >= least),
                )
                for least in Agreement
            }
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
