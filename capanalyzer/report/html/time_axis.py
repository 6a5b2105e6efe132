"""Where the events of a session stand on a ruler that is true to time.

A handshake's steps are milliseconds apart and its stall may last a minute; on one linear scale the steps would be a
single dot. So a pause that dwarfs all others is shortened to a fixed length, and marked where it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

__all__ = ["Axis", "axis"]

SHORTENED: Final = 66.0
"""Pixels of a shortened pause."""
DWARFS: Final = 0.88
"""A pause is shortened when it takes this share of what is still drawn to scale."""
NOTABLE_NS: Final = 100_000_000
"""No pause below this is: it is part of how a handshake goes."""
MAX_SHORTENED: Final = 3
MIN_TICK: Final = 11.0
"""Pixels between two marks."""


@dataclass(frozen=True, slots=True)
class Axis:
    places: tuple[float, ...]
    """Of each event, in pixels from the first."""
    shortened: frozenset[int]
    """Indices of events after which a pause is shortened."""
    tick_ns: int
    """Time between two marks; 0 where all events have one time."""
    ticks: tuple[float, ...]
    """Pixels of the marks: multiples of ``tick_ns`` from the first event, where the ruler is to scale."""


def axis(times_ns: Sequence[int], length: float) -> Axis:
    """A ruler for events.

    :param times_ns: at least one, in the order they are drawn; a step back in time counts as none.
    :param length: pixels for what is drawn to scale.
    """
    gaps = [max(0, later - earlier) for earlier, later in pairwise(times_ns)]
    shortened = _shortened(gaps)
    to_scale = sum(gap for index, gap in enumerate(gaps) if index not in shortened)
    pixels = length / to_scale if to_scale else 0.0
    places, elapsed, tick_ns = [0.0], [0], _tick(to_scale, length)
    ticks: list[float] = []
    for index, gap in enumerate(gaps):
        if index in shortened:
            places.append(places[-1] + SHORTENED)
        else:
            if tick_ns:
                first = -(-elapsed[-1] // tick_ns) * tick_ns
                ticks += [
                    places[-1] + (time - elapsed[-1]) * pixels for time in range(first, elapsed[-1] + gap, tick_ns)
                ]
            places.append(places[-1] + gap * pixels)
        elapsed.append(elapsed[-1] + gap)
    return Axis(tuple(places), shortened, tick_ns, tuple(ticks))


def _shortened(gaps: Sequence[int]) -> frozenset[int]:
    """The pauses beside which the rest would not be seen."""
    chosen: set[int] = set()
    while len(chosen) < MAX_SHORTENED:
        left = [index for index in range(len(gaps)) if index not in chosen]
        total = sum(gaps[index] for index in left)
        largest = max(left, key=gaps.__getitem__, default=None)
        if largest is None or gaps[largest] < NOTABLE_NS or not 0 < total - gaps[largest] < (1 - DWARFS) * total:
            break
        chosen.add(largest)
    return frozenset(chosen)


def _tick(total_ns: int, length: float) -> int:
    """The smallest of 1, 2, 5, 10, 20 ... nanoseconds that is at least ``MIN_TICK`` pixels wide."""
    if not total_ns:
        return 0
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * length >= MIN_TICK * total_ns:
                return step * factor
        step *= 10
