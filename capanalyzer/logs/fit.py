"""What a line is worth: how far it is from a session in time, and which session it is said of.

Certain is only what addresses *and ports* and time decide together; where two sessions fit equally well, none is taken
and both are named.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from capanalyzer.logs.candidates import Key
from capanalyzer.logs.clock import SECOND, Clock
from capanalyzer.logs.line import LogLine, TimeOf
from capanalyzer.logs.seen import Agreement, Seen, is_of_another_kind, name_of

__all__ = [
    "EXACT_NS",
    "MAX_NAMED",
    "NEAR_NS",
    "SPLIT_NS",
    "Because",
    "Confidence",
    "Fit",
    "Match",
    "Missed",
    "Why",
    "away_from",
    "choose",
    "distance",
    "several",
    "starts",
]

MAX_NAMED: Final = 8
"""Sessions named where several fit."""
NEAR_NS: Final = 2 * SECOND
"""A line this long before or after a session may still be of it."""
SPLIT_NS: Final = SECOND // 4
"""Of two sessions one is nearer when it is by more than this, and the line's own exactness."""
EXACT_NS: Final = SPLIT_NS // 10
"""No line is nearer to its session than this, as far as that tells anything."""
LINGER_NS: Final = 600 * SECOND
"""A session that works may be complained of this long after it began, while it lasts."""
_LONGEST_NS: Final = 7 * 24 * 3600 * SECOND
"""Lines written at a session's end speak of its beginning this much earlier at most."""


class Confidence(enum.Enum):
    """How sure it is that a line speaks of a session."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Why(enum.Enum):
    """Why a line has no session."""

    OUTSIDE = "outside-capture"
    """It was written before or after the capture."""
    ADDRESS = "address-not-seen"
    """No session has the client's address that it names."""
    PORT = "port-not-seen"
    """Sessions have that address, none that port."""
    NO_SESSION = "no-session-then"
    """None of the sessions it could speak of lasted at its time."""
    SEVERAL = "several-fit"
    """More than one session fits equally well."""
    CLOCK = "clock-unknown"
    """Its clock cannot be compared with the capture's: its log's lines agree on no offset."""
    UNNAMED = "names-nobody"
    """It names neither addresses nor names, and no session failed in a way that it can mean."""
    LINES = "several-lines"
    """More lines say the same than there are sessions that they can mean: which of them it is is not told."""


class Because(NamedTuple):
    """Why a line that names no client is said of a session: it is the only one that it can mean."""

    among: int
    """Of so many sessions that have what the line names; those that may have failed, where that is no name."""
    is_certificate: bool
    """The name is that of its certificate: it asked for none."""


class Match(NamedTuple):
    """A line found its session."""

    line: LogLine
    session: int
    confidence: Confidence
    key: Key
    """What it was found by."""
    agreement: Agreement
    time_ns: int | None
    """The line's time by the capture's clock."""
    clock: Clock | None
    because: Because | None = None
    """Of lines that name no client."""


class Missed(NamedTuple):
    """A line found none."""

    line: LogLine
    why: Why
    candidates: tuple[int, ...] = ()
    time_ns: int | None = None
    """By the capture's clock, where its offset is known."""


class Fit(NamedTuple):
    """A session that a line may speak of at its time."""

    away_ns: int
    """How far the line is from the session in time; 0: it was written while the session lasted."""
    agreement: Agreement
    seen: Seen


def starts(line: LogLine, time_ns: int) -> tuple[int, int]:
    """When a session that a line speaks of may have begun."""
    before = _LONGEST_NS if line.time_of is TimeOf.END else line.reach_ns + LINGER_NS
    return time_ns - before - NEAR_NS, time_ns + line.resolution_ns + NEAR_NS


def distance(line: LogLine, time_ns: int, seen: Seen) -> int | None:
    """Time between a line and what it may speak of; None: it cannot speak of this session."""
    until_ns = time_ns + line.resolution_ns
    if line.time_of is TimeOf.ACCEPT:
        away = max(seen.start_ns - until_ns, time_ns - seen.start_ns - SECOND, 0)
        return away if away <= NEAR_NS else None
    if seen.start_ns > until_ns + NEAR_NS:
        return None
    if line.time_of is TimeOf.END:
        away = max(seen.end_ns - SECOND - until_ns, time_ns - seen.end_ns - SECOND, 0)
        return away if away <= line.reach_ns else None
    if seen.start_ns < time_ns - line.reach_ns - NEAR_NS and seen.end_ns < time_ns - NEAR_NS:
        return None
    return max(seen.start_ns - until_ns, time_ns - seen.end_ns, 0)


_Chosen: TypeAlias = tuple[Seen, Confidence, Agreement]


def choose(line: LogLine, time_ns: int, key: Key, fits: Sequence[Fit], clock: Clock) -> _Chosen | Missed:
    """The session that a line is said of.

    :param time_ns: the line's, by the capture's clock.
    :param fits: one at least.
    """
    near = [fit for fit in fits if fit.away_ns <= NEAR_NS + clock.margin_ns]
    if key.is_strong:
        return _by_port(line, time_ns, key, near, fits, clock)
    if key is not Key.CLIENT:
        return _by_words(line, time_ns, near, clock)
    shown = [fit for fit in near or fits if fit.agreement is not Agreement.CONTRADICTS]
    if not shown:
        return Missed(line, Why.NO_SESSION, (), time_ns)
    return _nearest(line, time_ns, key, shown, clock) if near else _late(line, time_ns, shown)


def _by_port(
    line: LogLine, time_ns: int, key: Key, near: Sequence[Fit], fits: Sequence[Fit], clock: Clock
) -> _Chosen | Missed:
    """Sessions that have the port the line names."""
    if not near:
        return _late(line, time_ns, fits)
    if len(near) > 1:
        return _nearest(line, time_ns, key, near, clock)
    (fit,) = near
    # With one end's port alone, or one line alone to tell the clock by, both must tell of a failure too.
    least = Agreement.UNKNOWN if key is Key.BOTH and clock.matches > 1 else Agreement.LIKE
    is_certain = clock.is_sure and fit.agreement >= least
    if fit.agreement is Agreement.CONTRADICTS:
        return fit.seen, Confidence.POSSIBLE, fit.agreement
    return fit.seen, Confidence.CERTAIN if is_certain else Confidence.LIKELY, fit.agreement


def _late(line: LogLine, time_ns: int, fits: Sequence[Fit]) -> _Chosen | Missed:
    """Written long after the session: when the program's patience was at its end."""
    if len(fits) > 1:
        return several(line, [fit.seen for fit in fits], time_ns)
    return fits[0].seen, Confidence.POSSIBLE, fits[0].agreement


def _by_words(line: LogLine, time_ns: int, near: Sequence[Fit], clock: Clock) -> _Chosen | Missed:
    """Sessions with the same name, of clients with other addresses: what the line says must be seen in it."""
    fits = [fit for fit in near if fit.agreement is Agreement.SAME]
    same = [fit.seen for fit in (_then(line, time_ns, fits, clock.margin_ns) if len(fits) > 1 else fits)]
    if len(same) == 1:
        return same[0], Confidence.POSSIBLE, Agreement.SAME
    return several(line, same, time_ns) if same else Missed(line, Why.ADDRESS, (), time_ns)


def _nearest(line: LogLine, time_ns: int, key: Key, near: Sequence[Fit], clock: Clock) -> _Chosen | Missed:
    """Of several at about the same time: by what they say and by when it happened; by that first, where they are known
    by a port, because nobody has one twice at the same time with the same server.
    """
    if key.is_strong:
        near = _then(line, time_ns, near, clock.margin_ns)
    best = max(fit.agreement for fit in near)
    alike = [fit for fit in near if fit.agreement is best]
    if not key.is_strong:
        alike = [fit for fit in alike if not is_of_another_kind(line, fit.seen)] or alike
    if line.sni is not None and len(alike) > 1:
        alike = [fit for fit in alike if fit.seen.sni == name_of(line)] or alike
    if len(alike) > 1:
        alike = _then(line, time_ns, alike, clock.margin_ns)
    if len(alike) != 1:
        return several(line, [fit.seen for fit in alike], time_ns)
    is_likely = best >= Agreement.LIKE and (key.is_strong or not is_of_another_kind(line, alike[0].seen))
    return alike[0].seen, Confidence.LIKELY if is_likely else Confidence.POSSIBLE, best


def _then(line: LogLine, time_ns: int, alike: Sequence[Fit], margin_ns: int) -> list[Fit]:
    """Those at whose moment the line was written; where none is, those nearest to it."""
    distances = [away_from(line, time_ns, fit.seen) for fit in alike]
    limit = min(distances) + margin_ns + SPLIT_NS
    return [fit for fit, away in zip(alike, distances, strict=True) if away <= limit]


def away_from(line: LogLine, time_ns: int, seen: Seen) -> int:
    """Time between a line and the moment of a session that it tells of."""
    moment = seen.start_ns if line.time_of is TimeOf.ACCEPT else seen.moment_ns
    return max(moment - time_ns - line.resolution_ns, time_ns - moment, 0)


def several(line: LogLine, candidates: Sequence[Seen], time_ns: int | None) -> Missed:
    """None is taken; the first ones are named."""
    return Missed(line, Why.SEVERAL, tuple(sorted(one.id for one in candidates[:MAX_NAMED])), time_ns)
