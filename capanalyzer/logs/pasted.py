"""A line as somebody pastes it: quoted, or with a few words of a message before and behind it.

Only for text that somebody asks about. In a log a line begins where it begins: what stands further back was perhaps
written by whoever connected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from capanalyzer.logs.found import Found
from capanalyzer.logs.line import Peer
from capanalyzer.logs.recognise import ANYWHERE, possible, understand

__all__ = ["unwrapped"]

_REACH: Final = 160
"""Characters in which the line is looked for."""
_START: Final = re.compile(r"\s+|[:\u3001\u3002\uff1a]|[\"'`\u2018\u201c\u300c\u300e(<>*-]\s*")
"""Behind a space, a colon or an opening quotation mark a line may begin."""
_MAX_STARTS: Final = 32
_JAPANESE: Final = r"(?:[\u3001\u3002\u3040-\u30ff\u4e00-\u9fff\uff00-\uffef][^\x21-\x7e]*)?$"
_BEHIND: Final = (
    re.compile(r"[\"'`\u2019\u201d\u300d\u300f*]*\s*" + _JAPANESE),
    re.compile(r"[\"'`\u2019\u201d\u300d\u300f>)*.,;]*\s*" + _JAPANESE),
)
"""Closing quotation marks, without and with what may be the line's own, and a rest in Japanese."""
_SAYS_LITTLE: Final = frozenset(
    (
        "alert-other",
        "f5-connection-error",
        "handshake-failed",
        "handshake-ok",
        "passed-on",
        "reason-in-words",
        "sent-other",
        "verify-failed",
    )
)
"""Meanings that are left where the words behind them were not understood."""


def unwrapped(text: str) -> str:
    """The part of ``text`` that is understood best; all of it where no part is understood better."""
    formats = possible(text)
    if not formats:
        return text
    best, worth = text, _worth(understand(text, formats=formats))
    for part in _parts(text):
        found = understand(part, formats=formats)
        if found is not None and _worth(found) > worth:
            best, worth = part, _worth(found)
    return best


def _parts(text: str) -> Iterator[str]:
    starts = [0, *(match.end() for match in _START.finditer(text, 0, _REACH))]
    ends = [len(text), *(match.start() for pattern in _BEHIND if (match := pattern.search(text)) is not None)]
    for start in dict.fromkeys(starts[:_MAX_STARTS]):
        for end in dict.fromkeys(ends):
            if start < end:
                yield text[start:end]


def _worth(found: Found | None) -> tuple[bool, int, bool]:
    """By format, and by how much of a line was understood."""
    if found is None:
        return False, -1, False
    line = found.line
    facts = (line.client != Peer(), line.server != Peer(), line.time_ns, line.role, line.alert, line.sni)
    return (
        line.format not in ANYWHERE,
        sum(fact not in (None, False) for fact in facts),
        line.meaning not in _SAYS_LITTLE,
    )
