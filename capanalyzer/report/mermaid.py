"""The ladder of a session as a Mermaid sequence diagram.

Where Mermaid is not drawn its source is read instead, so it is kept plain: one line for each event, in the order of
time, with frame number and time from the session's start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from capanalyzer.i18n import plural, translator
from capanalyzer.report import model
from capanalyzer.report.course import told_detail, told_event
from capanalyzer.report.escape import printable
from capanalyzer.report.ladder import MAX_RUNGS, PAUSE_NS, duration
from capanalyzer.report.standstill import halt, is_proven, standstill
from capanalyzer.report.times import from_rfc3339
from capanalyzer.report.words import endpoint

__all__ = ["diagram_text", "sequence_diagram"]

MAX_TEXT: Final = 90
"""Characters of one event; a diagram is as wide as its longest."""
_PLAIN: Final = frozenset(" .,_/()-'=+?:")
"""Punctuation that means nothing to Mermaid inside a message."""
_DIRECTIVES: Final = ("style", "classDef")
"""Mermaid looks for these anywhere in a line, and takes what follows a colon behind them for something else."""


def sequence_diagram(session: model.Session, lang: str, *, verbose: bool = False) -> list[str]:
    """The lines of the diagram; empty where there is no timeline.

    :param verbose: all events, else the first and the last of a longer session.
    """
    entries = session.timeline
    if not entries:
        return []
    _, counted = translator(lang), plural(lang)
    lines = [
        "sequenceDiagram",
        f"    participant C as {_('client')} {endpoint(session.client)}",
        f"    participant S as {_('server')} {endpoint(session.server)}",
    ]
    start, before = from_rfc3339(session.start), None
    stalled = halt(session)
    hidden = range(0)
    if not verbose and len(entries) > MAX_RUNGS:
        hidden = range(MAX_RUNGS // 2, len(entries) - MAX_RUNGS // 2)
    for index, entry in enumerate(entries):
        time = from_rfc3339(entry.time)
        if index not in hidden:
            if before is not None and time - before >= PAUSE_NS:
                lines.append(_note(f"... {duration(time - before)}"))
            lines.append(_event(entry, duration(time - start), _))
        elif index == hidden.start:
            text = counted("{n} event not shown", "{n} events not shown", len(hidden)).format(n=len(hidden))
            lines.append(_note(f"... {text}"))
        before = time
        if index == stalled:
            lines.append(_note(standstill(session, _), mark="✗ " if is_proven(session) else "? "))
    return lines


def _event(entry: model.TimelineEntry, time: str, language: Callable[[str], str]) -> str:
    text = diagram_text(f"{printable(told_event(entry, language))} {printable(told_detail(entry, language))}")
    said = f"{entry.frame} ({time}) {text}"
    if entry.sender is None:
        return f"    Note over C,S: {said}"
    arrow = "-x" if entry.event.startswith("RST") else "->>"
    sides = ("C", "S") if entry.sender == "client" else ("S", "C")
    return f"    {arrow.join(sides)}: {said}"


def _note(text: str, mark: str = "") -> str:
    return f"    Note over C,S: {mark}{diagram_text(text)}"


def diagram_text(text: str) -> str:
    """Text as it can stand in a message: what could mean something to Mermaid as a character code (``#59;``)."""
    text = " ".join(printable(text).split())
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT - 3] + "..."
    plain = _PLAIN - {":"} if any(word in text for word in _DIRECTIVES) else _PLAIN
    return "".join(c if c.isalnum() or c in plain else f"#{ord(c)};" for c in text)
