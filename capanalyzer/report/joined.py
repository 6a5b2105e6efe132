"""Sessions and the lines of logs that speak of them, brought together while a report is made.

A session that no line can speak of passes at once. The others wait, encoded, in memory or a temporary file, until their
capture has been read to its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from msgspec import structs

from capanalyzer.classify.credentials import mask
from capanalyzer.i18n import plural
from capanalyzer.logs.ends import UNSPECIFIED
from capanalyzer.logs.fit import MAX_NAMED, Match, Missed, Why
from capanalyzer.logs.join import Join
from capanalyzer.logs.kept import Logs
from capanalyzer.logs.line import LogLine, Peer
from capanalyzer.report import model
from capanalyzer.report.escape import encodable
from capanalyzer.report.log_because import because_text
from capanalyzer.report.log_clock import clock_model
from capanalyzer.report.log_facts import log_warnings
from capanalyzer.report.log_texts import log_texts
from capanalyzer.report.log_verdict import with_log
from capanalyzer.report.made import read_line
from capanalyzer.report.seen import seen_of
from capanalyzer.report.spool import Spool
from capanalyzer.report.times import to_rfc3339

if TYPE_CHECKING:
    from capanalyzer.redact.redactor import Redactor
    from capanalyzer.report.line import Line

__all__ = ["LogJoin"]

MAX_LINES_OF_SESSION: Final = 50
"""Lines shown with one session."""
MAX_UNMATCHED: Final = 1_000
"""Lines without a session that are listed."""
_MEANT_LITTLE: Final = (
    Why.OUTSIDE,
    Why.ADDRESS,
    Why.UNNAMED,
    Why.CLOCK,
    Why.PORT,
    Why.NO_SESSION,
    Why.LINES,
    Why.SEVERAL,
)
"""Of several captures each has its reason why it has no session for a line; the last of these tells the most."""
_SECOND: Final = 1_000_000_000
_VALIDITY: Final = ";NotAfter="
_OTHER_SIDE: Final = b'"other_sides":[{'
_BEYOND: Final = {"client": "server", "server": "client"}


class LogJoin:
    """The join of one report, capture by capture."""

    def __init__(self, logs: Logs, *, lang: str, redactor: Redactor | None) -> None:
        """The lines of ``logs`` wait for their sessions.

        :param redactor: as that of the sessions: addresses and names in lines are hidden in the same way, and then
            compared. What else a line says is not shown.
        """
        self._lang, self._redacted = lang, redactor is not None
        self._logs = logs
        lines = logs.lines
        self._paths = {log.path: encodable(log.path) for log in logs.all}
        if redactor is not None:
            lines = [_hidden(line, redactor) for line in lines]
            self._paths = {log.path: f"log-{number}" for number, log in enumerate(logs.all, 1)}
        self._lines = lines
        self._place = {id(line): place for place, line in enumerate(lines)}
        self._join = Join(lines)
        self._spool = Spool()
        self._joined: set[int] = set()
        self._missed: dict[int, Missed] = {}
        self._clocks: dict[str, list[model.LogClock]] = {log.path: [] for log in logs.all}
        self._lines_not_shown = 0

    def close(self) -> None:
        """Forget what waits."""
        self._spool.close()

    def takes(self, line: Line, plain: bytes = b"") -> bool:
        """The session waits: a line may speak of it.

        :param plain: the session without redaction, where ``line`` is with.
        """
        # Lines of its other side are told with it; which that are is known at the end.
        if not self._join.wants(seen_of(line.data)) and not (self._lines and _OTHER_SIDE in line.data):
            return False
        self._spool.add(line.id, line.data + b"\n" + plain)
        return True

    def release(self, capture: int, span_ns: tuple[int, int] | None) -> Iterator[tuple[model.Session, model.Session]]:
        """The capture is over: the sessions that waited, as they are shown and without redaction, with their lines.

        :param capture: its index.
        :param span_ns: times of its first and last packet.
        """
        result = self._join.finish(span_ns)
        lines: dict[int, list[Match]] = {}
        matches = sorted(result.matches, key=lambda match: (match.time_ns or 0, match.line.source, match.line.number))
        for match in matches:
            self._joined.add(self._place[id(match.line)])
            of_session = lines.setdefault(match.session, [])
            if len(of_session) < MAX_LINES_OF_SESSION:
                of_session.append(match)
            else:
                self._lines_not_shown += 1
        for missed in result.missed:
            place = self._place[id(missed.line)]
            known = self._missed.get(place)
            if known is not None and missed.why is known.why is Why.SEVERAL:
                self._missed[place] = known._replace(candidates=(*known.candidates, *missed.candidates)[:MAX_NAMED])
            elif known is None or _MEANT_LITTLE.index(missed.why) > _MEANT_LITTLE.index(known.why):
                self._missed[place] = missed
        for (source, form), clock in result.clocks.items():
            has_zone = result.has_zone[source, form]
            self._clocks[source].append(clock_model(capture, form, clock, has_zone=has_zone, lang=self._lang))
        spool, self._spool = self._spool, Spool()
        try:
            for piece in spool.in_order():
                data, _, plain = piece.partition(b"\n")
                session = self._with(data, lines)
                yield session, session if not plain else self._with(plain, lines)
        finally:
            spool.close()

    def logs(self) -> tuple[model.Log, ...]:
        """Each log and what became of its lines."""
        joined: dict[str, int] = {}
        for place in self._joined:
            source = self._lines[place].source
            joined[source] = joined.get(source, 0) + 1
        return tuple(
            model.Log(
                self._paths[log.path],
                log.lines,
                log.recognised,
                log.failures,
                joined.get(log.path, 0),
                log.left_out,
                tuple(sorted(log.formats, key=log.formats.__getitem__, reverse=True)),
                tuple(self._clocks[log.path]),
                tuple(log_warnings(log, self._lang)),
            )
            for log in self._logs.all
        )

    def unmatched(self) -> tuple[model.UnmatchedLogLine, ...]:
        """The first lines that tell of a failure and have no session."""
        return tuple(self._unmatched(missed) for missed in self._failures_missed()[:MAX_UNMATCHED])

    def counts(self) -> tuple[int, int]:
        """(lines with a session, lines that tell of a failure and have none)."""
        return len(self._joined), len(self._failures_missed())

    def notes(self) -> Iterator[str]:
        """Limits that were reached, a sentence each."""
        counted = plural(self._lang)
        if n := self._join.sessions_left_out:
            yield counted(
                "{n} session was not compared with the logs: there were too many.",
                "{n} sessions were not compared with the logs: there were too many.",
                n,
            ).format(n=f"{n:,}")
        if n := self._join.lines_left_out:
            yield counted(
                "{n} log line that names no client was not compared with all sessions: there is too much of both.",
                "{n} log lines that name no client were not compared with all sessions: there is too much of both.",
                n,
            ).format(n=f"{n:,}")
        if n := sum(log.left_out for log in self._logs.all):
            yield counted(
                "{n} log line was left out: the logs have too many; cut them to the hours of the capture.",
                "{n} log lines were left out: the logs have too many; cut them to the hours of the capture.",
                n,
            ).format(n=f"{n:,}")
        if n := self._lines_not_shown:
            yield counted(
                "{n} further log line of sessions with very many is not shown.",
                "{n} further log lines of sessions with very many are not shown.",
                n,
            ).format(n=f"{n:,}")

    def _failures_missed(self) -> list[Missed]:
        return [
            missed
            for place, missed in sorted(self._missed.items())
            if place not in self._joined and missed.line.is_failure
        ]

    def _text(self, line: LogLine) -> str | None:
        return None if self._redacted else _without_secrets(encodable(line.text))

    def _with(self, data: bytes, lines: dict[int, list[Match]]) -> model.Session:
        session = read_line(data)
        f5 = session.f5
        own = lines.get(session.id, ())
        side = None if f5 is None else f5.side
        if own:
            beyond = _failed_beyond(session)
            shown = tuple([self._shown(match, side, session.client, session.server, beyond) for match in own])
            session = with_log(session, shown)
        if f5 is None or not any(other.session in lines for other in f5.other_sides):
            return session
        others = [self._with_other(session, f5, other, lines.get(other.session, ())) for other in f5.other_sides]
        return structs.replace(session, f5=structs.replace(f5, other_sides=tuple(others)))

    def _with_other(
        self, session: model.Session, f5: model.F5, other: model.F5Side, lines: Sequence[Match]
    ) -> model.F5Side:
        """The session's other side with the lines that speak of that."""
        side = None if f5.side is None else _BEYOND[f5.side]
        failed = None
        if f5.side is not None and session.outcome == "failed" and other.outcome not in (None, "failed"):
            failed = model.FailedSide(session.id, f5.side, session.cause)
        shown = [self._shown(match, side, other.client, other.server, failed) for match in lines]
        return structs.replace(other, log_lines=tuple(shown))

    def _shown(
        self,
        match: Match,
        side: str | None,
        client: model.Endpoint | None,
        server: model.Endpoint | None,
        failed: model.FailedSide | None,
    ) -> model.LogLine:
        """A line as the report has it.

        :param side: of a BIG-IP, on which the session is, with its ``client`` and ``server``; None: not known.
        :param failed: the session beyond the BIG-IP, where that failed and this one works.
        """
        line, clock = match.line, match.clock
        is_by_ends = _are_ends(line, client, server)
        texts = log_texts(line, self._lang, side if is_by_ends else None)
        return model.LogLine(
            self._paths[line.source],
            line.number,
            self._text(line),
            line.format,
            None if match.time_ns is None else to_rfc3339(match.time_ns),
            None if clock is None else clock.offset_ns / _SECOND,
            line.is_failure,
            None if line.said is None else line.said.value,
            *texts,
            line.causes,
            match.confidence.value,
            match.key.value,
            match.agreement.name.lower(),
            failed if line.is_failure else None,
            because_text(match, self._lang),
        )

    def _unmatched(self, missed: Missed) -> model.UnmatchedLogLine:
        line = missed.line
        texts = log_texts(line, self._lang)
        return model.UnmatchedLogLine(
            self._paths[line.source],
            line.number,
            self._text(line),
            line.format,
            None if missed.time_ns is None else to_rfc3339(missed.time_ns),
            *texts,
            line.causes,
            missed.why.value,
            missed.candidates,
        )


def _without_secrets(text: str) -> str:
    """A line may quote a request; its secrets are overwritten as they are where packets are shown."""
    # What a load balancer of AWS writes of a certificate looks like the query of a URL.
    return _VALIDITY.join(mask(part.encode()).decode() for part in text.split(_VALIDITY))


def _failed_beyond(session: model.Session) -> model.FailedSide | None:
    """The first session on the other side that failed, where this one works."""
    f5 = session.f5
    if f5 is None or f5.side is None or session.outcome == "failed":
        return None
    failed = next((other for other in f5.other_sides if other.outcome == "failed"), None)
    return None if failed is None else model.FailedSide(failed.session, _BEYOND[f5.side], failed.cause)


def _are_ends(line: LogLine, client: model.Endpoint | None, server: model.Endpoint | None) -> bool:
    """The line names both ends of that connection itself, not of one that it stands for."""
    if client is None or server is None:
        return False
    ends = (line.client.ip, line.client.port, line.server.ip, line.server.port)
    return ends == (client.ip, client.port, server.ip, server.port)


def _hidden(line: LogLine, redactor: Redactor) -> LogLine:
    """A line with other addresses and names, its text left behind."""
    return replace(
        line,
        text="",
        reason="",
        client=_hidden_peer(line.client, redactor),
        server=_hidden_peer(line.server, redactor),
        sni=None if line.sni is None else redactor.name(line.sni),
    )


def _hidden_peer(peer: Peer, redactor: Redactor) -> Peer:
    if peer.ip is None or peer.ip in UNSPECIFIED:
        return peer
    return replace(peer, ip=redactor.address_text(peer.ip))
