"""What a run tells of sessions, to whom: verdicts that are new, or in another one's place, and the incidents they make.

A verdict is told once. What was told of a session is a number that whoever judges it keeps beside it: that of the
verdict (:class:`~capanalyzer.live.tally.Tally`), negative where a filter left the session out, 0 where nothing was.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from capanalyzer.diagnosis.bulk import JudgedRun
from capanalyzer.diagnosis.verdict import Outcome, Verdict
from capanalyzer.handshake.session import Session
from capanalyzer.live.identity import live_id
from capanalyzer.live.incidents import LiveIncidents
from capanalyzer.live.listener import Listener, LiveVerdict, WorkingSessions
from capanalyzer.live.tally import Tally
from capanalyzer.report.build import session_model

if TYPE_CHECKING:
    from capanalyzer.report.filter import Filter

__all__ = ["Telling"]


class Telling:
    """Tells listeners, and counts."""

    def __init__(self, listeners: Sequence[Listener], chosen: Filter | None, lang: str) -> None:
        """:param chosen: only these sessions are told and counted.
        :param lang: language of the texts.
        """
        self._listeners, self._chosen, self._lang = listeners, chosen, lang
        self.incidents = LiveIncidents(lang)
        self.tally = Tally()

    def verdict(self, session: Session, verdict: Verdict, told: int, now_ns: int, *, final: bool) -> int:
        """Tell a verdict if it is another one than was told before; what is told now."""
        number = self.tally.number(verdict)
        if number == abs(told):
            return told
        news = self._news(session, verdict, told, final=final)
        before = news.before
        if told <= 0 and not self._is_chosen(news):
            if not told:
                self.tally.left_out += 1
            return -number
        if told < 0:
            self.tally.left_out -= 1
        self.tally.replace(max(0, told), number)
        if before is not None and before.outcome is Outcome.FAILED:
            self.incidents.remove(live_id(session.transport, session.stream))
        for listener in self._listeners:
            listener.verdict(news)
        if verdict.outcome is Outcome.FAILED:
            incident = self.incidents.add(news.model, now_ns)
            if incident is not None:
                for listener in self._listeners:
                    listener.incident(incident, new=True)
        return number

    def working(self, judged: JudgedRun, now_ns: int) -> None:
        """Tell of sessions that simply work, of which nothing was told before."""
        is_chosen = True if self._chosen is None else self._chosen.by_outcome(Outcome.ESTABLISHED.value)
        if is_chosen is None:
            for session, verdict in judged:
                self.verdict(session, verdict, 0, now_ns, final=True)
        elif is_chosen:
            self.tally.add(judged.verdicts)
            told = WorkingSessions(judged, partial(self._news, told=0, final=True))
            for listener in self._listeners:
                listener.working(told)
        else:
            self.tally.left_out += len(judged.run)

    def _news(self, session: Session, verdict: Verdict, told: int, *, final: bool) -> LiveVerdict:
        return LiveVerdict(
            session,
            verdict,
            partial(session_model, live_id(session.transport, session.stream), lang=self._lang),
            changed=told > 0,
            final=final,
            before=self.tally.what(max(0, told)),
        )

    def _is_chosen(self, news: LiveVerdict) -> bool:
        if self._chosen is None:
            return True
        known = self._chosen.by_outcome(news.verdict.outcome.value)
        return self._chosen.chooses(news.model) if known is None else known
