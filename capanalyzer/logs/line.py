"""One line of a log as it was understood: when, who with whom, what was said, and by whom."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["LogLine", "Peer", "Role", "Said", "TimeOf"]


class TimeOf(enum.Enum):
    """What the line's time is the time of."""

    ACCEPT = "accept"
    """The connection's beginning."""
    FAILURE = "failure"
    """The moment it was written, right after what it tells."""
    END = "end"
    """The session's end."""


class Said(enum.Enum):
    """Whose decision the line speaks of."""

    LOCAL = "local"
    """The program that wrote it decided."""
    PEER = "peer"
    """The other end sent an alert."""
    TRANSPORT = "transport"
    """The connection was closed, reset, or silent: the reason is elsewhere."""


class Role(enum.Enum):
    """What the program that wrote the line was in the TLS connection that it speaks of."""

    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Peer:
    """One end, as far as the line names it."""

    ip: str | None = None
    """RFC 5952 form, without brackets, zone, ``::ffff:`` or route domain."""
    port: int | None = None
    route_domain: int | None = None
    """Of F5, the number behind ``%``; packets do not carry it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """See the module."""

    source: str
    """The log's path as the user gave it; "" for a line given by itself."""
    number: int
    """Line number in the unpacked file, from 1; of several lines that are one entry, the first."""
    text: str
    """The line, at most 2,000 characters; of several that are one entry, joined by a line feed."""
    format: str
    """``f5-ltm`` ``nginx`` ``haproxy`` ``apache`` ``stunnel`` ``envoy`` ``aws-alb`` ... """
    is_failure: bool
    """It tells that a TLS session (or the way to it) failed."""
    meaning: str
    """Key of what it means, see :mod:`capanalyzer.logs.meanings`."""
    causes: tuple[str, ...] = ()
    """Causes that can be behind it, likeliest first."""
    time_ns: int | None = None
    """Nanoseconds since the Unix epoch; without a zone in the line: as if it were UTC."""
    has_zone: bool = False
    """The line says in which zone its time is."""
    has_year: bool = True
    """Syslog's short stamp has none; then ``time_ns`` is in 1970."""
    resolution_ns: int = 1_000_000_000
    """How exact the time is."""
    time_of: TimeOf = TimeOf.FAILURE
    reach_ns: int = 120_000_000_000
    """How long before its time the session may have begun (the program's handshake timeout)."""
    client: Peer = Peer()
    server: Peer = Peer()
    sni: str | None = None
    role: Role | None = None
    said: Said | None = None
    alert: int | None = None
    """Number of the TLS alert that it names."""
    reason: str = ""
    """The words that were recognised, as they stand in the line."""
