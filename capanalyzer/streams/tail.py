"""Alerts at the end of a session: the one kind of payload that matters after a handshake.

A connection whose handshake is settled gets no payload any more, but an alert record says how the session was ended. It
is the last thing in a segment, alone or behind data, so a few bytes near a segment's end tell
it: a record header of type 21 whose length reaches exactly to the end.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ALERT_LENGTHS", "alert_at_end"]

ALERT_LENGTHS: Final = (2, 18, 22, 24, 26, 32, 40, 48, 52, 56, 64, 72, 80)
"""Lengths of an alert record, without its header: in the clear, and under the cipher suites of TLS 1.0 to 1.2 (AEADs 18
and 26; RC4 18 and 22; CBC by block, MAC, explicit IV and encrypt-then-MAC)."""

_LENGTHS: Final = frozenset(ALERT_LENGTHS)
_LONGEST: Final = max(ALERT_LENGTHS) + 5


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
