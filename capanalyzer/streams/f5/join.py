"""Which connections are the two sides of one that a BIG-IP proxies.

They share nothing but what the trailers say: the flow id of one is the peer id of the other, in the same slot and TMM,
and the most talkative trailers name the other side's addresses and ports. Ids are used again, so a match counts only
while both connections were there, and only where the addresses do not contradict it.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_BESIDE: Final = 3
"""Connections before and after one that had the same id or the same ends: nearer ones stand beside it."""
MAX_SAME: Final = 64
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
        stream, own = facts.stream, self._times(facts.stream)
        for key, span in facts.peers.items():
            found.update(self._nearest(self._owners.get(key, []), span))
        for key in facts.flows:
            owners = self._owners.get(key, [])
            for seeker in self._seekers.get(key, ()):
                if self._is_nearest(stream, owners, self._known[seeker].peers[key]):
                    found.add(seeker)
        for peer in facts.peer_tuples:
            found.update(self._nearest(self._by_ends.get(_ends(peer), []), own))
        alike = self._by_ends.get(frozenset(facts.ends), [])
        naming = self._naming.get(frozenset(facts.ends), ())
        found.update(one for one in naming if self._is_nearest(stream, alike, self._times(one)))
        others = [one for one in sorted(found) if one != stream and _agree(facts, self._known[one])]
        return tuple(others[:MAX_OTHERS])

    def _nearest(self, streams: Sequence[int], span: tuple[int, int]) -> list[int]:
        """Those of them that were there in this time. Where none was, because clocks and buffers differ, the one that
        was there next before or after: what is freed last is often given away first.
        """
        gaps = [self._gap(stream, span) for stream in streams]
        least = min(gaps, default=SLACK_NS + 1)
        return [stream for stream, gap in zip(streams, gaps, strict=True) if gap == least <= SLACK_NS]

    def _is_nearest(self, stream: int, streams: Sequence[int], span: tuple[int, int]) -> bool:
        """It is one of the nearest of these, which stand in the order in which they came."""
        gap = self._gap(stream, span)
        if not gap or gap > SLACK_NS or stream not in streams:
            return not gap
        at = streams.index(stream)
        return stream in self._nearest(streams[max(0, at - _BESIDE) : at + _BESIDE + 1], span)

    def _gap(self, stream: int, span: tuple[int, int]) -> int:
        """Between a stream's packets and this time, ns; 0: they overlap."""
        first, last = self._times(stream)
        return max(0, first - span[1], span[0] - last)

    def _times(self, stream: int) -> tuple[int, int]:
        place = self._slots.place(stream)
        if place is None:
            return _NEVER_FIRST, _NEVER_LAST
        return int(self._slots["first_ns"][place]), int(self._slots["last_ns"][place])

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
