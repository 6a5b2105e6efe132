"""Textile as Redmine reads it (RedCloth 3 with Redmine's links and macros)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from capanalyzer.ticket.markup.defuse import JOINER, defuse, unmentioned

__all__ = ["Textile"]

_SPECIAL: Final = re.compile(
    r"""
      [&<>^~@%"'|{}\[\]()=\#\\/`]     # open a phrase, a link, a macro, a table, or are typographically replaced
    | [*_+!?-] (?:(?<!\w.)|(?!\w))    # phrases open and close at the edge of a word only
    | (?<!\d):(?=\S)                  # prefix:name is a reference
    | \.(?=\.)
    | \b[rR](?=\d)                    # a revision
    """,
    re.VERBOSE,
)
"""Textile has no escape character; as a numbered entity a character is shown and not read."""
_TAG: Final = re.compile(r"<(?=[/!\w])")


class Textile:
    """In words special characters become entities, so that neither Textile nor Redmine's own notation sees them."""

    def text(self, text: str) -> str:
        return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", defuse(text))

    def strong(self, text: str) -> str:
        return f"*{self.text(text.strip())}*"

    def code(self, text: str) -> str:
        # Inside <code> nothing is read but the tag that ends it, and entities would be shown as they stand.
        return f"<code>{_TAG.sub(f'<{JOINER}', unmentioned(text))}</code>"

    def heading(self, line: str) -> str:
        return f"h3. {line}"

    def paragraph(self, line: str) -> str:
        return line

    def bullets(self, lines: Sequence[str]) -> str:
        return "\n".join(f"* {line}" for line in lines)

    def joined(self, blocks: Sequence[str]) -> str:
        return "\n\n".join(blocks)
