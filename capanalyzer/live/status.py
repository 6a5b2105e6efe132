"""How a run stands: what text output ends with, what ``systemctl status`` shows meanwhile; what was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from capanalyzer.capture.records import RecordBatch
from capanalyzer.i18n import plural, translator
from capanalyzer.live.listener import LiveVerdict, State, WorkingSessions
from capanalyzer.report import model
from capanalyzer.report.escape import printable
from capanalyzer.report.words import OUTCOMES

__all__ = ["LossNotices", "StatusLine", "count_sessions", "say_lost"]

I64 = NDArray[np.int64]

TICKS: Final = 5
"""Seconds between two lines; who looks at it does so by hand."""
LOSS_TICKS: Final = 10
"""Seconds between two notices that packets were lost."""


def count_sessions(outcomes: Mapping[str, int], lang: str) -> str:
    """``7 sessions: established 5, failed 2``."""
    _, n = translator(lang), sum(outcomes.values())
    text = plural(lang)("{n} session", "{n} sessions", n).format(n=f"{n:,}")
    parts = [f"{_(OUTCOMES[outcome])} {count:,}" for outcome, count in outcomes.items() if count]
    return f"{text}: {', '.join(parts)}" if parts else text


def say_lost(lost: int, lang: str) -> str:
    """That so many packets were lost, and what that means."""
    counted = plural(lang)
    text = counted(
        "{n} packet was lost: no session that was open is called failed for what was not seen",
        "{n} packets were lost: no session that was open is called failed for what was not seen",
        lost,
    )
    return text.format(n=f"{lost:,}")


class LossNotices:
    """See :class:`capanalyzer.live.listener.Listener`: tells of lost packets, beside lines that are sessions only."""

    def __init__(self, tell: Callable[[str], None], lang: str) -> None:
        self._tell, self._lang = tell, lang
        self._lost = self._told = 0
        self._wait = 0
        """Ticks before the next notice."""

    def packets(self, batch: RecordBatch) -> None:
        """The engine counts them."""

    def belong(self, streams: I64, frames: I64) -> None:
        """Of no interest."""

    def verdict(self, told: LiveVerdict) -> None:
        """Of no interest."""

    def working(self, told: WorkingSessions) -> None:
        """Of no interest."""

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        """Of no interest."""

    def tick(self, state: State) -> None:
        """Tell at once, and what follows in a while."""
        self._lost = state.drops.total
        self._wait = max(self._wait - 1, 0)
        if not self._wait:
            self._tell_rest()

    def reopen(self) -> None:
        """No file is held open."""

    def close(self) -> None:
        """Tell what has not been told yet."""
        self._tell_rest()

    def _tell_rest(self) -> None:
        lost, self._told = self._lost - self._told, self._lost
        if lost > 0:
            self._wait = LOSS_TICKS
            self._tell(say_lost(lost, self._lang))


class StatusLine:
    """See :class:`capanalyzer.live.listener.Listener`: tells a line every five seconds if it is another one."""

    def __init__(self, tell: Callable[[str], None], source: str, lang: str) -> None:
        """:param source: what is watched."""
        self._tell, self._source, self._lang = tell, source, lang
        self._ticks = 0
        self._told = ""

    def packets(self, batch: RecordBatch) -> None:
        """The engine counts them."""

    def belong(self, streams: I64, frames: I64) -> None:
        """Of no interest."""

    def verdict(self, told: LiveVerdict) -> None:
        """The engine counts them."""

    def working(self, told: WorkingSessions) -> None:
        """Likewise."""

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        """Of no interest."""

    def tick(self, state: State) -> None:
        """Sessions by outcome, and packets that were lost."""
        if self._ticks % TICKS == 0:
            text = f"{self._source}: {count_sessions(state.outcomes, self._lang)}"
            if lost := state.drops.total:
                counted = plural(self._lang)
                text += f"; {counted('{n} packet lost', '{n} packets lost', lost).format(n=f'{lost:,}')}"
            if text != self._told:
                self._told = text
                self._tell(printable(text))
        self._ticks += 1

    def reopen(self) -> None:
        """No file is held open."""

    def close(self) -> None:
        """Nothing is kept."""
