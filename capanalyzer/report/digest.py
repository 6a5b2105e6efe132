"""What a text report keeps of the sessions that pass by: all counts, and of the sessions only those it will show.

However long the capture, this stays within a few tens of megabytes; what a limit left out is counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from capanalyzer.report import model

__all__ = ["UNFINISHED", "Digest", "Healthy", "Noticed", "Spoken", "by_weight", "digest"]

MAX_UNFINISHED: Final = 2_000
"""Failed and incomplete sessions kept whole: about 10 kB each with their timelines."""
MAX_HEALTHY: Final = 50_000
"""Lines of other sessions kept for a verbose report: about 500 bytes each."""

MAX_SPOKEN: Final = 5_000
"""Log lines kept with their sessions: about 500 bytes each."""

UNFINISHED: Final = frozenset({"failed", "incomplete"})


class Healthy(NamedTuple):
    """The one line that a session without failure takes."""

    id: int
    capture: int
    stream: int
    client: model.Endpoint
    server: model.Endpoint
    outcome: str
    spoken: str
    """TLS version, or the protocol."""
    sni: str


class Spoken(NamedTuple):
    """A log line that tells of a failure, and the session that it speaks of."""

    line: model.LogLine
    id: int
    outcome: str
    cause: str | None


@dataclass(slots=True)
class Noticed:
    """A finding that is no session's cause, over all sessions that have it."""

    severity: str
    title: str
    sessions: int
    first: int
    """Lowest id of them."""
    where: str
    """That one's display filter."""


@dataclass(slots=True)
class Digest:
    """What was kept; made by :func:`digest`."""

    unfinished: list[model.Session] = field(default_factory=list)
    healthy: list[Healthy] = field(default_factory=list)
    noticed: dict[str, Noticed] = field(default_factory=dict)
    spoken: list[Spoken] = field(default_factory=list)
    spoken_left_out: int = 0
    unfinished_left_out: int = 0
    healthy_left_out: int = 0
    tls13: int = 0
    """Sessions in which certificates and later messages are encrypted."""
    resumed: int = 0
    """Sessions that resumed an earlier one, so that no certificate was sent."""


def digest(sessions: Iterable[model.Session], *, keep_healthy: bool) -> Digest:
    """Read ``sessions`` to the end.

    :param keep_healthy: keep a line of every session that neither failed nor is incomplete.
    """
    kept = Digest()
    for session in sessions:
        tls = session.tls
        if tls is not None and tls.server_hello is not None:
            # 0x7f..: drafts of TLS 1.3, RFC 8446 section 4.2.1.
            kept.tls13 += tls.server_hello.version.startswith(("TLS 1.3", "0x7f"))
            kept.resumed += tls.resumed
        findings = session.findings
        if session.outcome in UNFINISHED:
            findings = findings[1:]
            if len(kept.unfinished) < MAX_UNFINISHED:
                kept.unfinished.append(session)
            else:
                kept.unfinished_left_out += 1
        elif keep_healthy:
            if len(kept.healthy) < MAX_HEALTHY:
                kept.healthy.append(_healthy(session))
            else:
                kept.healthy_left_out += 1
        for line in session.log_lines:
            if line.is_failure and len(kept.spoken) < MAX_SPOKEN:
                kept.spoken.append(Spoken(line, session.id, session.outcome, session.cause))
            else:
                kept.spoken_left_out += line.is_failure
        for finding in findings:
            _notice(kept.noticed, finding, session)
    kept.unfinished.sort(key=lambda session: session.id)
    kept.healthy.sort()
    kept.spoken.sort(key=lambda one: (one.line.source, one.line.line, one.id))
    return kept


def _healthy(session: model.Session) -> Healthy:
    tls = session.tls
    hello = tls.client_hello if tls is not None else None
    if tls is not None and tls.server_hello is not None:
        spoken = tls.server_hello.version
    else:
        spoken = session.protocol.client or session.protocol.server or ""
    sni = hello.sni or "" if hello is not None else ""
    return Healthy(
        session.id, session.capture, session.stream, session.client, session.server, session.outcome, spoken, sni
    )


def _notice(noticed: dict[str, Noticed], finding: model.Finding, session: model.Session) -> None:
    known = noticed.get(finding.cause)
    if known is None:
        noticed[finding.cause] = Noticed(finding.severity, finding.title, 1, session.id, session.display_filter)
        return
    known.sessions += 1
    if session.id < known.first:
        known.title, known.first, known.where = finding.title, session.id, session.display_filter


def by_weight(noticed: dict[str, Noticed]) -> list[tuple[str, Noticed]]:
    """Causes and what was noticed of them: the severest first, then those with the most sessions."""
    order = {"failure": 0, "warning": 1, "note": 2}
    return sorted(noticed.items(), key=lambda item: (order.get(item[1].severity, 3), -item[1].sessions, item[0]))
