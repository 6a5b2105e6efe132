"""When clients connected where: what tells the loser of a race between addresses from a connection that failed."""

from __future__ import annotations

from typing import Final, TypeAlias
from zlib import crc32

from capanalyzer.diagnosis.bounded import Bounded

__all__ = ["MAX_CLIENTS", "MAX_STARTS", "Start", "Starts", "join_starts", "trim"]

MAX_CLIENTS: Final = 20_000
MAX_STARTS: Final = 8
"""Connects remembered of a client and port, the latest, and clients; about 400 bytes each."""

Start: TypeAlias = tuple[int, tuple[str, int]]
"""Time in ns and server, an Endpoint, of a connect that was answered."""


class Starts(Bounded[tuple[str, int], list[Start]]):
    """By client address and server port; ordered by a hash that costs little."""

    def order(self, key: tuple[str, int]) -> int:
        return crc32(key[0].encode(), key[1])


def trim(starts: list[Start]) -> None:
    """Keep the latest; which those are does not depend on the order in which they came."""
    starts.sort()
    del starts[:-MAX_STARTS]


def join_starts(known: list[Start], other: list[Start]) -> None:
    """Add what was learned of the same client and port elsewhere."""
    known += other
    if len(known) > MAX_STARTS:
        trim(known)
