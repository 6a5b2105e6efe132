"""What a format's reader gives: the line, and what ties it to other lines of the same entry."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final, NamedTuple

from capanalyzer.logs.body import Body
from capanalyzer.logs.either import open_causes, open_meaning
from capanalyzer.logs.line import LogLine, Peer, Role, Said, TimeOf
from capanalyzer.logs.meanings import MEANINGS
from capanalyzer.logs.stamps import Stamp, better

__all__ = ["MAX_TEXT", "Format", "Found", "Part", "Tie", "found"]

MAX_TEXT: Final = 2000
"""Characters of a line that are kept; see :attr:`LogLine.text`."""
_MAX_REASON: Final = 200
_OPEN: Final = frozenset(
    (
        "alb-unmapped",
        "backend-check-failed",
        "backend-tls-failed",
        "f5-handshake-failed",
        "f5-plaintext-suspected",
        "handshake-failed",
        "haproxy-handshake-failed",
    )
)
"""Meanings that leave open whose decision it was: such a line may stand for an alert that was received."""


class Part(enum.Enum):
    """What a line is of an entry that several lines make."""

    CONTEXT = "context"
    """It names the ends of a connection that later lines speak of; nothing happened yet."""
    LEAD = "lead"
    """It names the ends of the connection that the next line speaks of, and says nothing of TLS itself."""
    BEGIN = "begin"
    """The first of its entry."""
    MORE = "more"
    """Belongs to the entry before it, where that is of the same connection; else the first."""
    END = "end"
    """The last of its entry, or all of it."""


class Tie(NamedTuple):
    key: tuple[str, ...]
    """The process, thread or connection within the log that wrote it."""
    part: Part
    weight: int = 1
    """Of several lines the heaviest says what the entry means: 0 "it failed", 1 a reason, 2 the reason in detail."""
    lines: int = 400
    """Between lines of one entry at most; a busy server writes many others in the same second."""
    is_alike: bool = False
    """Only a line of the same meaning belongs to the entry before it."""


class Found(NamedTuple):
    line: LogLine
    tie: Tie | None = None


class Format(NamedTuple):
    """One program's lines."""

    name: str
    needles: tuple[str, ...]
    """One of these, in lower case, is in every line that ``read`` understands: most lines are only asked for them."""
    read: Callable[[Body], Found | None]


def found(
    body: Body,
    name: str,
    meaning: str,
    *,
    stamp: Stamp | None = None,
    reason: str = "",
    client: Peer | None = None,
    server: Peer | None = None,
    role: Role | None = None,
    said: Said | None = None,
    alert: int | None = None,
    sni: str | None = None,
    time_of: TimeOf = TimeOf.FAILURE,
    reach_s: float = 120.0,
    causes: tuple[str, ...] | None = None,
    tie: Tie | None = None,
) -> Found:
    """A line that was understood.

    :param name: of the format.
    :param meaning: a key of :data:`MEANINGS`, which also says whether this is a failure; where ``role`` is not known,
        what it says of the other end's is left open.
    :param stamp: where the program writes its own; else the collector's is taken.
    :param causes: where the line tells more than its meaning does.
    """
    when = better(stamp, body.stamp) if time_of is TimeOf.FAILURE else stamp or body.stamp
    if role is None:
        meaning = open_meaning(meaning)
    known = MEANINGS[meaning]
    if causes is None:
        causes = open_causes(meaning) if role is None else known.causes
    line = LogLine(
        source="",
        number=1,
        text=body.text[:MAX_TEXT],
        format=name,
        is_failure=known.is_failure,
        meaning=meaning,
        causes=causes,
        time_ns=when.time_ns if when is not None else None,
        has_zone=when is not None and when.has_zone,
        has_year=when is None or when.has_year,
        resolution_ns=when.resolution_ns if when is not None else 1_000_000_000,
        time_of=time_of,
        reach_ns=int(reach_s * 1_000_000_000),
        client=client or Peer(),
        server=server or Peer(),
        sni=sni if sni and sni not in ("-", "(null)", "_") else None,
        role=role,
        said=None if said is Said.LOCAL and meaning in _OPEN else said,
        alert=alert,
        reason=reason[:_MAX_REASON],
    )
    return Found(line, tie)
