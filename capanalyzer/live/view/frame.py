"""A board laid out for a terminal of a certain size. Pure: lines in, no terminal.

Everything from the wire is escaped (:func:`~capanalyzer.report.escape.printable`); widths are counted in cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rich.cells import cell_len

from capanalyzer.i18n import N_
from capanalyzer.live.listener import State
from capanalyzer.live.view.board import Board
from capanalyzer.report import model
from capanalyzer.report.capture_facts import packet_count
from capanalyzer.report.detail import session_detail
from capanalyzer.report.escape import printable
from capanalyzer.report.terminal import Line, Look, Span, fit, table, wrap
from capanalyzer.report.times import from_rfc3339, to_rfc3339
from capanalyzer.report.words import ACTS, OUTCOMES, STYLE_OF, endpoint

__all__ = ["Looking", "frame", "rows_of_failures"]

QUIET_NS: Final = 300_000_000_000
"""An incident without a failure for so long is drawn quietly."""
MIN_WIDTH, MIN_HEIGHT = 20, 4
WIDE, MEDIUM = 100, 70
"""Widths from which on incidents have all columns, or all but their beginning."""
HEAD: Final = 4
"""Lines above the sections."""
TABLES: Final = {
    "flows": N_("open"),
    "connections": N_("in handshake"),
    "bytes": N_("bytes"),
    "keys": N_("known"),
    "held": N_("to compare"),
    "incidents": N_("incidents"),
}
"""What a table of the metrics counts, in a word: connections that are open, in their handshake, remembered by their
ends; failed sessions that are compared once more."""
SIDES: Final = {"client": N_("client"), "server": N_("server"), "network": N_("network"), "unknown": N_("unknown")}
"""Who has to act, where there is little room."""
_BARS: Final = "▁▂▃▄▅▆▇█"


@dataclass(slots=True)
class Looking:
    """What the person before the terminal looks at."""

    page: str = "board"
    """``board`` ``detail`` ``help``."""
    chosen: int | None = None
    """Id of the failed session that is marked."""
    top: int = 0
    """First line of a page that is longer than the screen."""
    is_paused: bool = False
    is_ending: bool = False
    """Somebody asked for the end of the run."""


def frame(board: Board, looking: Looking, look: Look, height: int) -> list[Line]:
    """Exactly ``height`` lines (at least one), none wider than the look's width."""
    if look.width < MIN_WIDTH or height < MIN_HEIGHT:
        return _exactly([[(fit("capanalyzer live", look.width, look), "strong")]], height)
    if looking.page == "help":
        return _page(list(_help(look)), looking, look, height)
    if looking.page == "detail" and looking.chosen in board.failures:
        session = board.failures[looking.chosen]
        return _page(list(session_detail(session, look, str(session.id))), looking, look, height)
    return _board(board, looking, look, height)


def rows_of_failures(board: Board, height: int) -> int:
    """How many failed sessions fit below the incidents."""
    return max(0, _room(board, height)[1] // 2)


def _room(board: Board, height: int) -> tuple[int, int]:
    """Lines for incidents and for failures, without the titles above them."""
    left = height - HEAD - 1 - min(len(board.messages), 2)
    left -= 4  # titles, with an empty line above each
    wanted = max(len(board.incidents), 1)
    incidents = max(min(wanted, max(left * 2 // 5, 1)), 0)
    return incidents, max(left - incidents, 0)


def _board(board: Board, looking: Looking, look: Look, height: int) -> list[Line]:
    for_incidents, for_failures = _room(board, height)
    lines = list(_head(board, look))
    lines += [[], *_incidents(board, look, for_incidents)]
    lines += [[], *_failures(board, looking, look, for_failures)]
    below = [[(fit(printable(text), look.width, look), "warning")] for text in list(board.messages)[-2:]]
    below.append([(fit(_keys(looking, look), look.width, look), "quiet")])
    return _exactly(lines, max(height - len(below), 0)) + below[-height:]


def _exactly(lines: list[Line], height: int) -> list[Line]:
    return (lines + [[] for _ in range(height)])[:height]


def _keys(looking: Looking, look: Look) -> str:
    _ = look.text
    if looking.is_ending:
        return _("Ending: what is open is judged as it stands.")
    if looking.page != "board":
        return _("Esc back   up, down scroll   q quit")
    if looking.is_paused:
        return _("PAUSED   p goes on   up, down choose   Enter detail   q quit   ? help")
    return _("q quit   p pause   up, down choose   Enter detail   ? help")


# -- the head ----------------------------------------------------------------------------------------------------------


def _head(board: Board, look: Look) -> Iterator[Line]:
    _, state = look.text, board.state
    left = f"capanalyzer live  {printable(board.source)}"
    right = ""
    if state is not None and state.now_ns:
        up = str(timedelta(seconds=int(board.up_s)))
        right = _("{time} UTC, for {up}").format(time=to_rfc3339(state.now_ns)[11:19], up=up)
    room = look.width - cell_len(right) - 2
    yield (
        [(fit(left, room, look), "strong"), ("  ", ""), (right, "")]
        if room >= MIN_WIDTH
        else [(fit(left, look.width, look), "strong")]
    )
    if state is None:
        yield _spread([(_("waiting for the first packets"), "quiet")], look)
        yield []
        yield []
        return
    rates, lost = board.rates, state.drops.total
    drops = look.counted("{n} packet lost", "{n} packets lost", lost).format(n=f"{lost:,}") if lost else _("none lost")
    yield _spread(
        [
            (packet_count(state.packets, look), ""),
            (_("{n} packets/s").format(n=f"{rates.packets:,.0f}"), ""),
            (_bits(rates.bytes * 8), ""),
            (drops, "warning" if lost else "quiet"),
        ],
        look,
    )
    sessions = sum(state.outcomes.values())
    spans = [(look.counted("{n} session", "{n} sessions", sessions).format(n=f"{sessions:,}"), "strong")]
    spans.append((f"{rates.sessions:,.1f}/s", ""))
    for outcome, name in OUTCOMES.items():
        count = state.outcomes.get(outcome, 0)
        if count or outcome == "failed":
            style = STYLE_OF.get(outcome, "") if count else "quiet"
            spans.append((_("{n} {outcome}").format(n=f"{count:,}", outcome=_(name)), style))
    yield _spread(spans, look)
    tables = [f"{_(TABLES.get(name, name))} {count:,}" for name, count in state.tables.items()]
    yield _spread([*_evictions(state, look), *((text, "quiet") for text in tables)], look)


def _evictions(state: State, look: Look) -> list[Span]:
    if not state.evicted:
        return []
    _ = look.text
    total = sum(state.evicted.values())
    return [(_("{n} left full tables early").format(n=f"{total:,}"), "warning")]


def _spread(spans: Sequence[Span], look: Look) -> Line:
    """As many as fit into a line, three cells apart; of the first one a part in any case."""
    spans = [(fit(spans[0][0], look.width, look).rstrip(), spans[0][1]), *spans[1:]] if spans else []
    line: Line = []
    used = 0
    for text, style in spans:
        size = cell_len(text) + (3 if line else 0)
        if used + size > look.width:
            break
        line += [("   ", ""), (text, style)] if line else [(text, style)]
        used += size
    return line


def _bits(rate: float) -> str:
    unit = "bit/s"
    for unit in ("bit/s", "kbit/s", "Mbit/s", "Gbit/s"):
        if rate < 1000 or unit == "Gbit/s":
            break
        rate /= 1000
    return f"{rate:,.0f} {unit}" if unit == "bit/s" else f"{rate:,.1f} {unit}"


# -- incidents and failures --------------------------------------------------------------------------------------------


def _title(text: str, rest: Span, look: Look) -> Line:
    room = look.width - cell_len(text) - 3
    return [(text, "strong"), ("   ", ""), (fit(rest[0], room, look).rstrip(), rest[1])] if room > 0 else [(text, "")]


def _incidents(board: Board, look: Look, rows: int) -> Iterator[Line]:
    _ = look.text
    shown = list(reversed(board.incidents.values()))
    more = len(shown) - rows
    yield _title(_("INCIDENTS"), (_("and {n} more").format(n=f"{more:,}") if more > 0 else "", "quiet"), look)
    if not shown:
        yield [("  " + _("none so far"), "quiet")]
        return
    now_ns = board.state.now_ns if board.state is not None else 0
    cells = []
    for incident in shown[:rows]:
        is_old = now_ns - from_rfc3339(incident.last) > QUIET_NS
        sessions, clients = incident.session_count, incident.clients
        cells.append(
            [
                (incident.cause, "quiet" if is_old else "failed"),
                (endpoint(incident.server), ""),
                (printable(incident.sni or ""), ""),
                (look.counted("{n} session", "{n} sessions", sessions).format(n=f"{sessions:,}"), ""),
                (look.counted("{n} client", "{n} clients", clients).format(n=f"{clients:,}"), ""),
                (_("since {time}").format(time=incident.first[11:19]), "quiet"),
            ]
        )
    kept = 6 if look.width >= WIDE else 5 if look.width >= MEDIUM else 4
    yield from _whole(table([row[:kept] for row in cells], look, indent=2, flexible=(2, 1, 0)), look)


def _whole(lines: list[Line], look: Look) -> Iterator[Line]:
    """Lines cut where even the narrowest columns are too wide."""
    for line in lines:
        kept: Line = []
        left = look.width
        for text, style in line:
            kept.append((fit(text, left, look) if cell_len(text) > left else text, style))
            left -= min(cell_len(text), left)
            if not left:
                break
        yield kept


def _failures(board: Board, looking: Looking, look: Look, room: int) -> Iterator[Line]:
    _, latest = look.text, board.latest()
    yield _title(_("LATEST FAILURES"), (_history(board, look), "failed"), look)
    if not latest:
        yield [("  " + _("none so far"), "quiet")]
        return
    rows = max(room // 2, 1)
    places = [session.id for session in latest]
    at = places.index(looking.chosen) if looking.chosen in board.failures else 0
    first = max(0, min(at - rows + 1, len(latest) - rows))
    for session in latest[first : first + rows]:
        yield from _failure(session, look, is_chosen=session.id == looking.chosen)


def _failure(session: model.Session, look: Look, *, is_chosen: bool) -> Iterator[Line]:
    """Who, and why."""
    _, finding = look.text, session.findings[0] if session.findings else None
    hello = session.tls.client_hello if session.tls is not None else None
    who = f"{endpoint(session.client)} {look.glyphs.arrow} {endpoint(session.server)}"
    if hello is not None and hello.sni:
        who += f"  {printable(hello.sni)}"
    mark = "> " if is_chosen else "  "
    yield [(mark, "strong"), (session.end[11:19], "quiet"), ("  ", ""), (fit(who, look.width - 12, look).rstrip(), "")]
    cause, blame = session.cause or "", session.blame or "unknown"
    title = printable(finding.title) if finding is not None else cause
    room = look.width - 12 - cell_len(cause) - 2
    acts = _("; to act: {who}").format(who=_(ACTS.get(blame, ACTS["unknown"])))
    if cell_len(title + acts) > room:
        acts = _("; to act: {who}").format(who=_(SIDES.get(blame, SIDES["unknown"])))
    why = fit(title, max(room - cell_len(acts), 0), look).rstrip() + acts if room > cell_len(acts) else ""
    yield [(" " * 12, ""), (fit(cause, look.width - 12, look).rstrip(), "failed"), ("  ", ""), (why, "")]


def _history(board: Board, look: Look) -> str:
    """Failures of the last minute, a bar for each second."""
    if look.glyphs.arrow == "->" or not any(board.history):
        return ""  # ASCII, or nothing to be drawn
    most = max(board.history)
    bars = "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] if count else " " for count in board.history)
    _ = look.text
    return _("{bars} at most {n}/s").format(bars=bars.lstrip(), n=f"{most:,}")


# -- pages -------------------------------------------------------------------------------------------------------------


def _page(lines: list[Line], looking: Looking, look: Look, height: int) -> list[Line]:
    """A part of something longer; ``looking.top`` is brought into its bounds."""
    room = height - 1
    looking.top = max(0, min(looking.top, len(lines) - room))
    shown = list(_whole(lines[looking.top : looking.top + room], look))
    return [*_exactly(shown, room), [(fit(_keys(looking, look), look.width, look), "quiet")]]


def _help(look: Look) -> Iterator[Line]:
    _ = look.text
    yield [("capanalyzer live", "strong")]
    yield []
    for key, text in (
        ("q, Ctrl-C", _("end: what is open is judged as it stands, then the report follows")),
        ("p, Space", _("stop the picture, not the run; once more: go on")),
        ("↑ ↓, k j" if look.unicode else "k j", _("choose one of the latest failures; scroll")),
        ("Enter", _("all that is known of it: course, reasons, what to do")),
        ("Esc", _("back")),
    ):
        yield [("  " + fit(key, 12, look), "strong"), (text, "")]
    yield []
    for paragraph in (
        _("An incident is one cause at one server, however many clients it hits. Quiet ones are drawn dim."),
        _("Lost packets were not captured. Sessions that were open then are incomplete, not failed."),
        _("The last line of the head counts what is kept in memory. Every table is bounded."),
    ):
        for line in wrap(paragraph, look.text_width - 2):
            yield [("  " + line, "")]
        yield []
