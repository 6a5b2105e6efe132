"""The exceptions of capanalyzer.

CapanalyzerError
├── UsageError          the call itself is wrong: unknown option value, no input        (exit 2)
├── CaptureError        a capture that cannot be read at all                            (exit 2)
├── LogError            a log that cannot be read at all                                (exit 2)
├── WorkerError         one of several processes ended before its work was done         (exit 2)
├── TicketError         a ticket system that cannot be reached, or does not take it     (exit 2)
└── WireError           bytes of a peer that do not parse; never leaves a stage
    ├── Truncated       the bytes stop before the structure does
    └── Malformed       no further bytes could make it right

Only :class:`CaptureError`, :class:`LogError`, :class:`UsageError`, :class:`WorkerError` and :class:`TicketError` reach
a user, as one line. Odd packets and odd streams become counts, notes with frame and offset, or findings.
"""

from __future__ import annotations

__all__ = [
    "CapanalyzerError",
    "CaptureError",
    "LogError",
    "Malformed",
    "TicketError",
    "Truncated",
    "UsageError",
    "WireError",
    "WorkerError",
]


class CapanalyzerError(Exception):
    """Base of everything this package raises on purpose."""


class UsageError(CapanalyzerError):
    """The caller asked for something that does not exist."""


class CaptureError(CapanalyzerError):
    """A capture that cannot be read: what, where and what to do, in one line."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class LogError(CapanalyzerError):
    """A log that cannot be read: what, where and what to do, in one line."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class WorkerError(CapanalyzerError):
    """A process of several ended before its work was done: killed, or out of memory."""


class TicketError(CapanalyzerError):
    """A ticket system cannot be reached, or does not take what it is sent; never holds a secret."""


class WireError(CapanalyzerError):
    """A structure on the wire could not be read; says which field, and where in its stream."""

    def __init__(self, reason: str, field: str, offset: int) -> None:
        super().__init__(f"{field} at offset {offset}: {reason}")
        self.reason, self.field, self.offset = reason, field, offset


class Truncated(WireError):
    """The bytes stop before the structure does; more of them could still make it right."""


class Malformed(WireError):
    """No further bytes could make it right: the sender is wrong."""
