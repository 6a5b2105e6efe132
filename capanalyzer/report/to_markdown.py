"""The report as Markdown, for tickets and wikis: the answer first, then what proves it.

CommonMark with pipe tables, as GitHub, GitLab and Redmine show it; the ladders are Mermaid diagrams. Stays below the
65,536 characters that a ticket takes on GitHub, unless it is verbose. Everything that came from the wire is shown as
code or escaped (:mod:`capanalyzer.report.markdown_text`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from capanalyzer.report import model
from capanalyzer.report.beside import beside_texts, shown_filter
from capanalyzer.report.capture_facts import capture_comments, capture_facts, capture_notes, key_warnings
from capanalyzer.report.digest import Digest, by_weight, digest
from capanalyzer.report.f5_texts import big_ip_texts, both_sides_texts
from capanalyzer.report.log_words import log_counts_text, log_line_count
from capanalyzer.report.markdown_logs import log_items, session_log_lines, spoken_section, unmatched_section
from capanalyzer.report.markdown_text import code, code_block, prose
from capanalyzer.report.mermaid import sequence_diagram
from capanalyzer.report.standstill import stage_text
from capanalyzer.report.terminal import Look
from capanalyzer.report.unseen import not_visible, nothing_failed
from capanalyzer.report.words import ACTS, CONFIDENCE, OUTCOMES, SEVERITY, endpoint

__all__ = ["to_markdown"]

MAX_CAPTURES: Final = 20
MAX_INCIDENTS: Final = 15
MAX_ROWS: Final = 50
MAX_DETAILS: Final = 8


def to_markdown(
    sessions: Iterable[model.Session], trailer: Callable[[], model.Trailer], lang: str, *, verbose: bool = False
) -> Iterator[str]:
    """The report in pieces, each ending a line.

    :param sessions: in any order; read to the end before anything is given out.
    :param trailer: called when all sessions have been read.
    :param verbose: all incidents, all rows, and all failed sessions in detail.
    """
    kept = digest(sessions, keep_healthy=False)
    report = _Report(kept, trailer(), Look(lang=lang, verbose=verbose))
    gap = ""
    for section in report.sections():
        text = "\n".join(section)
        if text:
            yield f"{gap}{text}\n"
            gap = "\n"


class _Report:
    """The sections of one report, in order; blocks inside of a section are divided by empty lines."""

    def __init__(self, kept: Digest, end: model.Trailer, look: Look) -> None:
        self._kept, self._end, self._look = kept, end, look
        self._ = look.text
        self._several = len(end.captures) > 1
        self._unfinished = sorted(kept.unfinished, key=lambda session: (session.outcome != "failed", session.id))
        self._by_id = {session.id: session for session in kept.unfinished}

    def sections(self) -> Iterator[Iterable[str]]:
        yield self._title()
        yield self._captures()
        yield self._counts()
        yield self._incidents()
        yield self._table()
        yield self._details()
        yield spoken_section(self._kept, self._end, self._look)
        yield unmatched_section(self._end, self._look)
        yield self._noticed()
        tool = self._end.tool
        yield ["---", "", f"{tool.name} {tool.version}"]

    def _title(self) -> Iterator[str]:
        _, summary = self._, self._end.summary
        failed = summary.outcomes.get("failed", 0)
        if failed:
            text = _("{failed} of {n} sessions failed").format(failed=f"{failed:,}", n=f"{summary.sessions:,}")
        else:
            text = nothing_failed(self._end, self._look.lang).rstrip(".。")
        yield f"# {text}"
        for warning in key_warnings(self._end, self._look):
            yield ""
            yield f"> **{prose(warning)}**"
        for note in summary.notes:
            yield ""
            yield f"> {prose(note)}"

    def _captures(self) -> Iterator[str]:
        captures = self._end.captures
        shown = captures if self._look.verbose else captures[:MAX_CAPTURES]
        for number, capture in enumerate(shown):
            facts = self._(", ").join(capture_facts(capture, self._look))
            name = f"{number} {code(capture.path)}" if self._several else code(capture.path)
            yield f"- {name}: {prose(facts)}"
            for comment in capture_comments(capture):
                yield f"  - {code(comment)}"
            for note in capture_notes(capture, self._look):
                yield f"  - {prose(note)}"
        if len(captures) > len(shown):
            yield f"- {self._and_more(len(captures) - len(shown))}"
        yield from log_items(self._end, self._look)
        for unreadable in self._end.unreadable:
            yield f"- {code(unreadable.path)}: {prose(unreadable.reason)}"

    def _counts(self) -> Iterator[str]:
        _, summary = self._, self._end.summary
        counted = [(outcome, summary.outcomes.get(outcome, 0)) for outcome in OUTCOMES]
        present = [(self._outcome(outcome), f"{count:,}") for outcome, count in counted if count]
        if present:
            yield from _table([name for name, _count in present], [[count for _name, count in present]], align="---:")
        if summary.log_lines is not None:
            yield ""
            yield log_counts_text(summary.log_lines, self._look.lang)
        if not summary.outcomes.get("failed") and summary.sessions:
            yield ""
            yield _("Not visible here:")
            yield ""
            yield from (f"- {prose(note)}" for note in not_visible(self._kept, summary, self._look.lang))

    def _incidents(self) -> Iterator[str]:
        _, incidents = self._, self._end.incidents
        if not incidents:
            return
        yield f"## {_('Incidents')}"
        shown = incidents if self._look.verbose else incidents[:MAX_INCIDENTS]
        for number, incident in enumerate(shown, 1):
            example = self._example(incident)
            finding = example.findings[0] if example is not None and example.findings else None
            where = code(endpoint(incident.server))
            if incident.sni is not None:
                where += f" {code(incident.sni)}"
            yield ""
            yield f"### {number}. {code(incident.cause)} {where}"
            yield ""
            yield prose(incident.sentence)
            yield ""
            yield f"- **{_('Who acts')}**: {_(ACTS.get(incident.blame, ACTS['unknown']))}"
            if finding is not None and finding.remedies:
                yield f"- **{_('Do')}**: {prose(finding.remedies[0])}"
            yield f"- {prose(self._extent(incident))}"
        if len(incidents) > len(shown):
            yield ""
            yield self._and_more(len(incidents) - len(shown))

    def _extent(self, incident: model.Incident) -> str:
        _, counted = self._, self._look.counted
        count = incident.session_count
        return _(", ").join(
            [
                counted("{n} session", "{n} sessions", count).format(n=f"{count:,}"),
                counted("{n} client", "{n} clients", incident.clients).format(n=f"{incident.clients:,}"),
                *log_line_count(incident, self._look.lang),
                _("since {time}").format(time=f"{incident.first[:10]} {incident.first[11:19]} UTC"),
                _(CONFIDENCE.get(incident.confidence, incident.confidence)),
            ]
        )

    def _table(self) -> Iterator[str]:
        _, rows = self._, self._unfinished
        if not rows:
            return
        yield f"## {_('Sessions that failed or cannot be judged')}"
        yield ""
        head = [_("Session"), _("Outcome"), _("Cause"), _("Server"), _("Client"), _("Server name")]
        shown = rows if self._look.verbose else rows[:MAX_ROWS]
        yield from _table(head, [self._row(session) for session in shown])
        if left := len(rows) - len(shown) + self._kept.unfinished_left_out:
            yield ""
            yield self._and_more(left)

    def _row(self, session: model.Session) -> list[str]:
        return [
            self._number(session),
            self._outcome(session.outcome),
            code(session.cause, in_table=True) if session.cause is not None else "",
            code(endpoint(session.server)),
            code(endpoint(session.client)),
            code(name, in_table=True) if (name := _sni(session)) is not None else "",
        ]

    def _details(self) -> Iterator[str]:
        """The first failed session of each incident; verbose: every failed or incomplete session."""
        _ = self._
        if self._look.verbose:
            chosen = [(session, 0) for session in self._unfinished]
        else:
            chosen = [
                (example, incident.session_count - 1)
                for incident in self._end.incidents
                if (example := self._example(incident)) is not None
            ][:MAX_DETAILS]
        gap: list[str] = []
        for session, others in chosen:
            yield from gap
            yield from self._detail(session, others)
            gap = [""]
        failed = sum(session.outcome == "failed" for session, _others in chosen)
        left = self._end.summary.outcomes.get("failed", 0) - failed
        if left > 0:
            text = self._look.counted(
                "{n} further failed session is not shown in detail.",
                "{n} further failed sessions are not shown in detail.",
                left,
            )
            yield ""
            hint = "" if self._look.verbose else " " + _("-v shows all.")
            yield text.format(n=f"{left:,}") + hint.replace("-v", code("-v"))

    def _detail(self, session: model.Session, others: int) -> Iterator[str]:
        _, look = self._, self._look
        finding = session.findings[0] if session.findings else None
        number = _("Session {number}").format(number=self._number(session))
        yield f"## {number}: {code(session.cause or session.outcome)}"
        yield ""
        name = _sni(session)
        between = f"{code(endpoint(session.client))} → {code(endpoint(session.server))}"
        facts = [between if name is None else f"{between} {code(name)}"]
        if session.stage is not None:
            facts.append(stage_text(session, code(session.stage), _))
        if finding is not None:
            facts.append(_(CONFIDENCE.get(finding.confidence, finding.confidence)))
        facts.append(f"{session.start[:10]} {session.start[11:23]} UTC")
        yield _(", ").join(facts)
        if self._several:
            yield ""
            yield code(self._end.captures[session.capture].path)
        if others:
            text = look.counted("{n} more session like this", "{n} more sessions like this", others)
            yield ""
            yield text.format(n=f"{others:,}") + _(".")
        diagram = sequence_diagram(session, look.lang, verbose=look.verbose)
        if diagram:
            yield ""
            yield _("Frame number, time since the first packet, event:")
            yield ""
            yield from ("```mermaid", *diagram, "```")
        if finding is None:
            yield from session_log_lines(session, look)
            return
        yield ""
        yield f"**{_('Why')}**: {prose(finding.explanation or finding.title)}"
        yield from self._list(_("Both sides"), [prose(text) for text in both_sides_texts(session)])
        yield from self._list(_("Evidence"), [self._proof(evidence) for evidence in finding.evidence])
        yield from session_log_lines(session, look)
        if finding.alternatives and finding.confidence != "certain":
            yield from self._list(_("Or else"), [code(cause) for cause in finding.alternatives])
        yield from self._list(_("Beside it"), [prose(text) for text in beside_texts(session, look.lang)])
        yield from self._list("BIG-IP", [prose(text) for text in big_ip_texts(session, look.lang)])
        yield ""
        yield f"**{_('Who acts')}**: {_(ACTS.get(session.blame or 'unknown', ACTS['unknown']))}"
        yield from self._remedies(finding.remedies)
        yield from self._list(_("Also"), [f"{code(o.cause)}: {prose(o.title)}" for o in session.findings[1:]])
        yield ""
        yield f"**Wireshark**: {code(shown_filter(session))}"

    def _list(self, label: str, items: list[str]) -> Iterator[str]:
        if items:
            yield from ("", f"**{label}**", "")
            yield from (f"- {item}" for item in items)

    def _proof(self, evidence: model.Evidence) -> str:
        return self._("frame {frame}: {text}").format(frame=evidence.frame, text=prose(evidence.text))

    def _remedies(self, remedies: tuple[str, ...]) -> Iterator[str]:
        """Numbered; a command in a block of its own, to be copied, below what it shows."""
        if remedies:
            yield from ("", f"**{self._('Do')}**", "")
        for number, text in enumerate(remedies, 1):
            mark = f"{number}. "
            command, closed, rest = text[1:].partition("`") if text.startswith("`") else ("", "", text)
            if not (command and closed):
                yield mark + prose(text)
                continue
            block = code_block(command, "sh", " " * len(mark))
            if shown := rest.lstrip(": 、。"):
                yield from (mark + prose(shown), "", *block)
            else:
                yield from (mark + block[0].lstrip(), *block[1:])

    def _noticed(self) -> Iterator[str]:
        if not self._kept.noticed:
            return
        _ = self._
        yield f"## {_('Also noticed')}"
        yield ""
        found = by_weight(self._kept.noticed)
        head = [_("Severity"), _("Finding"), _("Sessions"), _("What it is")]
        yield from _table(
            head,
            [
                [
                    _(SEVERITY.get(one.severity, one.severity)),
                    code(cause, in_table=True),
                    f"{one.sessions:,}",
                    prose(one.title, in_table=True),
                ]
                for cause, one in found
            ],
        )

    def _example(self, incident: model.Incident) -> model.Session | None:
        return next((self._by_id[identity] for identity in incident.sessions if identity in self._by_id), None)

    def _outcome(self, outcome: str) -> str:
        return self._(OUTCOMES[outcome])

    def _number(self, session: model.Session) -> str:
        return f"{session.capture}:{session.stream}" if self._several else str(session.stream)

    def _and_more(self, count: int) -> str:
        return self._("and {n} more").format(n=f"{count:,}")


def _sni(session: model.Session) -> str | None:
    hello = session.tls.client_hello if session.tls is not None else None
    return None if hello is None else hello.sni


def _table(head: list[str], rows: Iterable[list[str]], align: str = "---") -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join([align] * len(head))}|"
    yield from (f"| {' | '.join(row)} |" for row in rows)
