"""The ladder of a session: who sent what, when, with frame numbers, and where it came to a halt."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len

from capanalyzer.report import model
from capanalyzer.report.course import told_detail, told_event
from capanalyzer.report.escape import printable
from capanalyzer.report.standstill import halt, is_proven, standstill
from capanalyzer.report.terminal import Line, Look, fit, wrap
from capanalyzer.report.times import from_rfc3339

__all__ = ["MAX_RUNGS", "PAUSE_NS", "duration", "ladder"]

MAX_RUNGS: Final = 24
"""Events drawn without ``--verbose``: the first and the last of a longer session, which is what explains it."""
MAX_LANE: Final = 76
"""Cells between client and server; wider is harder to follow with the eye."""
PAUSE_NS: Final = 1_000_000_000
"""A pause at least this long gets a line of its own."""
MIN_ARROW: Final = 6
_LEFT: Final = 8 + 2 + 10 + 3
"""Cells before the lane: frame number, time, and the spaces between."""


def duration(nanoseconds: int) -> str:
    """``21.0 ms``, ``12.5 s``, ``4.0 min``: a time with its unit in at most nine cells."""
    if abs(nanoseconds) < 10**10:
        return f"{nanoseconds / 1e6:,.1f} ms"
    if abs(nanoseconds) < 10**12:
        return f"{nanoseconds / 1e9:,.1f} s"
    return f"{nanoseconds / 6e10:,.1f} min"


def ladder(session: model.Session, look: Look) -> list[Line]:
    """The timeline as a drawing, times counted from the session's start."""
    entries = session.timeline
    if not entries:
        return []
    lane = max(24, min(MAX_LANE, look.width - _LEFT))
    lines = [_head(lane, look)]
    start, before = from_rfc3339(session.start), None
    stalled = halt(session)
    hidden = range(0)
    if not look.verbose and len(entries) > MAX_RUNGS:
        hidden = range(MAX_RUNGS // 2, len(entries) - MAX_RUNGS // 2)
    for index, entry in enumerate(entries):
        time = from_rfc3339(entry.time)
        if index in hidden:
            if index == hidden.start:
                text = look.counted("{n} event not shown", "{n} events not shown", len(hidden)).format(n=len(hidden))
                lines.append([(" " * _LEFT + f"{look.glyphs.pause} {text}", "quiet")])
        else:
            if before is not None and time - before >= PAUSE_NS:
                lines.append([(" " * _LEFT + f"{look.glyphs.pause} {duration(time - before)}", "quiet")])
            stamp = f"{entry.frame:>8}  {fit(duration(time - start), 10, look, right=True)}   "
            lines += _rung(entry, stamp, lane, look)
        before = time
        if index == stalled:
            lines += _stall(session, lane, look)
    return lines


def _head(lane: int, look: Look) -> Line:
    _ = look.text
    client, server = _("client"), _("server")
    gap = " " * max(1, lane - cell_len(client) - cell_len(server))
    frame, time = fit(_("frame"), 8, look, right=True), fit(_("time"), 10, look, right=True)
    return [(f"{frame}  {time}   {client}{gap}{server}", "quiet")]


def _rung(entry: model.TimelineEntry, stamp: str, lane: int, look: Look) -> list[Line]:
    glyphs = look.glyphs
    event, detail = printable(told_event(entry, look.text)), printable(told_detail(entry, look.text))
    style = "failed" if event.startswith(("RST", "Alert", "ICMP")) else ""
    if entry.sender is None:
        first, *rest = wrap(f"{event}  {detail}".rstrip(), lane)
        return [[(stamp, ""), (first, style or "quiet")], *([(" " * _LEFT + text, style or "quiet")] for text in rest)]
    label, below = (f"{event}  {detail}".rstrip(), []) if detail else (event, [])
    if cell_len(label) > lane - MIN_ARROW - 1:
        label, below = _short(event, lane, look), wrap(detail, lane - 2)
    shaft = glyphs.line * (lane - cell_len(label) - 2)
    if entry.sender == "client":
        lines: list[Line] = [[(stamp, ""), (label, style), (f" {shaft}{glyphs.right}", "quiet")]]
    else:
        lines = [[(stamp, ""), (f"{glyphs.left}{shaft} ", "quiet"), (label, style)]]
    for text in below:
        fill = 0 if entry.sender == "client" else lane - cell_len(text)
        lines.append([(" " * (_LEFT + max(fill, 0)) + text, "quiet")])
    return lines


def _short(event: str, lane: int, look: Look) -> str:
    """An event that leaves room for its arrow."""
    room = lane - MIN_ARROW - 1
    return event if cell_len(event) <= room else fit(event, room, look)


def _stall(session: model.Session, lane: int, look: Look) -> list[Line]:
    mark, style = (look.glyphs.stall, "failed") if is_proven(session) else ("?", "warning")
    first, *rest = wrap(standstill(session, look.text), lane - 2)
    return [
        [(" " * _LEFT + f"{mark} " + first, style)],
        *([(" " * (_LEFT + 2) + line, style)] for line in rest),
    ]
