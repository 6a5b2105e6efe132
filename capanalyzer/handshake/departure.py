"""All ordinary sessions that leave at the same time, in the order in which they are given.

They come from a few batches, usually those of the last two or three chunks of the capture: a
:class:`~capanalyzer.handshake.ordinary_group.Group` for each. Other sessions are given between them, so they go on
their way in runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.ordinary_group import Group
from capanalyzer.handshake.ordinary_session import OrdinarySession
from capanalyzer.lazy import lazy
from capanalyzer.streams.flows import Flows

__all__ = ["Departure", "OrdinaryRun"]

I64 = NDArray[np.int64]
T = TypeVar("T")


class Departure:
    """They are numbered from 0."""

    def __init__(self, flows: Flows, groups: Sequence[tuple[Group, I64]]) -> None:
        """:param groups: each with the places of its sessions among all."""
        self.flows, self.groups = flows, groups
        self.made: dict[str, Any] = {}
        """What later stages made of all its sessions at once, by a name that each chooses."""

    def __len__(self) -> int:
        return len(self.flows)

    def run(self, start: int, stop: int) -> OrdinaryRun:
        """Those numbered ``start`` to ``stop``."""
        return OrdinaryRun(self, start, stop)

    @lazy
    def streams(self) -> list[int]:
        """Stream numbers."""
        streams: list[int] = self.flows.stream.tolist()
        return streams

    @lazy
    def where(self) -> list[tuple[Group, int]]:
        """Of each session its group, and its number there."""
        return self.in_order(lambda group: [(group, at) for at in range(len(group))])

    def session(self, number: int) -> OrdinarySession:
        """One of them."""
        group, at = self.where[number]
        return OrdinarySession(group, at, self.streams[number])

    def in_order(self, of_group: Callable[[Group], Sequence[T]]) -> list[T]:
        """What ``of_group`` gives for each session of a group, for all of them."""
        if len(self.groups) == 1:
            return list(of_group(self.groups[0][0]))
        result: list[T | None] = [None] * len(self)
        for group, places in self.groups:
            for place, value in zip(places.tolist(), of_group(group), strict=True):
                result[place] = value
        return cast("list[T]", result)


class OrdinaryRun:
    """Ordinary sessions that are given one after the other."""

    __slots__ = ("departure", "start", "stop")

    def __init__(self, departure: Departure, start: int, stop: int) -> None:
        """Those numbered ``start`` to ``stop`` of a departure."""
        self.departure, self.start, self.stop = departure, start, stop

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[OrdinarySession]:
        return map(self.departure.session, range(self.start, self.stop))
