"""How far the clock of a log is from that of the capture.

Each line that names a session by addresses allows a span of offsets: those with which it was written while that
session lasted. The offset that most lines allow is taken. Lines paired with a wrong session (a port used again, another
day) scatter, so they do not decide it. A missing time zone is part of the same offset.

Any line that has a port of the capture allows some offset, be it of years. So an offset must rest on more than the line
that is to be joined by it: on other lines, on words that the packets confirm, or on being what clocks kept right have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import Final, NamedTuple

from capanalyzer.logs.line import LogLine, TimeOf
from capanalyzer.logs.seen import Agreement, Seen

__all__ = ["ENOUGH", "LATE_NS", "Clock", "Vote", "at_any_zone", "estimate", "in_year_of", "vote"]

SECOND: Final = 1_000_000_000
LATE_NS: Final = SECOND
"""A program writes its line, or accepts its connection, up to this long after what the packets show."""
PROMPT_NS: Final = SECOND // 4
"""Mostly it does so within this long of the moment that packets show."""
NATURAL_NS: Final = 2 * SECOND
"""Clocks that are kept right differ by less."""
QUARTER_NS: Final = 900 * SECOND
"""Time zones differ by multiples of 15 minutes."""
ZONES_NS: Final = (-14 * 3600 * SECOND, 12 * 3600 * SECOND)
"""Capture minus log for a log in local time without a zone: UTC+14 to UTC-12."""
DRIFT_NS: Final = 900 * SECOND
"""A clock that nobody keeps right is off by no more than this, its zone aside; more must be shown by several lines."""
NARROW_NS: Final = 15 * SECOND
"""A wider range of offsets holds a zone's too easily for one line to tell the zone."""
APART_NS: Final = 3 * SECOND
"""Two offsets nearer to each other are one."""
WEIGHT: Final = 720_720
"""Of a line; divided evenly among the sessions it may speak of, without fractions for the first few."""
_DEVIATIONS: Final = 4
"""How far an offset must stand out of chance where each line has many sessions: in standard deviations of the sum of
votes that an offset gets by chance (of a Poisson distribution), and from the next best, which is the best of many."""
ENOUGH: Final = 3
"""Lines, each with a session of its own, that must agree before any offset is believed."""


class Vote(NamedTuple):
    """The offsets with which a line would speak of a session."""

    line: int
    session: int
    from_ns: int
    to_ns: int
    guess_ns: int
    """The likeliest."""
    weight: int
    """Of :data:`WEIGHT`."""
    is_strong: bool
    """The session is known by address and port."""
    is_confirmed: bool
    """What the line says is what its packets show."""


class Clock(NamedTuple):
    """What was found out about the clock of a log."""

    offset_ns: int
    """Capture time minus log time."""
    margin_ns: int
    """How far that may be off, as far as the lines themselves tell."""
    matches: int
    """Lines with address and port that agree on it."""
    others: int
    """Lines with less that agree."""
    is_sure: bool
    """Enough of them agree, and nothing else comes near."""
    is_guess: bool = False
    """Nothing but the line itself speaks for it, or others are as good: what is joined by it is possible at most."""
    stands_out: bool = False
    """No other offset has half as much that speaks for it, or by far not as much as chance allows."""

    def zone_minutes(self, *, has_zone: bool) -> int | None:
        """The zone of stamps without one: minutes east of UTC; None where the offset tells none."""
        zone = nearest_zone(self.offset_ns)
        return None if has_zone or abs(self.offset_ns - zone) > 60 * SECOND else -zone // (60 * SECOND)


def vote(
    number: int,
    line: LogLine,
    time_ns: int,
    seen: Seen,
    weight: int,
    *,
    fit: Agreement,
    is_strong: bool = False,
    is_alone: bool = False,
) -> Vote:
    """The offsets with which ``line``, read as written at ``time_ns``, would speak of ``seen``.

    :param is_alone: it names no client, and fits with many sessions: only at their moment does it tell anything.
    """
    if line.time_of is TimeOf.ACCEPT:
        first, last, guess = seen.start_ns, seen.start_ns + LATE_NS, seen.start_ns
    elif line.time_of is TimeOf.END:
        first, last, guess = seen.end_ns - LATE_NS, seen.end_ns + LATE_NS, seen.end_ns
    elif is_alone:
        first, last, guess = seen.moment_ns - PROMPT_NS, seen.moment_ns + PROMPT_NS, seen.moment_ns
    else:
        first, last, guess = seen.start_ns, seen.end_ns + LATE_NS, seen.moment_ns
    exact = line.resolution_ns
    return Vote(
        number,
        seen.id,
        first - time_ns - exact,
        last - time_ns,
        guess - time_ns - exact // 2,
        weight,
        is_strong,
        is_strong and fit is Agreement.SAME,
    )


def nearest_zone(offset_ns: int) -> int:
    """The offset of a time zone that is nearest."""
    quarters = round(offset_ns / QUARTER_NS) * QUARTER_NS
    return max(ZONES_NS[0], min(ZONES_NS[1], quarters))


def _is_plausible(offset_ns: int, *, has_zone: bool) -> bool:
    """A clock may be off by this, and its zone be another, without several lines to show it."""
    zone = 0 if has_zone else max(ZONES_NS[0], min(ZONES_NS[1], offset_ns))
    return abs(offset_ns - zone) <= DRIFT_NS


def at_any_zone(time_ns: int) -> tuple[int, int]:
    """The first and the last time that a stamp without a zone may mean."""
    return time_ns + ZONES_NS[0] - DRIFT_NS, time_ns + ZONES_NS[1] + DRIFT_NS


def estimate(votes: Sequence[Vote], *, has_zone: bool, is_alone: bool = False) -> Clock | None:
    """The offset that most lines allow; None where several are as good, or where too little speaks for an odd one.

    :param has_zone: the stamps say their zone; without, whole quarters of an hour are as natural as none.
    :param is_alone: the votes are of lines that name no client. What they all allow says little, because each votes
        for many sessions; the middle of them is taken, and how far off that may be shows in how they scatter.
    """
    spans = _by_line(votes)
    if not spans:
        return None
    best, runner_up = _densest([span for some in spans.values() for span in some], has_zone=has_zone)
    weight, from_ns, to_ns = best
    strong, others, guesses = 0, 0, []
    for some in spans.values():
        inside = [one for one in some if one.from_ns <= to_ns and one.to_ns >= from_ns]
        if not inside:
            continue
        known = [one for one in inside if one.is_strong]
        strong += bool(known)
        others += not known
        guess = (known or inside)[0].guess_ns
        guesses.append(guess if is_alone else min(max(guess, from_ns), to_ns))
    natural = 0 if has_zone else nearest_zone((from_ns + to_ns) // 2)
    near = max(from_ns - natural, natural - to_ns, 0)
    offset = natural if near == 0 else median_low(guesses)
    is_natural = near <= NATURAL_NS
    is_even = weight <= runner_up
    if is_even and not (is_natural and 2 * (strong + others) >= len(spans)):
        return None  # traffic that repeats itself, or a log of another day, fits at several offsets
    stands_out = weight >= 2 * runner_up
    if is_alone and not stands_out:
        each = [some[0].weight for some in spans.values()]
        variance = runner_up * sum(one * one for one in each) / sum(each)
        stands_out = weight - runner_up >= _DEVIATIONS * math.sqrt(variance)
    if not is_natural and not stands_out:
        return None
    agreeing = [one for one in votes if one.from_ns <= to_ns and one.to_ns >= from_ns]
    by_port = _pairs([one for one in agreeing if one.is_strong])
    is_enough = by_port >= ENOUGH or _pairs(agreeing) >= ENOUGH
    if not (is_natural or is_enough or (strong and _is_plausible(offset, has_zone=has_zone))):
        return None  # as likely another day, or a port used again
    is_told = is_natural and (natural == 0 or to_ns - from_ns <= NARROW_NS)
    is_sure = bool(strong) and (is_told or by_port >= ENOUGH) and weight >= 2 * runner_up
    is_sure &= _is_plausible(offset, has_zone=False)  # by days: clients take the same ports on another day as well
    is_borne = is_natural or is_enough or by_port > 1 or any(one.is_confirmed for one in agreeing)
    margin = (to_ns - from_ns) // 2
    if is_alone:
        margin = min(margin, 3 * median_low([abs(guess - offset) for guess in guesses]))
    return Clock(offset, margin, strong, others, is_sure, is_even or not is_borne, stands_out)


def _pairs(votes: Iterable[Vote]) -> int:
    """Lines that can have a session each, none the same as another's."""
    sessions: dict[int, set[int]] = {}
    for one in votes:
        sessions.setdefault(one.line, set()).add(one.session)
    taken: set[int] = set()
    for some in sorted(sessions.values(), key=len):
        taken |= set(sorted(some - taken)[:1])
    return len(taken)


def _by_line(votes: Iterable[Vote]) -> dict[int, list[Vote]]:
    """Of one line overlapping spans become one: it has one vote at any offset."""
    spans: dict[int, list[Vote]] = {}
    for one in sorted(votes, key=lambda vote: vote.from_ns):
        some = spans.setdefault(one.line, [])
        if some and one.from_ns <= some[-1].to_ns:
            before = some[-1]
            some[-1] = before._replace(
                to_ns=max(before.to_ns, one.to_ns),
                weight=max(before.weight, one.weight),
                is_strong=before.is_strong or one.is_strong,
                is_confirmed=before.is_confirmed or one.is_confirmed,
            )
        else:
            some.append(one)
    return spans


def _densest(spans: Sequence[Vote], *, has_zone: bool) -> tuple[tuple[int, int, int], int]:
    """((weight, from, to) of the offsets that most lines allow, the most weight of any offset elsewhere)."""
    edges = sorted(
        [(span.from_ns, 0, span.weight) for span in spans] + [(span.to_ns, 1, -span.weight) for span in spans]
    )
    pieces: list[tuple[int, int, int]] = []
    total = 0
    for (at, _, change), following in zip(edges, [*edges[1:], None], strict=True):
        total += change
        if change > 0 and following is not None and following[1]:
            pieces.append((total, at, following[0]))  # the next edge ends a span: a local maximum

    def rank(piece: tuple[int, int, int]) -> tuple[int, bool, int]:
        weight, from_ns, to_ns = piece
        middle = (from_ns + to_ns) // 2
        natural = 0 if has_zone else nearest_zone(middle)
        return weight, max(from_ns - natural, natural - to_ns) <= NATURAL_NS, -abs(middle)

    best = max(pieces, key=rank)
    elsewhere = [
        weight for weight, from_ns, to_ns in pieces if from_ns > best[2] + APART_NS or to_ns < best[1] - APART_NS
    ]
    return best, max(elsewhere, default=0)


def in_year_of(time_ns: int, near_ns: int) -> int:
    """A stamp without a year (in 1970), in the year that brings it nearest to another time."""
    stamp = datetime.fromtimestamp(time_ns // SECOND, UTC)
    near = datetime.fromtimestamp(near_ns // SECOND, UTC)
    best = min(
        (
            datetime(near.year + step, 1, 1, tzinfo=UTC) + _since_new_year(stamp, near.year + step)
            for step in (-1, 0, 1)
        ),
        key=lambda moment: abs(moment - near),
    )
    return int(best.timestamp()) * SECOND + time_ns % SECOND


def _since_new_year(stamp: datetime, year: int) -> timedelta:
    """Counted by the calendar: 1 March is later in a leap year."""
    since = stamp - datetime(stamp.year, 1, 1, tzinfo=UTC)
    leaps = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return since + timedelta(days=1) if leaps and stamp.month > 2 else since
