"""Handshakes as paths: what the machine says after the same messages, remembered.

Of 100,000 handshakes nearly all are one of a few dozen sequences of messages. :class:`Shape` is a node of the tree of
those met so far: the state of the machine (:mod:`capanalyzer.handshake.machine`) after one sequence. Each step is
looked up by a small integer, the message's *code*, and only a sequence met for the first time is walked by the
machine itself. Nothing is decided here: a code holds exactly what the machine asks of a message (side, type, in
TLS 1.3 the class of its length), so equal codes are equal steps. Tests compare both ways on every capture.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.handshake.machine import Handshake
from capanalyzer.tls.history import history
from capanalyzer.tls.records import Message

__all__ = ["LENGTH_CLASS", "MAX_SHAPES", "Shape", "Shapes"]

MAX_SHAPES: Final = 20_000
"""Nodes kept, about 1.5 kB each; beyond it sequences that are not known yet go the plain way."""

_EDGES: Final = (11, 15, 19, 23, 25, 27, 35, 41, 45, 53, 61, 69, 85)
"""Lengths of a TLS 1.3 record at which some decision changes: alert, least flight, empty Certificate and Finished, for
tags of 8 and 16 bytes, hashes of 32 and 48, with and without JSSE's padding (see the machine)."""
_LONGEST: Final = 128

LENGTH_CLASS: Final = bytes(
    2 * sum(edge <= length for edge in _EDGES) + (length in _EDGES) for length in range(_LONGEST)
) + bytes([2 * len(_EDGES)])
"""Class of a record length; longer ones have the class of the last entry."""


class Shape:
    """The machine after a sequence of messages. Times and frames in it are the messages' places in the sequence."""

    __slots__ = ("handshake", "history", "is_settled", "messages", "next")

    def __init__(self, handshake: Handshake, messages: tuple[Message, ...]) -> None:
        self.next: dict[int, Shape] = {}
        self.handshake = handshake
        self.messages = messages
        self.history = history(messages)
        data = handshake.data_from
        self.is_settled = data[0] and data[1] and handshake.done_ns is not None
        """The handshake is over and data went both ways: later messages are of no interest."""

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
        )


class Shapes:
    """The tree of sequences."""

    def __init__(self) -> None:
        self.root = Shape(Handshake(), ())
        self._count = 1

    def extend(self, shape: Shape, code: int, message: Message) -> Shape | None:
        """The node after one more message; None when there is no room for a new one."""
        if self._count >= MAX_SHAPES:
            return None
        self._count += 1
        handshake = Handshake()
        for name in Handshake.__slots__:
            value = getattr(shape.handshake, name)
            setattr(handshake, name, list(value) if isinstance(value, list) else value)
        place = len(shape.messages)
        placed = message._replace(time_ns=place, frame=place, first_frame=place)
        handshake.see(placed)
        known = shape.next[code] = Shape(handshake, (*shape.messages, placed))
        return known
