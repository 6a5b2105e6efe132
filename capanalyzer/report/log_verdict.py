"""What a log line may add to a verdict: the reason of the end that decided, in its own words.

Packets come first. A line counts only where it is certainly of this session, where the program that wrote it decided
by itself (not where it echoes an alert or a close, which the packets show as well), and where it names one cause of
those that the packets leave open. Then the other alternatives fall away; where it names the verdict's own cause, that
is one step surer.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from capanalyzer.report import model

__all__ = ["with_log"]

_SURER: Final = {"possible": "likely", "likely": "certain", "certain": "certain"}


def with_log(session: model.Session, lines: tuple[model.LogLine, ...]) -> model.Session:
    """The session with its lines, and with what they add to its first finding."""
    if not session.findings or session.outcome not in ("failed", "incomplete"):
        return replace(session, log_lines=lines)
    finding, *others = session.findings
    open_causes = {finding.cause, *finding.alternatives}
    named = {cause for line in lines if (cause := _named(line, open_causes)) is not None}
    if len(named) != 1:
        return replace(session, log_lines=lines)
    (cause,) = named
    if cause == finding.cause:
        finding = replace(finding, confidence=_SURER[finding.confidence])
    else:
        finding = replace(finding, alternatives=(cause,))
    return replace(session, log_lines=lines, findings=(finding, *others), named_by_log=cause)


def _named(line: model.LogLine, open_causes: set[str]) -> str | None:
    """The one cause that a line decides for; None where it decides nothing."""
    if line.confidence != "certain" or line.said != "local" or line.agreement == "contradicts":
        return None
    fitting = [cause for cause in line.causes if cause in open_causes]
    return fitting[0] if len(fitting) == 1 and fitting[0] == line.causes[0] else None
