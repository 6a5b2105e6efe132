"""Jira's wiki markup, as the REST API version 2 takes it (Cloud turns it into its own document format)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from capanalyzer.ticket.markup.defuse import JOINER, defuse

__all__ = ["JiraWiki"]

_SPECIAL: Final = re.compile(r"&#92;|[*_?+^~{}\[\]|!@#()<&]|:(?=[DPp]\b)|(?<!\w)-|-(?!\w)")
_BACKSLASH: Final = "&#92;"


class JiraWiki:
    """A backslash takes the meaning from what follows it; a backslash itself has to be an entity, for two
    are a line break.
    """

    def text(self, text: str) -> str:
        # An entity that the text brings along is broken; the one made here stays whole.
        safe = defuse(text).replace("&", f"&{JOINER}").replace("\\", _BACKSLASH)
        return _SPECIAL.sub(lambda found: found[0] if found[0] == _BACKSLASH else f"\\{found[0]}", safe)

    def strong(self, text: str) -> str:
        return f"*{self.text(text.strip())}*"

    def code(self, text: str) -> str:
        return "{{" + self.text(text) + "}}"

    def heading(self, line: str) -> str:
        return f"h3. {line}"

    def paragraph(self, line: str) -> str:
        return line

    def bullets(self, lines: Sequence[str]) -> str:
        return "\n".join(f"* {line}" for line in lines)

    def joined(self, blocks: Sequence[str]) -> str:
        return "\n\n".join(blocks)
