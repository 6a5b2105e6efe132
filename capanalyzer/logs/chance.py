"""How likely it is that a line met a session by chance, and not its own.

A log may be of a whole host or of many programs, and the capture of a part of what they did: then most of its lines are
of sessions that the capture does not have, and some of them meet another one at the same moment. How many have theirs
shows in how many more lines meet a session than would by chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

__all__ = ["LATE", "USUAL", "by_chance", "sampled", "share_of", "wrongly"]

USUAL: Final = 0.9
"""Share of lines whose session is in the capture, before anything is known: a capture is taken of what failed."""
LATE: Final = 0.1
"""Share of lines that programs write later than :data:`~capanalyzer.logs.fit.SPLIT_NS` after what they tell."""
_WEIGHT: Final = 2.0
"""Lines that :data:`USUAL` is worth."""
_MAX_ASKED: Final = 2_000
"""Lines of one log that are asked whether they meet a session."""
_Line = TypeVar("_Line")


def sampled(lines: Sequence[_Line]) -> Sequence[_Line]:
    """Not more of a log's lines than are asked, from first to last."""
    return lines[:: max(-(-len(lines) // _MAX_ASKED), 1)]


def by_chance(met_ns: int, span_ns: int) -> float:
    """Probability that a moment within ``span_ns`` lies in one of several stretches that last ``met_ns`` together."""
    return 1.0 if span_ns <= 0 else -math.expm1(-met_ns / span_ns)


def share_of(lines: Iterable[tuple[bool, float]], usual: float = USUAL) -> float:
    """The share of a log's lines whose session is in the capture.

    :param lines: of each whether it met a session that it can mean, and the probability that it does by chance.
    :param usual: what it is before anything is known.
    """
    met = able = 0.0
    for is_met, chance in lines:
        met += is_met - chance
        able += 1.0 - chance
    return min((max(met, 0.0) + usual * _WEIGHT) / (able + _WEIGHT), 1.0)


def wrongly(share: float, chance: float) -> float:
    """Probability that the one session which a line met is not its own.

    :param share: of lines whose session is there, see :func:`share_of`.
    """
    return (1.0 - share) * chance / (share + (1.0 - share) * chance)
