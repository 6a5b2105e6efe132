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

__all__ = ["PeerWatch"]

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

MAX_CHANGES: Final = 64
"""Packets of each connection whose trailers are read because of this."""
_WORD: Final = 8


class PeerWatch:
    """Of each connection and direction, the id that its last packet named."""

    def __init__(self) -> None:
        # By stream number, twice: a connection's two directions.
        self._back = np.zeros(0, np.int32)
        """Bytes from the id to the frame's end; 0: not known."""
        self._named = np.zeros(0, np.uint64)
        # By stream number.
        self._changes = np.zeros(0, np.int32)

    def learn(self, stream: int, *, is_up: bool, tail: bytes, flow: FlowPart) -> None:
        """A trailer was read: the id stands in it.

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
        self._make_room(stream)
        key = 2 * stream + is_up
        self._back[key] = len(tail) - at
        self._named[key] = int.from_bytes(tail[at : at + _WORD], "little")

    def changed(self, data: NDArray[np.uint8], stream: I64, is_up: NDArray[np.bool_], start: I64, stop: I64) -> I64:
        """Of these packets, in capture order, the numbers of those that name another peer than the one before.

        :param start: where in ``data`` what follows the IP packet begins, :param stop: and ends.
        """
        if not len(stream) or len(data) < _WORD:
            return np.zeros(0, np.int64)
        self._make_room(int(stream.max()))
        key = 2 * stream + is_up
        back = self._back.take(key)
        readable = np.flatnonzero((back >= _WORD) & (back <= stop - start))
        key, at = key.take(readable), (stop - back).take(readable)
        words: U64 = np.ndarray((len(data) - _WORD + 1,), "<u8", np.ascontiguousarray(data), strides=(1,))
        named = words.take(at)
        differs = named != self._named.take(key)
        if not differs.any():
            return np.zeros(0, np.int64)
        whose = np.flatnonzero(np.isin(key, key.compress(differs)))
        key, named, readable = key.take(whose), named.take(whose), readable.take(whose)
        order = np.argsort(key, kind="stable")
        key, named, readable = key.take(order), named.take(order), readable.take(order)
        begins = np.concatenate([[True], key[1:] != key[:-1]])
        before = np.concatenate([named[:1], named[:-1]])
        before[begins] = self._named.take(key[begins])
        ends = np.concatenate([begins[1:], [True]])
        self._named[key[ends]] = named[ends]
        found = np.sort(readable.compress(named != before))
        streams = stream.take(found)
        few = rank(streams) + self._changes.take(streams) < MAX_CHANGES
        np.add.at(self._changes, streams, 1)
        np.minimum(self._changes, MAX_CHANGES, out=self._changes)
        return found.compress(few)

    def _make_room(self, stream: int) -> None:
        if stream < len(self._changes):
            return
        more = max(stream + 1, 2 * len(self._changes)) - len(self._changes)
        self._changes = np.concatenate([self._changes, np.zeros(more, np.int32)])
        self._back = np.concatenate([self._back, np.zeros(2 * more, np.int32)])
        self._named = np.concatenate([self._named, np.zeros(2 * more, np.uint64)])
