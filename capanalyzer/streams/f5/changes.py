"""Packets in the middle of a connection that name another peer than those before: found without reading each trailer.

A connection to a server that is kept open serves one client's connection after the other, and one of a client may be
given several to servers. Where the peer's id stands, counted from the end of the frame, is known from a trailer that
was read; of all others just those bytes are compared.
"""

from __future__ import annotations

from struct import pack
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.packets.f5.trailer import NO_FLOW, FlowPart
from capanalyzer.streams.f5.ranks import rank
from capanalyzer.streams.f5.slots import Slots

__all__ = ["PeerWatch"]

I64 = NDArray[np.int64]

MAX_CHANGES: Final = 64
"""Packets of each connection whose trailers are read because of this."""
_WORD: Final = 8


class PeerWatch:
    """Of each connection and direction, the id that its last packet named."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        slots.add("back", np.int32, ways=2)  # bytes from the id to the frame's end; 0: not known
        slots.add("named", np.uint64, ways=2)
        slots.add("changes", np.int32)

    def learn(self, place: int, *, is_up: bool, tail: bytes, flow: FlowPart) -> None:
        """A trailer was read: the id stands in it.

        :param place: the connection's, see :class:`capanalyzer.streams.f5.slots.Slots`.
        :param is_up: one of the two directions.
        :param tail: up to the frame's end.
        """
        ids = flow.flow_id, flow.peer_id
        if flow.flow_id == NO_FLOW:
            return
        if (at := tail.rfind(pack(">QQ", *ids))) >= 0:
            at += _WORD
        elif max(ids) >> 32 or (at := tail.rfind(pack(">II", *ids))) < 0:  # older forms have both in one word
            return
        self._slots["back"][place, int(is_up)] = len(tail) - at
        self._slots["named"][place, int(is_up)] = int.from_bytes(tail[at : at + _WORD], "little")

    def changed(self, data: NDArray[np.uint8], place: I64, is_up: NDArray[np.bool_], start: I64, stop: I64) -> I64:
        """Of these packets, in capture order, the numbers of those that name another peer than the one before.

        :param start: where in ``data`` what follows the IP packet begins, :param stop: and ends.
        """
        if not len(place):
            return np.zeros(0, np.int64)
        backs, known = self._slots["back"].reshape(-1), self._slots["named"].reshape(-1)
        key = 2 * place + is_up
        back: I64 = backs.take(key)
        readable: I64 = np.flatnonzero((back >= _WORD) & (back <= stop - start))
        if not len(readable):
            return readable
        key, at = key.take(readable), (stop - back).take(readable)
        words: NDArray[np.uint64] = np.ndarray((len(data) - _WORD + 1,), "<u8", np.ascontiguousarray(data), 0, (1,))
        named = words.take(at)
        differs = named != known.take(key)
        if not differs.any():
            return np.zeros(0, np.int64)
        whose = np.flatnonzero(np.isin(key, key.compress(differs)))
        whose = whose.take(np.argsort(key.take(whose), kind="stable"))
        key, named, readable = key.take(whose), named.take(whose), readable.take(whose)
        begins = np.concatenate([[True], key[1:] != key[:-1]])
        before = np.concatenate([named[:1], named[:-1]])
        before[begins] = known.take(key[begins])
        ends = np.concatenate([begins[1:], [True]])
        known[key[ends]] = named[ends]
        return self._few(np.sort(readable.compress(named != before)), place)

    def _few(self, found: I64, place: I64) -> I64:
        """As many of them as may be read of each connection."""
        place, changes = place.take(found), self._slots["changes"]
        few = rank(place) + changes.take(place) < MAX_CHANGES
        np.add.at(changes, place, 1)
        np.minimum(changes, MAX_CHANGES, out=changes)
        return found.compress(few)
