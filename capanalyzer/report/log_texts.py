"""What a log line means, in the report's language."""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.diagnosis.f5.reasons import Reason, find_reason
from capanalyzer.i18n import translator
from capanalyzer.logs.line import LogLine
from capanalyzer.logs.meanings import MEANINGS

__all__ = ["LogTexts", "log_texts", "reset_reason"]

_OPEN_RESETS: Final = frozenset(("f5-no-member", "f5-reset", "f5-reset-by-peer", "f5-reset-timeout"))
"""Meanings that stand for several of a BIG-IP's reasons for a RST."""


class LogTexts(NamedTuple):
    title: str
    meaning: str
    misleads: str | None
    """Where the line's own words lead astray."""


def log_texts(line: LogLine, lang: str, side: str | None = None) -> LogTexts:
    """The texts of what was recognised in a line.

    :param side: ``client`` or ``server``: on which side of a BIG-IP the connection between the line's addresses is,
        where the capture tells that.
    """
    _, meaning = translator(lang), MEANINGS[line.meaning]
    text = _(meaning.text if side is None else meaning.of_side.get(side, meaning.text))
    if (reason := reset_reason(line)) is not None:
        text = _("{text} {more}").format(text=text, more=_(reason.meaning))
    return LogTexts(_(meaning.title), text, _(meaning.misleads) if meaning.misleads else None)


def reset_reason(line: LogLine) -> Reason | None:
    """The reason for a RST that a BIG-IP gives in a line, where that says more than the line's meaning."""
    return find_reason(line.reason) if line.reason and line.meaning in _OPEN_RESETS else None
