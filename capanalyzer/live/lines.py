"""What a run tells as plain lines: a failure each, incidents when they begin, losses, and how it stood at the end.

A line is whole in itself, so that ``grep`` and a log serve. Of sessions that fail alike within a short time only the
first ones are shown, the others are counted: a flood must not bury what else fails.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import RecordBatch
from capanalyzer.i18n import plural, translator
from capanalyzer.live.listener import LiveVerdict, State, WorkingSessions
from capanalyzer.live.outlet import Outlet, Rank, text_of_gap
from capanalyzer.live.status import count_sessions, say_lost
from capanalyzer.report import model
from capanalyzer.report.escape import printable
from capanalyzer.report.words import ACTS, OUTCOMES, endpoint
from capanalyzer.streams.flow import Ended

__all__ = ["PlainLines", "line_of_gap"]

I64 = NDArray[np.int64]

WINDOW_NS: Final = 10 * 10**9
ALIKE: Final = 10
"""Lines of one cause at one server in so long a time."""
LINES: Final = 200
"""Lines of all in that time."""
MAX_KINDS: Final = 1_000
"""Causes and servers told apart in it."""
MAX_NAME: Final = 253
"""Characters of a server name that are shown: no name of the DNS has more (RFC 1035 section 2.3.4)."""
SHOWN: Final = 10
"""Kinds of lines that were left out, told by name."""

_Kind = tuple[str, str]


class PlainLines:
    """Tells a run in lines of text."""

    def __init__(self, outlet: Outlet, *, lang: str, verbose: bool = False) -> None:
        """:param verbose: tell every session, not only failures."""
        self._outlet, self._lang, self._verbose = outlet, lang, verbose
        self._window_ns = 0
        self._lines = 0
        self._told: dict[_Kind, int] = {}
        self._left_out: dict[_Kind, int] = {}
        self._others = 0
        """Lines left out of kinds that are not told apart."""
        self._dropped = 0

    def packets(self, batch: RecordBatch) -> None:
        """Of no interest."""

    def belong(self, streams: I64, frames: I64) -> None:
        """Of no interest."""

    def verdict(self, told: LiveVerdict) -> None:
        """A line for a failure, and for what was one."""
        if told.verdict.outcome == "failed" or told.changed or self._verbose:
            session = told.model
            if self._has_room((session.cause or session.outcome, endpoint(session.server))):
                goes_on = told.changed and not told.final and told.facts.quality.ended is Ended.CAPTURE_END
                text = _session_line(session, self._lang, changed=told.changed, goes_on=goes_on)
                is_failure = told.verdict.outcome == "failed"
                self._line(text, Rank.REVISION if told.changed else Rank.FAILURE if is_failure else Rank.ORDINARY)

    def working(self, told: WorkingSessions) -> None:
        """A line for each where all are to be shown."""
        if self._verbose:
            for each in told:
                self.verdict(each)

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        """A line when one begins, and when it turns out to be none."""
        _ = translator(self._lang)
        who = endpoint(incident.server) + (f" ({_short(incident.sni)})" if incident.sni else "")
        if new:
            if self._has_room(("incident", "")):
                text = _("{time} new incident at {server}: {sentence} [{cause}]")
                self._line(
                    text.format(
                        time=_second(incident.last), server=who, sentence=incident.sentence, cause=incident.cause
                    )
                )
        elif not incident.session_count and self._has_room(("incident", "")):
            text = _("{time} incident at {server} taken back: no session failed in this way after all [{cause}]")
            told = text.format(time=_second(incident.last), server=who, cause=incident.cause)
            self._line(told, Rank.REVISION)

    def tick(self, state: State) -> None:
        """Lines that were left out, and packets that were lost; it ends when nobody reads any more."""
        self._outlet.check()
        if not 0 <= state.now_ns - self._window_ns < WINDOW_NS:  # earlier: the clock was set back
            self._tell_left_out()
            self._window_ns, self._lines = state.now_ns, 0
            self._told.clear()
            self._tell_lost(state.drops.total)

    def reopen(self) -> None:
        """Go on in a new file."""
        self._outlet.reopen()

    def end(self, trailer: model.Trailer) -> None:
        """The last lines: all sessions counted, and what was not analysed."""
        self._tell_left_out()
        self._tell_lost(sum(capture.dropped_packets for capture in trailer.captures))
        self._line(count_sessions(trailer.summary.outcomes, self._lang), Rank.SUMMARY)
        for capture in trailer.captures:
            for warning in capture.warnings:
                self._line(warning, Rank.SUMMARY)

    def close(self) -> None:
        """Nothing is kept."""

    def _has_room(self, kind: _Kind) -> bool:
        """Whether this kind of line is to be shown now; counted where not."""
        shown = self._told.get(kind, 0)
        if shown < ALIKE and self._lines < LINES and (shown or len(self._told) < MAX_KINDS):
            self._told[kind] = shown + 1
            self._lines += 1
            return True
        if kind in self._left_out or len(self._left_out) < MAX_KINDS:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
        else:
            self._others += 1
        return False

    def _tell_lost(self, total: int) -> None:
        """Those that have not been told yet, of so many packets."""
        lost, self._dropped = total - self._dropped, total
        if lost > 0:
            self._line(say_lost(lost, self._lang))

    def _tell_left_out(self) -> None:
        counted = plural(self._lang)
        most = sorted(self._left_out.items(), key=lambda item: (-item[1], item[0]))
        for (cause, server), n in most[:SHOWN]:
            text = counted("... {n} more like this: {cause} {server}", "... {n} more like this: {cause} {server}", n)
            self._line(text.format(n=f"{n:,}", cause=cause, server=server).rstrip())
        rest = sum(n for _, n in most[SHOWN:]) + self._others
        if rest:
            self._line(counted("... {n} more line", "... {n} more lines", rest).format(n=f"{rest:,}"))
        self._left_out.clear()
        self._others = 0

    def _line(self, text: str, rank: Rank = Rank.FAILURE) -> None:
        self._outlet(_encoded(text), rank)


def line_of_gap(missing: int, lang: str) -> bytes:
    """What stands where so many lines are missing."""
    return _encoded(text_of_gap(missing, lang))


def _encoded(text: str) -> bytes:
    return printable(text).encode("utf-8", "backslashreplace") + b"\n"


def _session_line(session: model.Session, lang: str, *, changed: bool, goes_on: bool) -> str:
    """Time, ends, name, what happened, who acts, id.

    :param goes_on: it is open: that its end was not seen says nothing yet.
    """
    _ = translator(lang)
    name = session.tls.client_hello.sni if session.tls is not None and session.tls.client_hello is not None else None
    ends = f"{endpoint(session.client)} -> {endpoint(session.server)}" + (f" ({_short(name)})" if name else "")
    if session.outcome == "failed" and session.findings:
        found = session.findings[0]
        what = _("{outcome}: {title} [{cause}]; to act: {who}").format(
            outcome=_(OUTCOMES["failed"]),
            title=found.title,
            cause=found.cause,
            who=_(ACTS[session.blame or "unknown"]),
        )
    else:
        what = _(OUTCOMES[session.outcome]) + (f" [{session.cause}]" if session.cause else "")
    if goes_on and session.outcome == "incomplete":
        what = _("failure taken back: it goes on")
    elif changed:
        what = _("changed to {what}").format(what=what)
    return f"{_second(session.end)} {ends} {what}; id {session.id}"


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}…"


def _second(time: str) -> str:
    """An RFC 3339 time to the millisecond."""
    return f"{time[:23]}Z" if len(time) > 23 and time.endswith("Z") else time
