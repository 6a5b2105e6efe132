"""The sequence diagram of a session: drawn to time, with the place where it came to a halt.

At the left a ruler true to time (:mod:`capanalyzer.report.html.time_axis`); each event stands beside it on a line of
its own, joined to its true place. Wherever time was shortened, that is marked and said.
"""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len, set_cell_size

from capanalyzer.report import model
from capanalyzer.report.course import told_detail, told_event
from capanalyzer.report.escape import printable
from capanalyzer.report.html.drawing import drawing, label
from capanalyzer.report.html.look import Look
from capanalyzer.report.html.markup import Markup, element, join
from capanalyzer.report.html.time_axis import Axis, axis
from capanalyzer.report.ladder import duration
from capanalyzer.report.standstill import halt, is_proven, standstill
from capanalyzer.report.times import from_rfc3339

__all__ = ["precise", "scale_note", "sequence"]

MAX_EVENTS: Final = 40
"""Events drawn: the first and the last half of a longer session."""
WIDTH: Final = 660
RULER, TIMES, CLIENT, SERVER, FRAMES = 12.0, 100.0, 122.0, 600.0, 612.0
"""Horizontal places of the ruler, the times, the two ends and the frame numbers."""
TOP: Final = 46.0
ROW: Final = 30.0
SECOND_LINE: Final = 15.0
STALL: Final = 58.0
"""Height that the mark of the stall needs."""
NOTABLE_NS: Final = 1_000_000
"""The stall's length is written where it is at least this."""
CELLS: Final = 66
"""Characters that fit between the two ends."""


class _Row:
    """An event and where it is drawn."""

    __slots__ = ("below", "entry", "event", "hidden", "time", "y")

    def __init__(self, entry: model.TimelineEntry, look: Look, hidden: int = 0) -> None:
        self.entry, self.hidden = entry, hidden
        """``hidden``: events left out before this one."""
        self.time = from_rfc3339(entry.time)
        event, detail = printable(told_event(entry, look.text)), printable(told_detail(entry, look.text))
        whole = f"{event}  {detail}".rstrip()
        fits = cell_len(whole) <= CELLS - 4
        self.event, self.below = (whole, "") if fits else (_cut(event, CELLS - 4), _cut(detail, CELLS))
        self.y = 0.0


def sequence(session: model.Session, look: Look) -> Markup:
    """The drawing, empty where nothing is known of the order of events."""
    if not session.timeline:
        return Markup()
    rows, stalled = _rows(session, look)
    start = from_rfc3339(session.start)
    ruler = _axis(rows)
    _place(rows, ruler, stalled)
    bottom = rows[-1].y + (SECOND_LINE if rows[-1].below else 0) + (STALL if stalled == len(rows) - 1 else 0)
    height = max(bottom, TOP + ruler.places[-1]) + 24
    _ = look.text
    title = _("Sequence diagram of session {number}; the same as a table below").format(number=look.number(session))
    return drawing(
        WIDTH,
        height,
        look,
        _ends(height, look),
        _stall(session, rows, stalled, look) if stalled >= 0 else None,
        _ruler(rows, ruler, stalled if is_proven(session) else -1),
        *(_event(row, start, look) for row in rows),
        *(
            label(TIMES, (rows[index].y + rows[index + 1].y) / 2 + 4, duration(_pause(rows, index)), "time pause")
            for index in sorted(ruler.shortened)
            if index != stalled
        ),
        title=title,
        class_="sequence",
    )


def scale_note(session: model.Session, look: Look) -> str:
    """What the drawing's ruler means, in a sentence."""
    rows, _stalled = _rows(session, look)
    ruler = _axis(rows)
    _ = look.text
    if not ruler.tick_ns:
        return _("All events have the same time.")
    text = _("The ruler is true to time: one mark is {time}.").format(time=_exact(ruler.tick_ns))
    if ruler.shortened:
        text += " " + _("A zigzag marks a pause that is drawn shorter than it was.")
    return text


def _axis(rows: list[_Row]) -> Axis:
    return axis([row.time for row in rows], length=max(150.0, (ROW - 6) * (len(rows) - 1)))


def _rows(session: model.Session, look: Look) -> tuple[list[_Row], int]:
    """What is drawn, and the index of the row behind which nothing made progress (-1: it did not stall)."""
    entries = session.timeline
    stalled = halt(session)
    if len(entries) <= MAX_EVENTS:
        return [_Row(entry, look) for entry in entries], stalled
    half = MAX_EVENTS // 2
    hidden = len(entries) - 2 * half
    rows = [_Row(entry, look) for entry in entries[:half]]
    rows += [_Row(entry, look, hidden if index == 0 else 0) for index, entry in enumerate(entries[-half:])]
    if half <= stalled < len(entries) - half:
        stalled = half - 1
    elif stalled >= half:
        stalled -= hidden
    return rows, stalled


def _place(rows: list[_Row], ruler: Axis, stalled: int) -> None:
    """Each row at its true height or as far below it as those above push it."""
    floor = TOP
    for index, row in enumerate(rows):
        if row.hidden:
            floor += ROW
        row.y = max(TOP + ruler.places[index], floor)
        floor = row.y + ROW + (SECOND_LINE if row.below else 0) + (STALL if index == stalled else 0)


def _pause(rows: list[_Row], index: int) -> int:
    return max(0, rows[index + 1].time - rows[index].time)


def _ends(height: float, look: Look) -> Markup:
    _ = look.text
    return join(
        label(CLIENT, 18, _("client"), "end"),
        label(SERVER, 18, _("server"), "end right"),
        label(FRAMES, 18, _("frame"), "head"),
        label(TIMES, 18, _("time"), "head right"),
        *(element("path", d=f"M{x:g} 26V{height - 6:.1f}", class_="life") for x in (CLIENT, SERVER)),
    )


def _ruler(rows: list[_Row], ruler: Axis, stalled: int) -> Markup:
    whole = "".join(_spine(ruler, index) for index in range(len(rows) - 1))
    parts = [element("path", d=f"M{RULER:g} {TOP:g}{whole}", class_="ruler")]
    marks = "".join(f"M{RULER - 4:g} {TOP + y:.1f}h4" for y in ruler.ticks)
    parts.append(element("path", d=marks, class_="tick"))
    if 0 <= stalled < len(rows) - 1:
        begin = f"M{RULER:g} {TOP + ruler.places[stalled]:.1f}"
        parts.append(element("path", d=begin + _spine(ruler, stalled), class_="halted"))
    joined = [
        f"M{RULER:g} {TOP + place:.1f}h5L{RULER + 22:g} {row.y:.1f}h6"
        for row, place in zip(rows, ruler.places, strict=True)
    ]
    return join(*parts, element("path", d="".join(joined), class_="lead"))


def _spine(ruler: Axis, index: int) -> str:
    """The ruler from one event to the next: straight, or with a zigzag in its middle where it is shortened."""
    end = TOP + ruler.places[index + 1]
    if index not in ruler.shortened:
        return f"V{end:.1f}"
    middle = (TOP + ruler.places[index] + end) / 2
    return f"V{middle - 9:.1f}l5 3l-10 4l10 4l-10 4l5 3V{end:.1f}"


def _event(row: _Row, start: int, look: Look) -> Markup:
    entry, y = row.entry, row.y
    bad = " bad" if entry.event.startswith(("RST", "Alert", "ICMP")) else ""
    parts: list[str] = []
    if row.hidden:
        text = look.counted("{n} event not shown", "{n} events not shown", row.hidden).format(n=row.hidden)
        parts.append(label((CLIENT + SERVER) / 2, y - ROW, text, "hidden"))
    parts += [
        label(TIMES, y + 4, precise(row.time - start), "time"),
        label(FRAMES, y + 4, str(entry.frame), "frame"),
    ]
    if entry.sender is None:
        parts.append(label((CLIENT + SERVER) / 2, y + 4, row.event, "event middle" + bad))
        if row.below:
            parts.append(label((CLIENT + SERVER) / 2, y + 4 + SECOND_LINE, row.below, "detail middle"))
        return join(*parts)
    rightwards = entry.sender == "client"
    tip, back = (SERVER, -7) if rightwards else (CLIENT, 7)
    parts.append(element("path", d=f"M{CLIENT:g} {y:.1f}H{SERVER:g}", class_="shaft" + bad))
    parts.append(element("path", d=f"M{tip:g} {y:.1f}l{back} -4v8z", class_="tip" + bad))
    side = "" if rightwards else " right"
    x = CLIENT + 10 if rightwards else SERVER - 10
    parts.append(label(x, y - 5, row.event, "event" + side + bad))
    if row.below:
        parts.append(label(x, y + 13, row.below, "detail" + side))
    return join(*parts)


def _stall(session: model.Session, rows: list[_Row], stalled: int, look: Look) -> Markup:
    row = rows[stalled]
    mark, unproven = ("✗", "") if is_proven(session) else ("?", " unproven")
    top = row.y + (SECOND_LINE if row.below else 0) + 8
    last = stalled == len(rows) - 1
    bottom = top + STALL - 14 if last else rows[stalled + 1].y - 22
    lasted = 0 if last else _pause(rows, stalled)
    middle, centre = (CLIENT + SERVER) / 2, (top + bottom) / 2
    return join(
        element(
            "rect",
            x=CLIENT + 1,
            y=top,
            width=SERVER - CLIENT - 2,
            height=max(bottom - top, 8),
            class_="stall" + unproven,
            rx=3,
        ),
        label(
            middle,
            centre + (4 if lasted < NOTABLE_NS else -2),
            f"{mark} {standstill(session, look.text)}",
            "stalled" + unproven,
        ),
        label(middle, centre + 15, duration(lasted), "stalled lasted" + unproven) if lasted >= NOTABLE_NS else None,
    )


def precise(nanoseconds: int) -> str:
    """As :func:`duration`, with a further digit where that would show little."""
    return f"{nanoseconds / 1e6:.2f} ms" if abs(nanoseconds) < 10_000_000 else duration(nanoseconds)


def _cut(value: str, cells: int) -> str:
    return value if cell_len(value) <= cells else set_cell_size(value, cells - 1).rstrip() + "…"


def _exact(nanoseconds: int) -> str:
    """``10 ms``: a round number with the unit it is round in."""
    for factor, unit in ((10**9, "s"), (10**6, "ms"), (10**3, "µs")):
        if nanoseconds >= factor:
            return f"{nanoseconds // factor:,} {unit}"
    return f"{nanoseconds} ns"
