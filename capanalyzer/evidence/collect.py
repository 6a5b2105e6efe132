"""What the first pass remembers: which sessions an incident is to be shown by, and what is to be said in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from capanalyzer.report import model
from capanalyzer.report.incidents import incident_key

__all__ = ["MAX_COMPANIONS", "MAX_SESSIONS", "Case", "Collector", "Exhibit", "exhibit_of"]

MAX_SESSIONS: Final = 5
"""Sessions that show one incident; more would say the same again."""
MAX_COMPANIONS: Final = 3
"""Sessions of the same server that worked: with them the cause can be found again, where it takes comparing."""
MAX_INCIDENTS: Final = 2_000
"""Incidents whose sessions are remembered, about 5 kB each."""
MAX_SERVERS: Final = 20_000
"""Servers of which working sessions are remembered, about 500 bytes each."""
MAX_COMMENTS: Final = 64
"""Frames of one session that get a comment."""

MAX_LOG_LINES: Final = 5
"""Log lines of one session that become comments."""


class Exhibit(NamedTuple):
    """A session to be shown."""

    capture: int
    stream: int
    failed: bool
    last_frame: int
    """Of what is known to have happened in it; 0 where only its beginning is of interest."""
    frames: tuple[int, ...]
    """To be shown whatever a limit says."""
    comments: tuple[tuple[int, str], ...]
    """(frame, text)."""
    headline: str


@dataclass(slots=True)
class Case:
    """What is to be written for one incident."""

    number: int
    """From 1, in the report's order."""
    incident: model.Incident
    exhibits: list[Exhibit] = field(default_factory=list)
    left_out: int = 0
    """Sessions of the incident that are not shown."""


class Collector:
    """Sees every session once, in any order."""

    def __init__(self) -> None:
        self._by_incident: dict[object, list[int]] = {}
        self._failed: dict[int, Exhibit] = {}
        self._worked: dict[tuple[int, model.Endpoint], dict[tuple[bool, bool], Exhibit]] = {}

    def see(self, session: model.Session) -> None:
        """Remember it if it may be shown."""
        if session.transport != "tcp":
            return
        if session.outcome == "failed":
            key = incident_key(session)
            ids = self._by_incident.get(key)
            if ids is None:
                if len(self._by_incident) >= MAX_INCIDENTS:
                    return
                ids = self._by_incident[key] = []
            if len(ids) < MAX_SESSIONS:
                ids.append(session.id)
                self._failed[session.id] = exhibit_of(session)
        elif session.outcome == "established":
            self._remember_working(session)

    def _remember_working(self, session: model.Session) -> None:
        place = (session.capture, session.server)
        kinds = self._worked.get(place)
        if kinds is None:
            if len(self._worked) >= MAX_SERVERS:
                return
            kinds = self._worked[place] = {}
        hello = session.tls.client_hello if session.tls is not None else None
        kind = ((session.protocol.client or "").startswith("proxy-"), hello is not None and hello.sni is not None)
        known = kinds.get(kind)
        if known is None or session.stream < known.stream:
            kinds[kind] = Exhibit(session.capture, session.stream, False, 0, (), (), "")

    def cases(self, incidents: tuple[model.Incident, ...], limit: int) -> list[Case]:
        """The incidents that are to be shown, those with the most sessions first.

        :param limit: how many at most.
        """
        found = []
        for number, incident in enumerate(incidents, 1):
            shown = [self._failed[one] for one in incident.sessions if one in self._failed]
            # One file, one capture: of two the frame numbers, and perhaps the connections, would be the same.
            shown = [one for one in shown if one.capture == shown[0].capture][:MAX_SESSIONS]
            if shown:
                beside = self._worked.get((shown[0].capture, incident.server), {})
                case = Case(number, incident, shown + sorted(beside.values())[:MAX_COMPANIONS])
                case.left_out = len(incident.sessions) - len(shown)
                found.append(case)
                if len(found) == limit:
                    break
        return found


def _log_comment(line: model.LogLine) -> str:
    """What a log says of the session: the line itself, unless the report is redacted."""
    said = line.title if line.text is None else line.text.partition("\n")[0]
    return f"{line.source}:{line.line} ({line.confidence}): {said}"


def exhibit_of(session: model.Session) -> Exhibit:
    """A failed session, and what is to be said in its frames."""
    frames = {event.frame for event in session.timeline}
    comments: list[tuple[int, str]] = []
    for finding in session.findings:
        for item in finding.evidence:
            frames.add(item.frame)
            if item.frame and len(comments) < MAX_COMMENTS:
                comments.append((item.frame, f"{finding.cause}: {item.text}"))
    if session.findings and session.findings[0].evidence:
        last = session.findings[0].evidence[-1].frame
        comments += [(last, _log_comment(line)) for line in session.log_lines[:MAX_LOG_LINES] if last]
    frames.discard(0)
    title = session.findings[0].title if session.findings else session.cause or ""
    return Exhibit(
        session.capture,
        session.stream,
        True,
        max(frames, default=0),
        tuple(sorted(frames)),
        tuple(comments),
        title,
    )
