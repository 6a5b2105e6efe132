"""Handshakes as paths: what the machine says after the same messages, remembered, and followed for many at once.

Of 100,000 handshakes nearly all are one of a few dozen sequences of messages. :class:`Shape` is a node of the tree of
those met so far: the state of the machine (:mod:`capanalyzer.handshake.machine`) after one sequence. A step is looked
up by a small integer, the message's *code*, and only a sequence met for the first time is walked by the machine itself.
Nothing is decided here: a code holds exactly what the machine asks of a message (side, type, in TLS 1.3 the class of
its length, of a ServerHello what it chose), so equal codes are equal steps. Tests compare both ways on every capture.

:meth:`Shapes.follow` takes all handshakes of a batch a step at a time: nodes and codes of all of them make a column of
keys, one search in the sorted keys of all edges known gives the column of next nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.handshake.machine import Handshake
from capanalyzer.streams.chunk import distinct
from capanalyzer.tls.history import history
from capanalyzer.tls.records import Message

__all__ = [
    "CODE_ALERT",
    "CODE_CCS",
    "CODE_DATA_13",
    "CODE_ENCRYPTED",
    "CODE_HANDSHAKE",
    "CODE_ODD",
    "LENGTH_CLASS",
    "MAX_SHAPES",
    "Shape",
    "Shapes",
]

I64 = NDArray[np.int64]

# Codes: what the message is, its side in the lowest bit.
CODE_ODD, CODE_CCS, CODE_ENCRYPTED, CODE_ALERT = 0, 0x200, 0x202, 0x204
CODE_DATA_13, CODE_HANDSHAKE, _CODE_SERVER_HELLO = 0x400, 0x800, 0x1000
"""Data of TLS 1.3 with the class of its length above the side; clear handshake messages with their type there;
ServerHellos by what they chose."""

MAX_SHAPES: Final = 20_000
"""Nodes kept, about 1.5 kB each; beyond it sequences that are not known yet go the plain way."""
MAX_EDGES: Final = 100_000
"""Steps kept, those that lead nowhere too."""
MAX_CHOICES: Final = 1 << 12
"""Different choices (version and cipher suite) of ServerHellos."""

_EDGES: Final = (11, 15, 19, 23, 25, 27, 35, 41, 45, 53, 61, 69, 85)
"""Lengths of a TLS 1.3 record at which some decision changes: alert, least flight, empty Certificate and Finished, for
tags of 8 and 16 bytes, hashes of 32 and 48, with and without JSSE's padding (see the machine)."""
_LONGEST: Final = 128

LENGTH_CLASS: Final = bytes(
    2 * sum(edge <= length for edge in _EDGES) + (length in _EDGES) for length in range(_LONGEST)
) + bytes([2 * len(_EDGES)])
"""Class of a record length; longer ones have the class of the last entry."""

_NOWHERE: Final = -1
_CODE_BITS: Final = 16
_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE = 1, 2, 11
_TLS13: Final = 0x0304


class Shape:
    """The machine after a sequence of messages. Times and frames in it are the messages' places in the sequence."""

    __slots__ = ("certificate_at", "handshake", "hello_at", "history", "is_settled", "messages", "server_hello_at")

    def __init__(self, handshake: Handshake, messages: tuple[Message, ...]) -> None:
        self.handshake = handshake
        self.messages = messages
        self.history = history(messages)
        data = handshake.data_from
        self.is_settled = data[0] and data[1] and handshake.done_ns is not None
        """The handshake is over and data went both ways: later messages are of no interest."""
        self.hello_at, self.server_hello_at, self.certificate_at = (
            next((at for at, message in enumerate(messages) if message.handshake_type == kind), _NOWHERE)
            for kind in (_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE)
        )
        """Places of these messages, -1 where there is none."""

    @property
    def is_ordinary(self) -> bool:
        """Nothing in it that a diagnosis looks at twice."""
        handshake = self.handshake
        return (
            self.is_settled
            and not handshake.unexpected
            and not handshake.retried
            and handshake.alert_sized == [None, None]
            and handshake.version is not None
            and handshake.done_ns is not None
            and self.hello_at >= 0
            and self.server_hello_at >= 0
        )


class Shapes:
    """The tree of sequences."""

    def __init__(self) -> None:
        self.nodes = [Shape(Handshake(), ())]
        self._is_settled = np.zeros(1, np.bool_)
        self._edges: dict[int, int] = {}
        """Node above code: next node."""
        self._keys: I64 = np.array([np.iinfo(np.int64).max])
        self._next: I64 = np.array([_NOWHERE])
        """The same sorted; the last entry stands behind all keys."""
        self._choices: dict[tuple[int, int], int] = {}

    def code_of_choice(self, version: int, suite: int) -> int:
        """The code of a ServerHello that chose these."""
        known = self._choices.get((version, suite))
        if known is None:
            if len(self._choices) >= MAX_CHOICES:
                return CODE_ODD
            known = self._choices[version, suite] = len(self._choices)
        return _CODE_SERVER_HELLO + (known << 1 | 1)

    def follow(
        self, codes: I64, begins_row: NDArray[np.bool_], begin: I64, end: I64, message: Callable[[int], Message]
    ) -> tuple[I64, I64, I64]:
        """Follow n handshakes until each is settled, and to the end of the segment that settled it.

        :param codes: of all messages; handshake i has those from ``begin[i]`` to ``end[i]``.
        :param begins_row: by message: another segment completed it than the message before it.
        :param message: makes the message at a place, for a step that is not known yet.
        :returns: of each the node, -1 where it was not settled; the place behind the last message followed; and the
            node reached there.
        """
        node, at = np.zeros(len(begin), np.int64), begin.copy()
        last = np.full(len(begin), _NOWHERE)
        active = np.flatnonzero(begin < end)
        while len(active):
            here = at.take(active)
            following = self._step(node.take(active), codes.take(here), here, message)
            known = np.flatnonzero(following >= 0)
            active, following, here = active.take(known), following.take(known), here.take(known) + 1
            node[active], at[active] = following, here
            more = here < end.take(active)
            settled = self._is_settled.take(following)
            settled &= ~more | begins_row.take(here, mode="clip")
            over = active.compress(settled)
            last[over] = node.take(over)
            active = active.compress(more & ~settled)
        return last, at, node

    def lacks(self, nodes: I64) -> NDArray[np.uint8]:
        """At which of these nodes all is over but that data has gone both ways: 1 where it is the client's that is
        missing, 2 the server's, 3 both.
        """
        lacks = np.zeros(len(self.nodes), np.uint8)
        for number in distinct(nodes).tolist():
            handshake = self.nodes[number].handshake
            if handshake.done_ns is not None:
                client, server = handshake.data_from
                lacks[number] = (not client) + 2 * (not server)
        return lacks.take(nodes)

    def _step(self, node: I64, codes: I64, here: I64, message: Callable[[int], Message]) -> I64:
        keys = node << _CODE_BITS | codes
        place = np.searchsorted(self._keys, keys)
        new = np.flatnonzero(self._keys.take(place) != keys)
        if not len(new):
            return self._next.take(place)
        _, first = np.unique(keys.take(new), return_index=True)
        for at in new[first].tolist():
            if len(self._edges) < MAX_EDGES:
                self._edges[int(keys[at])] = self._extend(int(node[at]), int(codes[at]), message, int(here[at]))
        self._is_settled = np.array([node.is_settled for node in self.nodes])
        known = np.array(sorted(self._edges), np.int64)
        self._keys = np.append(known, np.iinfo(np.int64).max)
        self._next = np.array([self._edges[key] for key in sorted(self._edges)] + [_NOWHERE])
        place = np.searchsorted(self._keys, keys)
        return np.where(self._keys.take(place) == keys, self._next.take(place), _NOWHERE)

    def _extend(self, number: int, code: int, message: Callable[[int], Message], place: int) -> int:
        """The node after one more message; -1 where it leads out of the ordinary, or there is no room for it."""
        node = self.nodes[number]
        is_13 = node.handshake.is_13
        if code >= _CODE_SERVER_HELLO:
            allowed = node.hello_at >= 0 and node.server_hello_at < 0
        elif code >= CODE_HANDSHAKE:
            kind = code >> 1 & 0xFF
            allowed = not is_13 and kind != _SERVER_HELLO
            allowed &= kind != _CERTIFICATE or node.certificate_at < 0
            allowed &= kind != _CLIENT_HELLO or node.hello_at < 0
        elif code >= CODE_DATA_13:
            if not is_13 and code > CODE_DATA_13 | 1:
                # Before TLS 1.3 the length of data does not matter: one node for all of them.
                return self._edge(number, CODE_DATA_13 | (code & 1), message, place)
            allowed = True
        else:
            allowed = code & ~1 == CODE_CCS or (code & ~1 == CODE_ENCRYPTED and not is_13)
        if not allowed or len(self.nodes) >= MAX_SHAPES:
            return _NOWHERE
        handshake = Handshake()
        for name in Handshake.__slots__:
            value = getattr(node.handshake, name)
            setattr(handshake, name, list(value) if isinstance(value, list) else value)
        at = len(node.messages)
        placed = message(place)._replace(time_ns=at, frame=at, first_frame=at)
        handshake.see(placed)
        if handshake.is_13 and handshake.version != _TLS13:
            return _NOWHERE  # a draft
        self.nodes.append(Shape(handshake, (*node.messages, placed)))
        return len(self.nodes) - 1

    def _edge(self, number: int, code: int, message: Callable[[int], Message], place: int) -> int:
        key = number << _CODE_BITS | code
        known = self._edges.get(key)
        if known is None:
            known = self._edges[key] = self._extend(number, code, message, place)
        return known
