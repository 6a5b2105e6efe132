"""What a report says of a log itself: how much of it was read and understood, its clock, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from capanalyzer.i18n import plural, told, translator
from capanalyzer.remark import Remark
from capanalyzer.report import model
from capanalyzer.report.escape import encodable

if TYPE_CHECKING:
    from capanalyzer.logs.kept import KeptLog

__all__ = ["log_facts", "log_warnings"]


def log_facts(log: model.Log, lang: str) -> list[str]:
    """Of one log: how much was read, understood and joined, and how its clock goes."""
    _, counted = translator(lang), plural(lang)
    facts = [counted("{n} line", "{n} lines", log.lines).format(n=f"{log.lines:,}")]
    if log.recognised:
        about = counted("{n} about TLS", "{n} about TLS", log.recognised).format(n=f"{log.recognised:,}")
        facts.append(_("{text} ({detail})").format(text=about, detail=", ".join(log.formats)))
        facts.append(counted("{n} joined", "{n} joined", log.joined).format(n=f"{log.joined:,}"))
    # Lines of several programs in one log may have clocks of their own.
    several = len({clock.format for clock in log.clocks}) > 1
    facts += dict.fromkeys(
        _("{format}: {text}").format(format=clock.format, text=clock.text) if several else clock.text
        for clock in log.clocks
    )
    return facts


def log_warnings(log: KeptLog, lang: str) -> Iterator[str]:
    """A sentence each."""
    _, counted = translator(lang), plural(lang)
    if log.problem is not None:
        yield encodable(told(Remark("{problem}.", problem=log.problem), lang))
    if n := log.cut_lines:
        yield counted(
            "{n} line is longer than 64 KiB; only its beginning was read.",
            "{n} lines are longer than 64 KiB; only their beginning was read.",
            n,
        ).format(n=f"{n:,}")
    if not log.lines and log.problem is None:
        yield _("The log is empty.")
    elif not log.recognised:
        yield _("No line of it is about TLS in a form that is known here.")
