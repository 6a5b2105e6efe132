"""The ladder of a session: who sent what, when, with frame numbers, and where it came to a halt."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len

from capanalyzer.i18n import N_
from capanalyzer.report import model
from capanalyzer.report.escape import printable
from capanalyzer.report.terminal import Line, Look, fit, wrap
from capanalyzer.report.times import from_rfc3339

__all__ = ["AWAITED", "MAX_RUNGS", "PAUSE_NS", "duration", "halt", "ladder"]

MAX_RUNGS: Final = 24
"""Events drawn without ``--verbose``: the first and the last of a longer session, which is what explains it."""
MAX_LANE: Final = 76
"""Cells between client and server; wider is harder to follow with the eye."""
PAUSE_NS: Final = 1_000_000_000
"""A pause at least this long gets a line of its own."""
MIN_ARROW: Final = 6
_LEFT: Final = 8 + 2 + 10 + 3
"""Cells before the lane: frame number, time, and the spaces between."""

AWAITED: Final = {
    "tcp-connect": N_("the TCP connection"),
    "first-bytes": N_("a ClientHello"),
    "server-hello": N_("a ServerHello"),
    "server-flight": N_("the rest of the server's handshake messages"),
    "client-flight": N_("the client's handshake messages"),
    "server-finished": N_("the server's Finished"),
    "application": N_("application data"),
}
"""What was being waited for, by stage."""


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
    stalled = halt(entries) if session.stage is not None else -1
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
    event, detail = printable(entry.event), printable(entry.detail)
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
    _ = look.text
    awaited = _(AWAITED.get(session.stage or "", printable(session.stage or "")))
    text = _("stalled here: waiting for {awaited}").format(awaited=awaited)
    mark = f"{look.glyphs.stall} "
    first, *rest = wrap(text, lane - 2)
    return [[(" " * _LEFT + mark + first, "failed")], *([(" " * (_LEFT + 2) + line, "failed")] for line in rest)]


def halt(entries: tuple[model.TimelineEntry, ...]) -> int:
    """Index of the last event before the connection was torn down: behind it nothing made progress."""
    index = len(entries) - 1
    while index > 0 and entries[index].event.startswith(("FIN", "RST")):
        index -= 1
    return index
