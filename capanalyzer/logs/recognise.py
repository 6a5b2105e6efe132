"""Whose line it is and what it says, by its content alone: any text may be asked about."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from capanalyzer.logs.body import Body, bodies
from capanalyzer.logs.formats import FORMATS
from capanalyzer.logs.found import MAX_TEXT, Format, Found, Part
from capanalyzer.logs.line import LogLine, Peer
from capanalyzer.logs.mention import is_mention

__all__ = ["ANYWHERE", "possible", "recognise", "understand"]

ANYWHERE: Final = frozenset(
    ("browser", "curl", "dotnet", "gnutls", "go", "java", "node", "openssl", "python", "ruby", "rustls")
)
"""Formats without a form of their own: their words are recognised in any line."""
_MAX_CHARACTERS: Final = 64 << 10
"""Of a text that are looked at; patterns are linear, and this bounds the rest."""


def recognise(text: str, *, source: str = "", number: int = 1) -> LogLine | None:
    """One line, understood by itself; None where it says nothing of a TLS session that is known here.

    Lines that belong together (:mod:`capanalyzer.logs.entries`) say more than each alone.

    :param source: the log's path, and
    :param number: the line's number in it; they are only noted.
    """
    result = understand(text, source=source, number=number)
    if result is None or (result.tie is not None and result.tie.part in (Part.CONTEXT, Part.LEAD)):
        return None
    return result.line


def understand(text: str, *, source: str = "", number: int = 1, formats: tuple[Format, ...] = FORMATS) -> Found | None:
    """The same, with what ties the line to others of its entry.

    :param formats: those that are tried; :func:`possible` gives them for many lines at once.
    """
    text = text[:_MAX_CHARACTERS]
    candidates = possible(text, formats)
    if not candidates:
        return None
    readings = bodies(text)
    for one in candidates:
        for body in reversed(readings):
            if (result := one.read(body)) is not None and not _is_mention(one, body, result.line):
                line = replace(result.line, text=text.strip()[:MAX_TEXT], source=source, number=number)
                return Found(line, result.tie)
    return None


def _is_mention(one: Format, body: Body, line: LogLine) -> bool:
    """Only words that stand in any text, and with no end that they are said of."""
    is_bare = line.client == line.server == Peer() and line.sni is None
    return one.name in ANYWHERE and is_bare and body.json is None and is_mention(body.text, line.reason)


def possible(text: str, formats: tuple[Format, ...] = FORMATS) -> tuple[Format, ...]:
    """Formats of which lines can be in ``text``: a look for a few words each, whatever its length."""
    lowered = text.lower()
    return tuple(one for one in formats if any(needle in lowered for needle in one.needles))
