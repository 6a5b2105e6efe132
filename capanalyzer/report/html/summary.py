"""The top of the page: the answer, the counts, what was read, and what could not have been seen."""

from __future__ import annotations

from capanalyzer.report import model
from capanalyzer.report.build import SESSIONS_PER_CAPTURE, UDP_FROM
from capanalyzer.report.capture_facts import (
    capture_comments,
    capture_facts,
    capture_notes,
    key_warnings,
    packet_count,
    size_text,
    time_span,
)
from capanalyzer.report.digest import Digest, Noticed, by_weight
from capanalyzer.report.html.drawing import drawing
from capanalyzer.report.html.look import Look
from capanalyzer.report.html.markup import Content, Markup, element, join, lines, wire
from capanalyzer.report.unseen import not_visible, nothing_failed
from capanalyzer.report.words import OUTCOMES, SEVERITY

__all__ = ["answer", "capture_line", "capture_table", "key_banner", "noticed"]

MAX_CAPTURES = 1_000
WIDTH = 1000


def answer(end: model.Trailer, kept: Digest, look: Look) -> Markup:
    """One sentence, then the counts as numbers and as a bar."""
    summary = end.summary
    return join(
        element("p", _sentence(end, look), class_="answer"),
        element("p", _second(end, look), class_="soft second") if summary.sessions else None,
        _counts(summary, look) if summary.sessions else None,
        _unseen(end, kept, look) if not summary.outcomes.get("failed") else None,
        *(element("p", lines(note), class_="note") for note in summary.notes),
    )


def _sentence(end: model.Trailer, look: Look) -> str:
    summary = end.summary
    failed = summary.outcomes.get("failed", 0)
    if not failed:
        return nothing_failed(end, look.lang)
    text = look.counted("{failed} of {n} session failed.", "{failed} of {n} sessions failed.", summary.sessions)
    return text.format(failed=f"{failed:,}", n=f"{summary.sessions:,}")


def _second(end: model.Trailer, look: Look) -> str:
    """How the failures hang together."""
    incidents, failed = end.incidents, end.summary.outcomes.get("failed", 0)
    if not failed:
        total = end.summary.sessions
        return look.counted("{n} session", "{n} sessions", total).format(n=f"{total:,}")
    causes = len({incident.cause for incident in incidents})
    servers = len({(incident.server.ip, incident.server.port) for incident in incidents})
    _ = look.text
    parts = (
        look.counted("{n} incident", "{n} incidents", len(incidents)).format(n=f"{len(incidents):,}"),
        look.counted("{n} cause", "{n} causes", causes).format(n=f"{causes:,}"),
        look.counted("{n} server", "{n} servers", servers).format(n=f"{servers:,}"),
    )
    return _(", ").join(parts)


def _counts(summary: model.Summary, look: Look) -> Markup:
    _ = look.text
    present = [(outcome, summary.outcomes[outcome]) for outcome in ORDER if summary.outcomes.get(outcome)]
    items = [
        element(
            "div",
            element("dt", element("span", class_=f"swatch {outcome}", aria_hidden="true"), _(OUTCOMES[outcome])),
            element("dd", f"{count:,}"),
        )
        for outcome, count in present
    ]
    # A sliver stays visible beside any number of others.
    shares = [max(count / summary.sessions * WIDTH, 6.0) for _outcome, count in present]
    scale, x, rects = WIDTH / sum(shares), 0.0, []
    for (outcome, _count), share in zip(present, shares, strict=True):
        rects.append(element("rect", x=x, y=0, width=max(share * scale - 2, 1), height=10, class_=outcome))
        x += share * scale
    words = _(", ").join(f"{_(OUTCOMES[outcome])} {count:,}" for outcome, count in present)
    bar = drawing(WIDTH, 10, look, *rects, title=words, class_="shares", stretch=True)
    return join(bar, element("dl", *items, class_="counts"))


ORDER = ("failed", "incomplete", "established", "plaintext", "idle")
"""Outcomes as the page shows them: what needs attention first."""


def _unseen(end: model.Trailer, kept: Digest, look: Look) -> Markup:
    _ = look.text
    notes = not_visible(kept, end.summary, look.lang)
    return element(
        "div",
        element("p", _("Not visible here:")),
        element("ul", *(element("li", note) for note in notes)),
        class_="unseen-here soft",
    )


def noticed(kept: Digest, look: Look) -> Markup:
    """Warnings and notes on sessions, whatever their outcome; empty without any."""
    if not kept.noticed:
        return Markup()
    _ = look.text
    numbers = (_("Sessions"),)
    head = [_("Severity"), _("Finding"), _("Sessions"), _("What it is"), _("First seen in")]
    rows = [
        element(
            "tr",
            element("td", _(SEVERITY.get(found.severity, found.severity)), class_=f"severity {found.severity}"),
            element("td", element("code", cause)),
            element("td", f"{found.sessions:,}", class_="number"),
            element("td", found.title),
            element("td", element("a", _place(found, look), href=f"#session-{found.first}")),
        )
        for cause, found in by_weight(kept.noticed)
    ]
    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", *(_head(name, numbers) for name in head))),
            element("tbody", *rows),
            class_="plain",
        ),
        class_="scroll",
    )


def _head(name: str, numbers: tuple[str, ...]) -> Markup:
    """Above a column; above numbers it stands as they do."""
    return element("th", name, scope="col", class_="number" if name in numbers else None)


def _place(found: Noticed, look: Look) -> str:
    """The number of the first session it was noticed in."""
    capture, stream = divmod(found.first, SESSIONS_PER_CAPTURE)
    return f"{capture}:{stream % UDP_FROM}" if look.several else str(stream % UDP_FROM)


def key_banner(end: model.Trailer, look: Look) -> Markup:
    """Captures that hold session keys, before everything else."""
    warnings = key_warnings(end, look)[:MAX_CAPTURES]
    return join(*(element("p", lines(warning), role="alert", class_="keys") for warning in warnings))


def capture_line(end: model.Trailer, look: Look) -> Markup:
    """What was read, in one line."""
    captures = end.captures
    if len(captures) == 1:
        (one,) = captures
        facts: list[Content] = [wire(one.path), *capture_facts(one, look)]
    else:
        count = len(captures)
        first = min((c.first_time for c in captures if c.first_time is not None), default=None)
        last = max((c.last_time for c in captures if c.last_time is not None), default=None)
        facts = [
            look.counted("{n} capture", "{n} captures", count).format(n=f"{count:,}"),
            packet_count(sum(capture.packets for capture in captures), look),
            size_text(sum(capture.bytes for capture in captures)),
            time_span(first, last) or None,
        ]
    return element("p", *(element("span", fact) for fact in facts if fact is not None), class_="read")


def capture_table(end: model.Trailer, look: Look) -> Markup:
    """Every capture with all that is to be said of it, and inputs that could not be read."""
    _, shown = look.text, end.captures[:MAX_CAPTURES]
    numbers = ("#", _("Packets"), _("Size"))
    head = ["#", _("File"), _("Packets"), _("Size"), _("Time"), _("Link type")]
    rows = []
    for number, capture in enumerate(shown):
        rows.append(
            element(
                "tr",
                element("td", str(number), class_="number"),
                element(
                    "td",
                    wire(capture.path),
                    *(element("div", wire(comment), class_="soft") for comment in capture_comments(capture)),
                    *(element("div", wire(note), class_="note") for note in capture_notes(capture, look)),
                    *(element("div", wire(path), class_="soft") for path in capture.files if len(capture.files) > 1),
                ),
                element("td", f"{capture.packets:,}", class_="number"),
                element("td", size_text(capture.bytes), class_="number"),
                element("td", time_span(capture.first_time, capture.last_time)),
                element("td", _(", ").join(capture.link_types)),
            )
        )
    left = len(end.captures) - len(shown)
    return join(
        element(
            "div",
            element(
                "table",
                element("thead", element("tr", *(_head(name, numbers) for name in head))),
                element("tbody", *rows),
                class_="plain",
            ),
            class_="scroll",
        ),
        element("p", _("and {n} more").format(n=f"{left:,}"), class_="soft") if left else None,
        *(element("p", wire(one.path), ": ", wire(one.reason), class_="note") for one in end.unreadable),
    )
