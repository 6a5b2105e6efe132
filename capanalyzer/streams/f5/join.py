"""Which connections are the two sides of one that a BIG-IP proxies.

They share nothing but what the trailers say: the flow id of one is the peer id of the other, in the same slot and TMM,
and the most talkative trailers name the other side's addresses and ports. Ids are used again, so a match counts only
while both connections were there, and only where the addresses do not contradict it.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.f5.trailer import PeerTuple
from capanalyzer.streams.f5.facts import Address, F5Facts, FlowKey
from capanalyzer.streams.f5.slots import Slots

__all__ = ["MAX_KNOWN", "MAX_OTHERS", "Kin"]

I64 = NDArray[np.int64]

MAX_KNOWN: Final = 32_768
"""Connections whose trailers are remembered, about 1.5 kB each; the oldest are forgotten first."""
SLACK_NS: Final = 1_000_000_000
"""Several TMMs write into one file, and their clocks and buffers differ."""
_TCP: Final = 6
_NEVER_FIRST, _NEVER_LAST = 1 << 62, -(1 << 62)
MAX_OTHERS: Final = 64
"""Connections on the other side that are told of one."""
MAX_SAME: Final = 256
"""Connections that are found by the same id or the same ends; the oldest go first."""
_Ends = frozenset[Address]
K = TypeVar("K")


class Kin:
    """The connections of one capture that have trailers, by what they are found by."""

    def __init__(self, slots: Slots) -> None:
        self._known: dict[int, F5Facts] = {}
        self._owners: dict[FlowKey, list[int]] = {}
        """By flow id, whose it is."""
        self._seekers: dict[FlowKey, list[int]] = {}
        """By flow id, whose peer it is."""
        self._by_ends: dict[_Ends, list[int]] = {}
        self._naming: dict[_Ends, list[int]] = {}
        """By the ends of a connection, who names it as its peer."""
        self._slots = slots
        slots.add("first_ns", np.int64, empty=_NEVER_FIRST)
        slots.add("last_ns", np.int64, empty=_NEVER_LAST)
        self.forgotten = 0
        """Connections, before they were given to anybody."""

    def note_times(self, place: I64, time_ns: I64) -> None:
        """Segments of the streams in these places at these times."""
        np.minimum.at(self._slots["first_ns"], place, time_ns)
        np.maximum.at(self._slots["last_ns"], place, time_ns)

    def facts(self, stream: int, ends: tuple[Address, Address]) -> F5Facts:
        """Those of a stream, made where there are none yet."""
        known = self._known.get(stream)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._forget(next(iter(self._known)))
            known = self._known[stream] = F5Facts(stream, ends)
            _enter(self._by_ends, frozenset(ends), stream)
        return known

    def enter(self, stream: int) -> None:
        """More is known of a stream: it can be found by that."""
        facts = self._known.get(stream)
        if facts is None:
            return
        for index, keys in ((self._owners, facts.flows), (self._seekers, facts.peers)):
            for key in keys:
                _enter(index, key, stream)
        for peer in facts.peer_tuples:
            _enter(self._naming, _ends(peer), stream)

    def complete(self, stream: int) -> F5Facts | None:
        """The facts of a stream, with the streams on the other side of the proxy; they stay known to others."""
        facts = self._known.get(stream)
        if facts is not None:
            facts.others = self._others(facts)
            facts.is_given = True
        return facts

    def _others(self, facts: F5Facts) -> tuple[int, ...]:
        found: set[int] = set()
        for key, span in facts.peers.items():
            found.update(s for s in self._owners.get(key, ()) if self._was_there(s, span.first_ns, span.last_ns))
        own = self._times(facts.stream)
        for key in facts.flows:
            for stream in self._seekers.get(key, ()):
                span = self._known[stream].peers[key]
                if span.first_ns <= own[1] + SLACK_NS and own[0] - SLACK_NS <= span.last_ns:
                    found.add(stream)
        for peer in facts.peer_tuples:
            found.update(s for s in self._by_ends.get(_ends(peer), ()) if self._was_there(s, *own))
        naming = self._naming.get(frozenset(facts.ends), ())
        found.update(s for s in naming if self._was_there(s, *own))
        others = [s for s in sorted(found) if s != facts.stream and _agree(facts, self._known[s])]
        return tuple(others[:MAX_OTHERS])

    def _times(self, stream: int) -> tuple[int, int]:
        place = self._slots.place(stream)
        if place is None:
            return _NEVER_FIRST, _NEVER_LAST
        return int(self._slots["first_ns"][place]), int(self._slots["last_ns"][place])

    def _was_there(self, stream: int, first_ns: int, last_ns: int) -> bool:
        first, last = self._times(stream)
        return first <= last_ns + SLACK_NS and first_ns - SLACK_NS <= last

    def _forget(self, stream: int) -> None:
        facts = self._known.pop(stream)
        self.forgotten += not facts.is_given
        for index, keys in ((self._owners, facts.flows), (self._seekers, facts.peers)):
            for key in keys:
                _drop(index, key, stream)
        for peer in facts.peer_tuples:
            _drop(self._naming, _ends(peer), stream)
        _drop(self._by_ends, frozenset(facts.ends), stream)


def _enter(index: dict[K, list[int]], key: K, stream: int) -> None:
    streams = index.setdefault(key, [])
    if stream not in streams:
        streams.append(stream)
        del streams[:-MAX_SAME]


def _drop(index: dict[K, list[int]], key: K, stream: int) -> None:
    streams = index.get(key)
    if streams is not None and stream in streams:
        streams.remove(stream)
        if not streams:
            del index[key]


def _ends(peer: PeerTuple) -> _Ends:
    return frozenset((Address(peer.remote.packed, peer.remote_port), Address(peer.local.packed, peer.local_port)))


def _agree(one: F5Facts, other: F5Facts) -> bool:
    """Where sides say who their peer is, one must mean the other. Not both: of many that one serves, some are named."""
    ends, meant = frozenset(one.ends), frozenset(other.ends)
    if ends == meant:
        return False
    told = [
        others_ends in map(_ends, named)
        for facts, others_ends in ((one, meant), (other, ends))
        if (named := [peer for peer in facts.peer_tuples if peer.protocol == _TCP])
    ]
    return any(told) or not told
