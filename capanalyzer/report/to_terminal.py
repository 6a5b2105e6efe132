"""The report as text, for whoever stands before the terminal: the answer first, then what proves it.

Captures, counts, incidents, the sessions that did not work, and a ladder for the first of each incident. A pure
function: sessions and a :class:`Look` in, text out. Everything that came from the wire is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from rich.cells import cell_len

from capanalyzer.report import model
from capanalyzer.report.captures import capture_list, heading
from capanalyzer.report.detail import session_detail
from capanalyzer.report.digest import UNFINISHED, Digest, by_weight, digest
from capanalyzer.report.escape import printable
from capanalyzer.report.log_lines import counts_line, spoken_lines, unmatched_lines
from capanalyzer.report.log_words import log_line_count
from capanalyzer.report.terminal import Line, Look, Span, painter, paragraphs, table, wrap
from capanalyzer.report.unseen import not_visible, nothing_failed
from capanalyzer.report.words import ACTS, CONFIDENCE, OUTCOMES, SEVERITY, STYLE_OF, endpoint

__all__ = ["to_terminal"]

MAX_INCIDENTS: Final = 10
MAX_ROWS: Final = 25
MAX_DETAILS: Final = 5
"""What a report shows unless it is verbose: three screens at most."""


def to_terminal(
    sessions: Iterable[model.Session],
    trailer: Callable[[], model.Trailer],
    look: Look,
    *,
    is_excerpt: bool = False,
) -> Iterator[str]:
    """The report in pieces, each ending a line.

    :param sessions: in any order; read to the end before anything is given out.
    :param trailer: called when all sessions have been read.
    :param is_excerpt: the sessions are some of those that failed, of others no more is known than the trailer says.
    """
    kept = digest(sessions, keep_healthy=look.verbose)
    report = _Report(kept, trailer(), look, is_excerpt=is_excerpt)
    paint = painter(look)
    for lines in report.sections():
        for line in lines:
            yield paint(line)


class _Report:
    """The sections of one report, in order."""

    def __init__(self, kept: Digest, end: model.Trailer, look: Look, *, is_excerpt: bool) -> None:
        self._kept, self._end, self._look, self._is_excerpt = kept, end, look, is_excerpt
        self._ = look.text
        self._several = len(end.captures) > 1
        by_id = {session.id: session for session in kept.unfinished}
        self._examples = [
            next((by_id[identity] for identity in incident.sessions if identity in by_id), None)
            for incident in end.incidents
        ]

    def sections(self) -> Iterator[Iterable[Line]]:
        yield heading(self._end, self._look)
        yield self._counts()
        yield self._incidents()
        yield self._unfinished()
        yield self._details()
        yield spoken_lines(self._kept, self._end, self._look)
        yield unmatched_lines(self._end, self._look)
        yield self._noticed()
        yield self._healthy()
        yield capture_list(self._end, self._look)

    def _counts(self) -> Iterator[Line]:
        _, summary, look = self._, self._end.summary, self._look
        yield []
        if not summary.sessions:
            yield [("  " + nothing_failed(self._end, look.lang), "strong")]
            yield from self._paragraph(summary.notes, "warning")
            return
        sessions = self._look.counted("{n} session", "{n} sessions", summary.sessions)
        line: Line = [("  " + sessions.format(n=f"{summary.sessions:,}"), "strong")]
        used = cell_len(line[0][0])
        for outcome, name in OUTCOMES.items():
            if count := summary.outcomes.get(outcome, 0):
                text = _("{n} {outcome}").format(n=f"{count:,}", outcome=_(name))
                if used + 4 + cell_len(text) > self._look.width:
                    yield line
                    line, used = [], 0
                line += [("    ", ""), (text, STYLE_OF.get(outcome, ""))]
                used += 4 + cell_len(text)
        yield line
        yield from self._paragraph(counts_line(self._end, look), "")
        yield from self._paragraph(summary.notes, "warning")
        if not summary.outcomes.get("failed"):
            yield []
            yield [("  " + nothing_failed(self._end, look.lang), "fine")]
            yield from self._not_visible()

    def _not_visible(self) -> Iterator[Line]:
        yield [("  " + self._("Not visible here:"), "")]
        for note in not_visible(self._kept, self._end.summary, self._look.lang):
            first, *rest = wrap(note, self._look.width - 6)
            yield [("    - " + first, "quiet")]
            yield from ([("      " + text, "quiet")] for text in rest)

    def _incidents(self) -> Iterator[Line]:
        incidents = self._end.incidents
        if not incidents:
            return
        _, look = self._, self._look
        yield from self._title(_("INCIDENTS"))
        shown = incidents if look.verbose else incidents[:MAX_INCIDENTS]
        for number, (incident, example) in enumerate(zip(shown, self._examples, strict=False), 1):
            if number > 1:  # the first one belongs on the first screen
                yield []
            line: Line = [(f"{number:>3}  ", ""), (incident.cause, "failed"), (f"   {endpoint(incident.server)}", "")]
            if incident.sni is not None:
                line.append(("   " + printable(incident.sni), ""))
            yield line
            facts = [
                look.counted("{n} session", "{n} sessions", incident.session_count).format(
                    n=f"{incident.session_count:,}"
                ),
                look.counted("{n} client", "{n} clients", incident.clients).format(n=f"{incident.clients:,}"),
                *log_line_count(incident, look.lang),
                _("since {time}").format(time=f"{incident.first[:10]} {incident.first[11:19]} UTC"),
                _(CONFIDENCE.get(incident.confidence, incident.confidence)),
            ]
            yield from self._paragraph([_(", ").join(facts)], "quiet", indent=5)
            finding = example.findings[0] if example is not None and example.findings else None
            text = _("Who acts: {who}. {remedy}").format(
                who=_(ACTS.get(incident.blame, ACTS["unknown"])),
                remedy=finding.remedies[0] if finding is not None and finding.remedies else "",
            )
            yield from self._paragraph([incident.sentence, text.rstrip()], "", indent=5)
        if len(incidents) > len(shown):
            yield []
            yield [("     " + self._and_more(len(incidents) - len(shown)), "quiet")]

    def _unfinished(self) -> Iterator[Line]:
        _, kept = self._, self._kept
        if not kept.unfinished:
            return
        yield from self._title(_("SESSIONS THAT FAILED OR CANNOT BE JUDGED"))
        yield []
        rows = sorted(kept.unfinished, key=_failed_first)
        shown = rows if self._look.verbose else rows[:MAX_ROWS]
        yield from table([self._row(session) for session in shown], self._look, indent=2, flexible=(4, 3))
        left = sum(self._end.summary.outcomes.get(outcome, 0) for outcome in UNFINISHED) - len(shown)
        if left > 0:
            yield [("  " + self._and_more(left), "quiet")]

    def _row(self, session: model.Session) -> list[Span]:
        return [
            (self._number(session.capture, session.stream), ""),
            (self._(OUTCOMES[session.outcome]), STYLE_OF.get(session.outcome, "")),
            (session.cause or "", ""),
            (endpoint(session.server), ""),
            (endpoint(session.client), "quiet"),
        ]

    def _details(self) -> Iterator[Line]:
        kept, look = self._kept, self._look
        if look.verbose:
            chosen = sorted(kept.unfinished, key=_failed_first)
        else:
            chosen = [example for example in self._examples if example is not None][:MAX_DETAILS]
        for session in chosen:
            yield []
            path = self._end.captures[session.capture].path if self._several else None
            yield from session_detail(session, look, self._number(session.capture, session.stream), path)
        shown = sum(session.outcome == "failed" for session in chosen)
        left = self._end.summary.outcomes.get("failed", 0) - shown
        if left > 0:
            hint = "" if look.verbose or self._is_excerpt else " " + self._("-v shows all.")
            text = look.counted(
                "{n} further failed session is not shown in detail.",
                "{n} further failed sessions are not shown in detail.",
                left,
            )
            yield []
            yield [("  " + text.format(n=f"{left:,}") + hint, "quiet")]

    def _noticed(self) -> Iterator[Line]:
        if not self._kept.noticed or self._is_excerpt:  # counts of a part would pass for those of the whole
            return
        _, look = self._, self._look
        yield from self._title(_("ALSO NOTICED"))
        yield []
        rows: list[list[Span]] = []
        for cause, found in by_weight(self._kept.noticed):
            style = "warning" if found.severity == "warning" else ""
            count = look.counted("{n} session", "{n} sessions", found.sessions).format(n=f"{found.sessions:,}")
            rows.append(
                [
                    (_(SEVERITY.get(found.severity, found.severity)), style),
                    (cause, style),
                    (count, ""),
                    (printable(found.title), "quiet"),
                ]
            )
        yield from table(rows, look, indent=2, flexible=(3,))

    def _healthy(self) -> Iterator[Line]:
        if not self._kept.healthy:
            return
        yield from self._title(self._("OTHER SESSIONS"))
        yield []
        rows: list[list[Span]] = [
            [
                (self._number(row.capture, row.stream), ""),
                (self._(OUTCOMES[row.outcome]), STYLE_OF.get(row.outcome, "")),
                (printable(row.spoken), ""),
                (endpoint(row.server), ""),
                (endpoint(row.client), "quiet"),
                (printable(row.sni), "quiet"),
            ]
            for row in self._kept.healthy
        ]
        yield from table(rows, self._look, indent=2, flexible=(4, 3, 2))
        if self._kept.healthy_left_out:
            yield [("  " + self._and_more(self._kept.healthy_left_out), "quiet")]

    def _number(self, capture: int, stream: int) -> str:
        return f"{capture}:{stream}" if self._several else str(stream)

    def _title(self, text: str) -> Iterator[Line]:
        yield []
        yield [(text, "strong")]

    def _paragraph(self, texts: Iterable[str], style: str, *, indent: int = 2) -> Iterator[Line]:
        return paragraphs(texts, self._look, style, indent=indent)

    def _and_more(self, count: int) -> str:
        return self._("and {n} more").format(n=f"{count:,}")


def _failed_first(session: model.Session) -> tuple[bool, int]:
    """Any number of incomplete sessions must not push the failed ones out of sight."""
    return session.outcome != "failed", session.id
