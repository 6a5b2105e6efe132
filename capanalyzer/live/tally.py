"""Counts of a run: sessions by their latest verdict, and what was met and not analysed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from capanalyzer import analysis
from capanalyzer.diagnosis.verdict import Blame, Outcome, Stage, Verdict
from capanalyzer.remark import Remark
from capanalyzer.report import model
from capanalyzer.report.build import capture_model
from capanalyzer.report.escape import encodable

if TYPE_CHECKING:
    from capanalyzer.capture.records import CaptureInfo
    from capanalyzer.report.filter import Filter

__all__ = ["Tally", "What"]

_EVICTED: Final[dict[str, Callable[[int], Remark]]] = {
    "attempts": lambda n: Remark.counted(
        "{n} connection attempt was not judged: too many connections were begun that carried no data",
        "{n} connection attempts were not judged: too many connections were begun that carried no data",
        n,
    ),
    "flows": lambda n: Remark.counted(
        "{n} connection was handed on early: too many were open at a time",
        "{n} connections were handed on early: too many were open at a time",
        n,
    ),
    "connections": lambda n: Remark.counted(
        "{n} connection was handed on in the middle of its handshake: too many were in theirs",
        "{n} connections were handed on in the middle of their handshake: too many were in theirs",
        n,
    ),
    "held": lambda n: Remark.counted(
        "{n} session was compared with others earlier than usual: too many failed",
        "{n} sessions were compared with others earlier than usual: too many failed",
        n,
    ),
    "incidents": lambda n: Remark.counted(
        "{n} incident was closed early: too many were open at a time",
        "{n} incidents were closed early: too many were open at a time",
        n,
    ),
    "unlisted": lambda n: Remark.counted(
        "{n} failed session is counted by its incident and not listed: too many failed alike",
        "{n} failed sessions are counted by their incidents and not listed: too many failed alike",
        n,
    ),
}


class What(NamedTuple):
    """What makes a verdict another one."""

    outcome: Outcome
    stage: Stage | None
    cause: str | None
    blame: Blame | None
    is_beyond: bool
    """The cause lies on the other side of a BIG-IP."""


class Tally:
    """Sessions by their latest verdict. Verdicts are numbered from 1, equal ones alike."""

    def __init__(self) -> None:
        self._numbers: dict[What, int] = {}
        self._whats: list[What] = []
        self.outcomes = dict.fromkeys((outcome.value for outcome in Outcome), 0)
        self.causes: dict[str, int] = {}
        """Of failed and incomplete sessions."""
        self.failures: dict[str, int] = {}
        """Of failed ones."""
        self.left_out = 0
        """Sessions that a filter left out."""

    def number(self, verdict: Verdict) -> int:
        """The number of a verdict; there are no more of them than outcomes, steps and causes make."""
        what = What(verdict.outcome, verdict.stage, verdict.cause, verdict.blame, verdict.cause_is_beyond)
        number = self._numbers.get(what)
        if number is None:
            self._whats.append(what)
            number = self._numbers[what] = len(self._whats)
        return number

    def what(self, number: int) -> What | None:
        """The verdict that has this number; 0: none."""
        return self._whats[number - 1] if number else None

    def replace(self, before: int, after: int) -> None:
        """Count a session's verdict in the place of an earlier one (0: none)."""
        if before:
            self._count(self._whats[before - 1], -1)
        self._count(self._whats[after - 1], 1)

    def add(self, verdicts: Sequence[Verdict]) -> None:
        """Count the first verdicts of sessions; many are the same object."""
        ones = {id(verdict): verdict for verdict in verdicts}
        for key, count in Counter(map(id, verdicts)).items():
            self._count(self._whats[self.number(ones[key]) - 1], count)

    def _count(self, what: What, by: int) -> None:
        self.outcomes[what.outcome.value] += by
        if what.cause is not None:
            for counts in (self.causes, self.failures) if what.outcome is Outcome.FAILED else (self.causes,):
                counts[what.cause] = counts.get(what.cause, 0) + by
                if not counts[what.cause]:
                    del counts[what.cause]

    def warnings(
        self, *, packets: Mapping[str, int], streams: Mapping[str, int], evicted: Mapping[str, int]
    ) -> list[Remark]:
        """What was met and not analysed, one plain sentence each."""
        of_files = {"f5": evicted["f5"]} if evicted.get("f5") else {}
        told = analysis.Tally(dict(packets), dict(streams), of_files).warnings()
        return told + [sentence(evicted[key]) for key, sentence in _EVICTED.items() if evicted.get(key)]

    def trailer(
        self, info: CaptureInfo, incidents: tuple[model.Incident, ...], chosen: Filter | None, lang: str
    ) -> model.Trailer:
        """The end of a report, with its texts in ``lang``."""
        return model.Trailer(
            model.SCHEMA_VERSION,
            model.TOOL,
            (capture_model(info, lang),),
            (),
            incidents,
            model.Summary(
                sum(self.outcomes.values()),
                dict(self.outcomes),
                dict(sorted(self.causes.items(), key=lambda item: (-item[1], item[0]))),
                (),
                None if chosen is None else model.AppliedFilter(encodable(chosen.text), self.left_out),
            ),
        )
