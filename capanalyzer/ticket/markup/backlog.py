"""Backlog's own notation, for projects that do not write Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from capanalyzer.ticket.markup.defuse import JOINER, defuse

__all__ = ["BacklogNotation"]

_OPENERS: Final = re.compile(r"''|%%|\[\[|\]\]|\{(?=/?[a-z])|&(?=[a-z]+[;(])|#(?=[a-z]+)")
"""Quotes and signs that come in pairs, ``{code}`` and ``{quote}``, ``&br;`` and ``&color()``, ``#image()``."""


class BacklogNotation:
    """Constructs are broken up by a character of no width: a backslash would stay visible where it is not needed."""

    def text(self, text: str) -> str:
        return _OPENERS.sub(lambda found: JOINER.join((*found[0], "")), defuse(text))

    def strong(self, text: str) -> str:
        return f"''{self.text(text.strip())}''"

    def code(self, text: str) -> str:
        return self.text(text)  # there is code in blocks only

    def heading(self, line: str) -> str:
        return f"*** {line}"

    def paragraph(self, line: str) -> str:
        return f"{JOINER}{line}"  # a line's first character may open a heading, a list, a quotation or a table

    def bullets(self, lines: Sequence[str]) -> str:
        return "\n".join(f"- {JOINER}{line}" for line in lines)

    def joined(self, blocks: Sequence[str]) -> str:
        return "\n\n".join(blocks)
