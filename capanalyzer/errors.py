"""The exceptions of capanalyzer.

CapanalyzerError
├── UserError           reaches a user, as one line in the user's language              (exit 2)
│   ├── UsageError      the call itself is wrong: unknown option value, no input
│   ├── CaptureError    a capture that cannot be read at all
│   ├── LogError        a log that cannot be read at all
│   ├── WorkerError     one of several processes ended before its work was done
│   └── TicketError     a ticket system that cannot be reached, or does not take it
└── WireError           bytes of a peer that do not parse; never leaves a stage
    ├── Truncated       the bytes stop before the structure does
    └── Malformed       no further bytes could make it right

Odd packets and odd streams become counts, notes with frame and offset, or findings.
"""

from __future__ import annotations

from capanalyzer.remark import Remark

__all__ = [
    "CapanalyzerError",
    "CaptureError",
    "LogError",
    "Malformed",
    "TicketError",
    "Truncated",
    "UsageError",
    "UserError",
    "WireError",
    "WorkerError",
]


class CapanalyzerError(Exception):
    """Base of everything this package raises on purpose."""


class UserError(CapanalyzerError):
    """What reaches a user: one line, in English as a string, in other languages by its ``remark``."""

    def __init__(self, remark: Remark) -> None:
        super().__init__(remark)
        self.remark = remark


class UsageError(UserError):
    """The caller asked for something that does not exist."""


class CaptureError(UserError):
    """A capture that cannot be read: what, where and what to do, in one line."""

    def __init__(self, path: str, reason: Remark) -> None:
        super().__init__(Remark("{path}: {reason}", path=path, reason=reason))
        self.path, self.reason = path, reason


class LogError(UserError):
    """A log that cannot be read: what, where and what to do, in one line."""

    def __init__(self, path: str, reason: Remark) -> None:
        super().__init__(Remark("{path}: {reason}", path=path, reason=reason))
        self.path, self.reason = path, reason


class WorkerError(UserError):
    """A process of several ended before its work was done: killed, or out of memory."""


class TicketError(UserError):
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
