"""What a text report says of the captures themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.cells import cell_len

from capanalyzer.report import model
from capanalyzer.report.escape import printable
from capanalyzer.report.ladder import duration
from capanalyzer.report.terminal import Line, Look, Span, paragraphs, table, wrap
from capanalyzer.report.times import from_rfc3339

__all__ = ["MAX_LISTED", "capture_facts", "capture_list", "capture_notes", "heading"]

MAX_HEADINGS: Final = 3
"""Captures that stand above the counts; more are summed up there and listed at the end."""
MAX_LISTED: Final = 100
"""Captures in that list, unless the report is verbose."""


def heading(end: model.Trailer, look: Look) -> Iterator[Line]:
    """The captures; of many only the sum, so that the answer stays on the first screen."""
    if len(end.captures) <= MAX_HEADINGS:
        for capture in end.captures:
            yield from _flow(printable(capture.path), capture_facts(capture, look), look)
            yield from paragraphs(capture.comments, look, "quiet", indent=2)
            yield from paragraphs(capture_notes(capture, look), look, "warning", indent=2)
    else:
        yield from _sum(end.captures, look)
    for unreadable in end.unreadable:
        for text in _hanging(printable(f"{unreadable.path}: {unreadable.reason}"), look):
            yield [(text, "failed")]


def capture_facts(capture: model.Capture, look: Look) -> list[str]:
    """Files of a ring, packets, bytes, times, link types; safe to show."""
    facts = [
        _files(capture, look),
        _packets(capture.packets, look),
        _size(capture.bytes),
        _span(capture.first_time, capture.last_time),
        *(printable(name) for name in capture.link_types),
    ]
    return [fact for fact in facts if fact]


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
            (_packets(capture.packets, look), "quiet"),
            (_size(capture.bytes), "quiet"),
        ]
        for number, capture in enumerate(shown)
    ]
    for capture, line in zip(shown, table(rows, look, indent=2, flexible=(1,)), strict=True):
        yield line
        yield from paragraphs(capture.comments, look, "quiet", indent=6)
        yield from paragraphs(capture_notes(capture, look), look, "warning", indent=6)
    if len(captures) > len(shown):
        yield [("  " + _("and {n} more").format(n=f"{len(captures) - len(shown):,}"), "quiet")]


def _sum(captures: Iterable[model.Capture], look: Look) -> Iterator[Line]:
    captures = list(captures)
    name = look.counted("{n} capture", "{n} captures", len(captures)).format(n=f"{len(captures):,}")
    facts = [
        _packets(sum(capture.packets for capture in captures), look),
        _size(sum(capture.bytes for capture in captures)),
        _span(
            min((capture.first_time for capture in captures if capture.first_time is not None), default=None),
            max((capture.last_time for capture in captures if capture.last_time is not None), default=None),
        ),
    ]
    yield from _flow(name, facts, look)


def capture_notes(capture: model.Capture, look: Look) -> list[str]:
    """Warnings and losses, a sentence each, as they came: not escaped."""
    _, notes = look.text, [*capture.warnings]
    if count := capture.dropped_packets:
        notes.append(_("The capturing host lost {n} packets.").format(n=f"{count:,}"))
    if count := capture.truncated_packets:
        notes.append(_("{n} packets were not captured whole (snap length).").format(n=f"{count:,}"))
    return notes


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


def _files(capture: model.Capture, look: Look) -> str:
    count = len(capture.files)
    return look.counted("{n} file", "{n} files", count).format(n=f"{count:,}") if count > 1 else ""


def _packets(count: int, look: Look) -> str:
    return look.counted("{n} packet", "{n} packets", count).format(n=f"{count:,}")


def _size(count: int) -> str:
    """``9.1 MB``: decimal units, as capinfos and disks count."""
    size, unit = float(count), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


def _begin(time: str | None) -> str:
    return f"{time[:10]} {time[11:19]}" if time is not None else ""


def _span(first: str | None, last: str | None) -> str:
    """``2026-11-23 10:01:02 - 10:06:10 UTC``; the date again where it changes, a duration below a minute."""
    if first is None or last is None:
        return ""
    lasted = from_rfc3339(last) - from_rfc3339(first)
    if lasted < 60 * 10**9:
        return f"{_begin(first)} UTC + {duration(lasted)}"
    until = last[11:19] if first[:10] == last[:10] else _begin(last)
    return f"{_begin(first)} - {until} UTC"
