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


def log_texts(line: LogLine, lang: str, side: str | None = None) -> LogTexts:
    """The texts of what was recognised in a line.

    :param side: ``client`` or ``server``: on which side of a BIG-IP the connection between the line's addresses is,
        where the capture tells that.
    """
    _, meaning = translator(lang), MEANINGS[line.meaning]
    text = meaning.text if side is None else meaning.of_side.get(side, meaning.text)
    return LogTexts(_(meaning.title), _(text), _(meaning.misleads) if meaning.misleads else None)
