"""When a capture is known to have lost packets, by what its sessions show, and of what that is no excuse."""

from __future__ import annotations

from typing import Final

from capanalyzer.handshake.session import Session

__all__ = ["LossTimes", "asked_in_vain"]

SECOND_NS: Final = 10**9
MAX_TIMES: Final = 4_096
"""Kept; with more of them the times are kept half as exactly, which may call more sessions incomplete, never fewer."""

VAIN_NS: Final = 30 * SECOND_NS
"""Who has asked for so long without an answer was not served, whatever came then."""


class LossTimes:
    """Seconds in which bytes arrived that nobody captured. What is known does not depend on the order in which it was
    learned.
    """

    __slots__ = ("_shift", "_times")

    def __init__(self) -> None:
        self._times: set[int] = set()
        self._shift = 0
        """A time is the second shifted right by so much."""

    def add(self, time_ns: int) -> None:
        """Something that was lost had arrived at this time."""
        self._times.add(time_ns // SECOND_NS >> self._shift)
        self._trim()

    def merge(self, other: LossTimes) -> None:
        """Add what was learned from other sessions of the same capture."""
        shift = max(self._shift, other._shift)
        mine = {time >> shift - self._shift for time in self._times}
        self._times = mine | {time >> shift - other._shift for time in other._times}
        self._shift = shift
        self._trim()

    def any_between(self, first_ns: int, last_ns: int) -> bool:
        """Something was lost between these times, or in the same second as one of them."""
        wanted = range(first_ns // SECOND_NS >> self._shift, (last_ns // SECOND_NS >> self._shift) + 1)
        if len(wanted) < len(self._times):
            return any(time in self._times for time in wanted)
        return any(time in wanted for time in self._times)

    def _trim(self) -> None:
        while len(self._times) > MAX_TIMES:
            self._shift += 1
            self._times = {time >> 1 for time in self._times}


def asked_in_vain(session: Session) -> bool:
    """One side sent the same for :data:`VAIN_NS` and got no answer in all that time."""
    client, server = session.tcp.client, session.tcp.server
    if client.syn_ns is not None and client.last_syn_ns is not None and not server.syn_count:
        return client.last_syn_ns - client.syn_ns >= VAIN_NS
    return max(client.last_transmission_span_ns, server.last_transmission_span_ns) >= VAIN_NS
