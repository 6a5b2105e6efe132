"""What a log line means, in the report's language."""

from __future__ import annotations

from typing import NamedTuple

from capanalyzer.i18n import translator
from capanalyzer.logs.line import LogLine
from capanalyzer.logs.meanings import MEANINGS

__all__ = ["LogTexts", "log_texts"]


class LogTexts(NamedTuple):
    title: str
    meaning: str
    misleads: str | None
    """Where the line's own words lead astray."""


def log_texts(line: LogLine, lang: str) -> LogTexts:
    """The texts of what was recognised in a line."""
    _, meaning = translator(lang), MEANINGS[line.meaning]
    return LogTexts(_(meaning.title), _(meaning.text), _(meaning.misleads) if meaning.misleads else None)
