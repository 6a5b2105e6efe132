"""Words of an error that a line quotes as a text of something else: a search, a title, an address."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_mention"]

_INTRODUCED: Final = re.compile(
    r"(?:[=:(,\[{]|\b(?:err|errors?|reasons?|message|msg|cause|exception|fail\w{0,5}|desc|said|says|with|by|because|"
    r"alert|got|received))\s{0,4}$",
    re.IGNORECASE,
)
"""What stands before the quotation of an error that happened."""
_TOPIC: Final = re.compile(
    r"\b(?:title|subject|query|q|search\w{0,10}|page|topic|question|comment|path|url|uri|request|referer|referrer|"
    r"user_?agent)\"?\s{0,4}[=:]\s{0,4}$",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"(?:curl:|cURL error) ?$")
"""The program's name before its words."""
_WINDOW: Final = 48
"""Characters before a quotation that say what it is."""


def is_mention(text: str, words: str) -> bool:
    """``words`` stand in ``text`` within a quotation that nothing introduces as an error, or in an address."""
    at = text.find(words) if words else -1
    if at <= 0 or text.lstrip().startswith("{"):
        return False
    before = _NAME.sub("", text[:at]).replace('\\"', "  ")  # quotations within the one that matters
    if before.endswith(("/", "?", "&", "%20", "+")) or (before.endswith("=") and "?" in before.rpartition(" ")[2]):
        return True
    opened = _opened(before)
    if opened is None:
        return False
    lead = before[max(0, opened - _WINDOW) : opened]
    if _TOPIC.search(lead) is not None:
        return True
    inside = before[max(opened + 1, at - _WINDOW) :]
    return bool(lead.strip()) and not (_INTRODUCED.search(lead) or _INTRODUCED.search(inside))


def _opened(before: str) -> int | None:
    """Where a quotation begins that is still open at the end."""
    if before.count('"') % 2:
        return before.rfind('"')
    if before.count("\u201c") > before.count("\u201d"):
        return before.rfind("\u201c")
    return len(before) - 1 if before.endswith(("'", "\u2018", "`")) else None
