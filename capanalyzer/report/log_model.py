"""What the report says of logs, as data; part of the model in :mod:`capanalyzer.report.model`."""

from __future__ import annotations

from capanalyzer.report.structure import Model

__all__ = ["FailedSide", "Log", "LogClock", "LogCounts", "LogLine", "UnmatchedLogLine"]


class FailedSide(Model, frozen=True, gc=False):
    """The session on the other side of a BIG-IP that failed, where the one that a line names works."""

    session: int
    """Its id."""
    side: str
    """``client`` or ``server``: on which side of the BIG-IP it is."""
    cause: str | None


class LogLine(Model, frozen=True, gc=False):
    """A line of a log that speaks of a session."""

    source: str
    """The log's path."""
    line: int
    """Number of the line in the unpacked log, from 1."""
    text: str | None
    """The line, at most 2,000 characters; None in a redacted report."""
    format: str
    """``f5-ltm`` ``nginx`` ``haproxy`` ``apache`` ..."""
    time: str | None
    """By the capture's clock: ``offset_seconds`` is added. None where the line has none, or the clocks cannot be
    compared."""
    offset_seconds: float | None
    """Capture time minus log time, see :class:`LogClock`."""
    is_failure: bool
    """It tells that TLS, or the way to it, failed."""
    said: str | None
    """``local``: the program that wrote it decided; ``peer``: the other end sent an alert; ``transport``: the
    connection was closed, reset or silent, the reason is elsewhere; None where it says neither."""
    title: str
    """What it means, in a few words."""
    meaning: str
    """The same in one to three sentences."""
    misleads: str | None
    """Where its words lead astray."""
    causes: tuple[str, ...]
    """Causes that can be behind it, likeliest first."""
    confidence: str
    """That it speaks of this session: ``certain`` ``likely`` ``possible``."""
    found_by: str
    """``addresses-and-ports`` ``client-port`` ``client-address`` ``server-name`` ``server-address`` ``time``, or
    ``words``: what it says, and nothing else."""
    agreement: str
    """Line and packets tell of the ``same``; of a failure each (``like``); the packets show nothing of it
    (``unknown``), or the contrary (``contradicts``)."""
    failed_side: FailedSide | None = None
    """What the line is about, where its own session works and the other side of the BIG-IP failed."""
    because: str | None = None
    """Of a line that names no client: why no other session is meant (``the only session that asks for NAME``)."""


class LogClock(Model, frozen=True, gc=False):
    """How the clock of a log and that of a capture compare."""

    capture: int
    """Index into ``captures``."""
    format: str
    """Of the lines concerned."""
    offset_seconds: float
    """Capture time minus log time; a time zone that the log does not say is part of it."""
    zone: str | None
    """What zone that would be (``+09:00``); None where the log says its zone, or the offset is not that of one."""
    days: int
    """Whole days by which the lines are dated before the capture, negative: after it; 0: the same day, or nearly."""
    matches: int
    """Lines that name a session by address and port and agree on it."""
    matches_by_address: int
    """Lines that name one by address alone, or by less, and agree on it; 0 with ``matches`` 0: nothing tells, the
    stamps are taken at their word."""
    is_certain: bool
    """Lines can be joined with certainty by it."""
    text: str
    """All this in words."""


class Log(Model, frozen=True, gc=False):
    """A log that was given, and what became of its lines."""

    path: str
    lines: int
    """All."""
    recognised: int
    """Lines that speak of TLS connections."""
    failures: int
    """Of these, lines that tell of a failure."""
    joined: int
    """Lines that have a session."""
    left_out: int
    """Recognised lines beyond what is kept: they were not joined."""
    formats: tuple[str, ...]
    clocks: tuple[LogClock, ...]
    warnings: tuple[str, ...]


class UnmatchedLogLine(Model, frozen=True, gc=False):
    """A line that tells of a failure and has no session."""

    source: str
    line: int
    text: str | None
    """As in :class:`LogLine`."""
    format: str
    time: str | None
    """By the capture's clock where the offset is known."""
    title: str
    meaning: str
    misleads: str | None
    causes: tuple[str, ...]
    reason: str
    """``outside-capture`` ``address-not-seen`` ``port-not-seen`` ``no-session-then`` ``several-fit``
    ``several-lines`` ``clock-unknown`` ``names-nobody``."""
    candidates: tuple[int, ...]
    """Ids of sessions that it may speak of, the first ones: of a line that names no client those first that fit
    best."""


class LogCounts(Model, frozen=True, gc=False):
    """How lines and sessions found each other."""

    joined: int
    """Lines with a session."""
    unmatched: int
    """Lines that tell of a failure and have none; ``unmatched_log_lines`` lists the first."""
    failed_with_line: int
    """Failed sessions that a line speaks of: of themselves, or of their other side of a BIG-IP."""
    failed_without_line: int
    """Failed sessions that no line speaks of."""
    sessions_without_line: tuple[int, ...] = ()
    """Ids of these, in order; at most 1,000."""
