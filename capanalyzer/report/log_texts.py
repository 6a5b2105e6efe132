"""What a log line means, in the report's language."""

from __future__ import annotations

from capanalyzer.logs.line import LogLine

__all__ = ["log_texts"]


def log_texts(line: LogLine, lang: str) -> tuple[str, str | None]:
    """(what it means, where its words mislead or None)."""
    del lang
    return line.meaning, None
