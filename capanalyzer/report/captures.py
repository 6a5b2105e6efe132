"""What a text report says of the captures themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.cells import cell_len

from capanalyzer.report import model
from capanalyzer.report.capture_facts import (
    capture_comments,
    capture_facts,
    capture_notes,
    key_warnings,
    packet_count,
    size_text,
    time_span,
)
from capanalyzer.report.escape import printable
from capanalyzer.report.log_lines import log_list
from capanalyzer.report.terminal import Line, Look, Span, paragraphs, table, wrap

__all__ = ["MAX_LISTED", "capture_list", "heading"]

MAX_HEADINGS: Final = 3
"""Captures that stand above the counts; more are summed up there and listed at the end."""
MAX_KEY_WARNINGS: Final = 10
"""Captures with session keys that are named at the top."""
MAX_LISTED: Final = 100
"""Captures in that list, unless the report is verbose."""


def heading(end: model.Trailer, look: Look) -> Iterator[Line]:
    """The captures; of many only the sum, so that the answer stays on the first screen."""
    for warning in key_warnings(end, look)[:MAX_KEY_WARNINGS]:
        yield from paragraphs([warning], look, "failed", indent=0)
        yield []
    if len(end.captures) <= MAX_HEADINGS:
        for capture in end.captures:
            yield from _flow(printable(capture.path), capture_facts(capture, look), look)
            yield from paragraphs(capture_comments(capture), look, "quiet", indent=3)
            yield from paragraphs(capture_notes(capture, look), look, "warning", indent=3)
    else:
        yield from _sum(end.captures, look)
    yield from log_list(end, look, _flow)
    for unreadable in end.unreadable:
        for text in _hanging(printable(f"{unreadable.path}: {unreadable.reason}"), look):
            yield [(text, "failed")]


def capture_list(end: model.Trailer, look: Look) -> Iterator[Line]:
    """Many captures, with the numbers that the other sections use."""
    _, captures = look.text, end.captures
    if len(captures) <= MAX_HEADINGS:
        return
    yield []
    yield [(_("CAPTURES"), "strong")]
    yield []
    shown = captures if look.verbose else captures[:MAX_LISTED]
    rows: list[list[Span]] = [
        [
            (str(number), ""),
            (printable(capture.path), ""),
            (packet_count(capture.packets, look), "quiet"),
            (size_text(capture.bytes), "quiet"),
        ]
        for number, capture in enumerate(shown)
    ]
    for capture, line in zip(shown, table(rows, look, indent=2, flexible=(1,)), strict=True):
        yield line
        yield from paragraphs(capture_comments(capture), look, "quiet", indent=6)
        yield from paragraphs(capture_notes(capture, look), look, "warning", indent=6)
    if len(captures) > len(shown):
        yield [("  " + _("and {n} more").format(n=f"{len(captures) - len(shown):,}"), "quiet")]


def _sum(captures: Iterable[model.Capture], look: Look) -> Iterator[Line]:
    captures = list(captures)
    name = look.counted("{n} capture", "{n} captures", len(captures)).format(n=f"{len(captures):,}")
    facts = [
        packet_count(sum(capture.packets for capture in captures), look),
        size_text(sum(capture.bytes for capture in captures)),
        time_span(
            min((capture.first_time for capture in captures if capture.first_time is not None), default=None),
            max((capture.last_time for capture in captures if capture.last_time is not None), default=None),
        ),
    ]
    yield from _flow(name, facts, look)


def _flow(name: str, facts: Iterable[str], look: Look) -> Iterator[Line]:
    """A name and the facts beside it, on as many lines as they need."""
    *above, last = _hanging(name, look)
    yield from ([(text, "strong")] for text in above)
    line: Line = [(last, "strong")]
    used = cell_len(last)
    for fact in filter(None, facts):
        size = cell_len(fact) + 3
        if used + size > look.width:
            yield line
            line, used = [], 0
        line.append(("   " + fact, ""))
        used += size
    yield line


def _hanging(text: str, look: Look) -> list[str]:
    """Lines of a text that begins at the margin; what goes on below is indented, so that it cannot pass for another."""
    first, *rest = wrap(text, look.width - 2)
    return [first, *(f"  {line}" for line in rest)]
