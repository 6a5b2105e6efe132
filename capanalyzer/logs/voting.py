"""Which lines of a log are asked about its clock, and what each of them tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from capanalyzer.logs.alone import MAX_MEANT, Alone, names_nobody
from capanalyzer.logs.candidates import MAX_CANDIDATES, Key, Sessions
from capanalyzer.logs.clock import WEIGHT, Clock, Vote, estimate, vote
from capanalyzer.logs.crowd import Alike
from capanalyzer.logs.line import LogLine
from capanalyzer.logs.seen import Agreement, Seen, agreement

__all__ = ["MAX_TELLING", "clock_of", "is_by_address", "is_of_a_stranger"]

MAX_VOTERS: Final = 2_000
"""Lines of one log whose votes on its clock are counted."""
MAX_VOTES: Final = 100_000
"""Votes of lines that name no client: each has one for every session that it can mean."""
MAX_CROWD: Final = 1_000
"""A line that fits with more sessions of the address that it names is not asked."""
MAX_TELLING: Final = 32
"""A line that may speak of more sessions tells nothing about the clock, nor is it told apart by its words alone."""


def is_by_address(key: Key) -> bool:
    return key.is_strong or key is Key.CLIENT


def is_of_a_stranger(line: LogLine, key: Key) -> bool:
    """It names a client that the capture does not have, not by this address."""
    return line.client.ip is not None and not is_by_address(key)


def clock_of(
    lines: Sequence[LogLine],
    sessions: Sessions,
    alone: Alone,
    time_of: Callable[[LogLine], int | None],
    *,
    has_zone: bool,
) -> Clock | None:
    """Estimated; without any clue only a stamp with its zone is taken at its word.

    Lines that name no address are asked only where no address tells anything: there may be thousands of them, of
    sessions that the capture has not.

    :param time_of: a line's time by its log's own clock.
    """
    by_address = []
    for line in lines:
        key, candidates = sessions.candidates(line)
        if candidates and is_by_address(key):
            by_address.append(line)
    votes = [
        one for number, line in enumerate(_spread(by_address)) for one in _votes(number, line, sessions, time_of(line))
    ]
    clock = estimate(votes, has_zone=has_zone) if votes else None
    if clock is None and (crowded := list(_votes_of_crowds(by_address, sessions, time_of))):
        votes, clock = crowded, estimate(crowded, has_zone=has_zone, is_alone=True)
    if not votes and (lonely := list(_votes_alone(lines, alone, time_of))):
        clock = estimate(lonely, has_zone=has_zone, is_alone=True)
    if clock is None and has_zone:
        return Clock(0, 0, 0, 0, is_sure=False)
    return clock


def _votes(number: int, line: LogLine, sessions: Sessions, time_ns: int | None) -> Iterator[Vote]:
    """What a line that names its client tells of the clock."""
    key, candidates = sessions.candidates(line)
    if time_ns is None or len(candidates) == MAX_CANDIDATES:
        return
    fits = [(one, agreement(line, one)) for one in candidates]
    telling = [(one, fit) for one, fit in fits if fit >= Agreement.UNKNOWN]
    if len(telling) > MAX_TELLING:
        best = max(fit for _, fit in telling)
        telling = [(one, fit) for one, fit in telling if fit is best]
    if not telling or len(telling) > MAX_TELLING:
        return
    weight = WEIGHT // len(telling) // (1 if key.is_strong else 2)
    for one, fit in telling:
        yield vote(number, line, time_ns, one, weight, is_strong=key.is_strong, fit=fit)


def _votes_of_crowds(
    lines: Sequence[LogLine], sessions: Sessions, time_of: Callable[[LogLine], int | None]
) -> Iterator[Vote]:
    """What lines tell that name an address behind which are so many sessions that each may be of many of them."""
    alike = Alike(sessions)
    asked = []
    for line in _spread(lines):
        time_ns = time_of(line)
        fits = alike.of(line) if time_ns is not None and line.is_failure else ()
        if time_ns is not None and 0 < len(fits) < MAX_CROWD:
            asked.append((line, time_ns, fits))
    yield from _at_their_moments(asked)


def _votes_alone(lines: Sequence[LogLine], alone: Alone, time_of: Callable[[LogLine], int | None]) -> Iterator[Vote]:
    """What lines tell that name none: each may have been written at the moment of any session that it can mean."""
    asked = []
    for line in lines:
        time_ns = time_of(line) if names_nobody(line) else None
        meant = None if time_ns is None else alone.meant(line)
        if time_ns is not None and meant is not None and 0 < meant.number < MAX_MEANT:
            asked.append((line, time_ns, meant.fits))
    yield from _at_their_moments(asked)


def _at_their_moments(asked: Sequence[tuple[LogLine, int, Sequence[Seen]]]) -> Iterator[Vote]:
    """Of lines, with their times, that may speak of any of several sessions."""
    step = max(-(-len(asked) // MAX_VOTERS), -(-sum(len(fits) for _, _, fits in asked) // MAX_VOTES), 1)
    for number, (line, time_ns, fits) in enumerate(asked[::step]):
        weight = WEIGHT // len(fits) // 2
        for one in fits:
            yield vote(number, line, time_ns, one, weight, is_alone=True, fit=agreement(line, one))


def _spread(lines: Sequence[LogLine]) -> Sequence[LogLine]:
    """As many of them as are asked, from first to last."""
    return lines[:: -(-len(lines) // MAX_VOTERS)] if lines else lines
