"""Log lines on the page: which logs there were, what they say of a session, which lines have none."""

from __future__ import annotations

from typing import Final

from capanalyzer.report import model
from capanalyzer.report.digest import Digest, Spoken
from capanalyzer.report.html.look import Look
from capanalyzer.report.html.markup import Content, Markup, element, join, lines, wire
from capanalyzer.report.log_facts import log_facts
from capanalyzer.report.log_words import (
    agreement_text,
    beyond_text,
    named_text,
    number,
    place,
    reason_text,
    silent_text,
    story_lines,
    tie_text,
)
from capanalyzer.report.words import CONFIDENCE, OUTCOMES

__all__ = ["log_table", "session_lines", "spoken_table", "unmatched_table"]

MAX_SILENT: Final = 100
"""Failed sessions without a line that are named."""
MAX_SPOKEN: Final = 500
"""Rows of the table of lines with their sessions."""
MAX_UNMATCHED: Final = 200
"""Rows of the table of lines without a session."""


def session_lines(session: model.Session, look: Look) -> Markup:
    """What logs say of a session; empty where they say nothing."""
    told = story_lines(session, look.lang)
    if not told:
        return Markup()
    named = named_text(session, look.lang)
    return join(
        element("ul", *(element("li", _line(side, line, look)) for side, line in told), class_="log-lines"),
        element("p", lines(named), class_="named") if named else None,
    )


def _line(side: str, line: model.LogLine, look: Look) -> Markup:
    _ = look.text
    head = element(
        "p",
        element("b", _("{side}: {text}").format(side=side, text=line.title) if side else line.title),
        element("span", wire(place(line)), ", ", line.format, class_="soft"),
        element("span", tie_text(line, look.lang), class_="soft"),
        class_="tie",
    )
    agreement = agreement_text(line, look.lang)
    return join(
        head,
        None
        if line.text is None
        else element("pre", *(element("div", wire(one)) for one in line.text.split("\n")), class_="log-line"),
        element("p", lines(line.meaning)),
        element("p", lines(_("Beware: {text}").format(text=line.misleads))) if line.misleads else None,
        element("p", agreement, class_="note") if agreement else None,
    )


def log_table(end: model.Trailer, look: Look) -> Markup:
    """Each log, what was understood of it, and its clock; empty where none was given."""
    if not end.logs:
        return Markup()
    items = []
    for log in end.logs:
        facts = log_facts(log, look.lang)
        notes = [element("div", wire(text), class_="note") for text in log.warnings]
        items.append(element("li", wire(log.path), element("span", look.text(", ").join(facts), class_="soft"), *notes))
    return element("ul", *items, class_="logs")


def spoken_table(kept: Digest, end: model.Trailer, look: Look) -> Markup:
    """Each line that tells of a failure, and the session that it speaks of; empty without any."""
    if not kept.spoken:
        return Markup()
    _, shown = look.text, kept.spoken[:MAX_SPOKEN]
    head = [_("Line"), _("Session"), _("Outcome"), _("Cause"), _("Certainty"), _("What it means")]
    rows = [
        element(
            "tr",
            element("td", wire(place(one.line))),
            element("td", element("a", number(one.id, look.several), href=f"#session-{one.id}"), class_="number"),
            element("td", element("span", _(OUTCOMES[one.outcome]), class_=f"outcome {one.outcome}")),
            element("td", _cause(one, look)),
            element("td", element("span", _(CONFIDENCE[one.line.confidence]), class_="certainty")),
            element("td", one.line.title),
        )
        for one in shown
    ]
    silent = silent_text(end, MAX_SILENT, look.lang)
    return join(
        _table(head, rows, number=1),
        _more(len(kept.spoken) - len(shown) + kept.spoken_left_out, look),
        element("p", silent, class_="soft") if silent else None,
    )


def _cause(one: Spoken, look: Look) -> Content:
    """The session's; where that works and the other side of a BIG-IP failed, the other side's."""
    failed = one.line.failed_side
    if failed is None or one.cause is not None:
        return element("code", one.cause) if one.cause else None
    return join(
        f"{beyond_text(failed, look.lang)} (",
        element("a", number(failed.session, look.several), href=f"#session-{failed.session}"),
        "): ",
        element("code", failed.cause or ""),
    )


def unmatched_table(end: model.Trailer, look: Look) -> Markup:
    """Lines that tell of a failure and have no session; empty without any."""
    counts = end.summary.log_lines
    if counts is None or not end.unmatched_log_lines:
        return Markup()
    _, shown = look.text, end.unmatched_log_lines[:MAX_UNMATCHED]
    head = [_("Line"), _("Why it has no session"), _("What it means")]
    rows = [
        element(
            "tr",
            element("td", wire(place(line))),
            element("td", _why(line, look)),
            element(
                "td",
                element("div", line.title),
                None if line.text is None else element("div", wire(line.text.split("\n")[0]), class_="soft"),
            ),
        )
        for line in shown
    ]
    return join(_table(head, rows), _more(counts.unmatched - len(shown), look))


def _table(head: list[str], rows: list[Markup], *, number: int | None = None) -> Markup:
    """:param number: the column that holds numbers, if one does."""
    return element(
        "div",
        element(
            "table",
            element(
                "thead",
                element(
                    "tr",
                    *(
                        element("th", name, scope="col", class_="number" if at == number else None)
                        for at, name in enumerate(head)
                    ),
                ),
            ),
            element("tbody", *rows),
            class_="plain",
        ),
        class_="scroll",
    )


def _more(left: int, look: Look) -> Markup | None:
    return element("p", look.text("and {n} more").format(n=f"{left:,}"), class_="soft") if left > 0 else None


def _why(line: model.UnmatchedLogLine, look: Look) -> Markup:
    reason = reason_text(line, look.lang)
    if not line.candidates:
        return element("span", reason)
    links: list[Content] = []
    for identity in line.candidates:
        links += [" ", element("a", number(identity, look.several), href=f"#session-{identity}")]
    return element("span", reason, ":", *links)
