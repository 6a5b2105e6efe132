"""What a client's sessions say about its clock.

A client refuses several servers' valid certificates as expired, or the first four bytes of its ClientHellos run like a
clock. Those bytes were the time once (RFC 5246 section 7.4.1.2) and are random today; one plausible value proves
nothing, so they count only when several of them, over some time, are off by the same number of seconds.
"""

from __future__ import annotations

from typing import Any, Final

from capanalyzer.diagnosis.bounded import Bounded

__all__ = ["Clocks", "published_ns"]

MAX_CLIENTS: Final = 4096
"""Clients remembered, of those with sessions that did not simply work; about 1 kB each."""
HELLOS: Final = 8
SERVERS: Final = 8
AGREEING: Final = 3
"""Hellos that must tell the same offset: random bytes do so once in 10^18 times."""
SPAN_NS: Final = 10_000_000_000
"""Over so long at least: hellos with a constant in place of the time look like a clock for a moment."""
TOLERANCE_S: Final = 2


_PUBLISHED_S: Final = {0x0301: 915_148_800, 0x0302: 1_143_849_600, 0x0303: 1_217_548_800, 0x0304: 1_533_081_600}
"""The months of RFC 2246 (1999-01), RFC 4346 (2006-04), RFC 5246 (2008-08) and RFC 8446 (2018-08), Unix time."""


def published_ns(version: int | None) -> int:
    """When a version of TLS was published, nanoseconds since the Unix epoch; 0 for others.

    A capture that shows it spoken before that has a wrong clock: unset, or made anonymous.
    """
    return _PUBLISHED_S.get(version or 0, 0) * 1_000_000_000


class _Clock:
    """One client."""

    __slots__ = ("hellos", "refused")

    def __init__(self) -> None:
        self.hellos: list[tuple[int, int]] = []
        """(capture time in ns, seconds in the hello), the earliest ones."""
        self.refused: list[str] = []
        """Servers whose certificates it called expired, the smallest addresses."""

    def add(self, hellos: list[tuple[int, int]], refused: list[str]) -> None:
        self.hellos = sorted({*self.hellos, *hellos})[:HELLOS]
        self.refused = sorted({*self.refused, *refused})[:SERVERS]

    def __getstate__(self) -> tuple[object, ...]:
        return self.hellos, self.refused

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.hellos, self.refused = state


class Clocks:
    """See the module."""

    def __init__(self) -> None:
        self._clients: Bounded[tuple[str], _Clock] = Bounded(MAX_CLIENTS)

    def learn(self, client: str, time_ns: int, random: bytes, refused: str | None) -> None:
        """A ClientHello, and the server that the client refused for its date."""
        clock = self._clients.get((client,))
        if clock is None:
            clock = _Clock()
            self._clients.add((client,), clock)
        hellos = [(time_ns, int.from_bytes(random[:4], "big"))] if len(random) >= 4 else []
        clock.add(hellos, [] if refused is None else [refused])

    def refusals(self, client: str) -> int:
        """Servers whose valid certificates this client called expired."""
        clock = self._clients.get((client,))
        return 0 if clock is None else len(clock.refused)

    def offset_s(self, client: str) -> int | None:
        """By how many seconds the client's clock is ahead of the capture's (negative: behind); None where its hellos
        do not tell.
        """
        clock = self._clients.get((client,))
        told = [] if clock is None else [(time_ns, word - time_ns // 1_000_000_000) for time_ns, word in clock.hellos]
        for _, offset in told:
            # A host may run programs with and without such hellos.
            times = [time_ns for time_ns, other in told if abs(other - offset) <= TOLERANCE_S]
            if len(times) >= AGREEING and max(times) - min(times) >= SPAN_NS:
                return offset
        return None

    def merge(self, other: Clocks) -> None:
        """Add what was learned from other sessions of the same capture."""
        self._clients.merge(other._clients, _join)


def _join(known: _Clock, other: _Clock) -> None:
    known.add(other.hellos, other.refused)
