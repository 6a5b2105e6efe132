"""Alerts at the end of a session: the one kind of payload that matters after a handshake.

A connection whose handshake is settled gets no payload any more, but an alert record says how the session was ended. It
is the last thing in a segment, alone or behind data, so a few bytes near a segment's end tell
it: a record header of type 21 whose length reaches exactly to the end.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALERT_LENGTHS", "alert_at_end", "alerts_at_end"]

ALERT_LENGTHS: Final = (2, 18, 22, 24, 26, 28, 32, 40, 48, 52, 56, 64, 72, 80)
"""Lengths of an alert record, without its header: in the clear, and under the cipher suites of TLS 1.0 to 1.2 (AEADs 18
and 26; RC4 18 and 22; CBC by block, MAC, explicit IV and encrypt-then-MAC). DEFLATE (RFC 3749) makes 8 bytes of an
alert's two: with RC4 24 and 28, with a block cipher one of the others."""

_LENGTHS: Final = frozenset(ALERT_LENGTHS)
_LONGEST: Final = max(ALERT_LENGTHS) + 5
"""Bytes at the end of a segment in which an alert record can stand."""


def alert_at_end(payload: bytes) -> int:
    """Where the alert record begins that ends this segment; -1 without one."""
    size = len(payload)
    at = payload.rfind(b"\x15\x03", max(size - _LONGEST, 0))
    while at >= 0:
        length = size - at - 5
        if length in _LENGTHS and payload[at + 2] <= 4 and payload[at + 3] == 0 and payload[at + 4] == length:
            return at
        at = payload.rfind(b"\x15\x03", max(size - _LONGEST, 0), at)
    return -1


def alerts_at_end(data: NDArray[np.uint8], position: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """:func:`alert_at_end` for n segments at once.

    :param position: where each one's payload stands in ``data``; ``length``: its bytes.
    :returns: where in ``data`` the alert record begins, -1 without one; shape (n,).
    """
    result = np.full(len(position), -1)
    end = position + length
    rows = _candidates(data, end, length)
    position, end = position.take(rows), end.take(rows)
    # From the longest to the shortest: the one that begins last is the one that counts.
    for size in sorted(ALERT_LENGTHS, reverse=True):
        at = end - 5 - size
        inside = np.flatnonzero(at >= position)
        at = at.take(inside)
        header = data[at[:, None] + np.arange(5)]
        found = (header[:, 0] == 0x15) & (header[:, 1] == 3) & (header[:, 2] <= 4)
        found &= (header[:, 3] == 0) & (header[:, 4] == size)
        result[rows.take(inside.compress(found))] = at.compress(found)
    return result


def _candidates(data: NDArray[np.uint8], end: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of n segments are worth a closer look: the short ones, and those with an alert's type byte in a place where
    one can begin.
    """
    long = np.flatnonzero(length >= _LONGEST)
    worth = length < _LONGEST
    if len(long):
        begin = end.take(long)
        begin -= _LONGEST
        marked = np.zeros(len(long), np.bool_)
        for size in ALERT_LENGTHS:
            marked |= data[_LONGEST - 5 - size :].take(begin) == 0x15
        worth[long] = marked
    return np.flatnonzero(worth)
