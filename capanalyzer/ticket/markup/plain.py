"""Text without markup: mails, and ServiceNow's journals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from capanalyzer.ticket.markup.defuse import JOINER

__all__ = ["Journal", "Plain"]

_CODE_TAG: Final = re.compile(r"\[(?=/?code\])", re.IGNORECASE)
_MENTION: Final = re.compile(r"@(?=[\[\w])")


class Plain:
    """What a reader of mail sees as it stands."""

    def text(self, text: str) -> str:
        return text

    def strong(self, text: str) -> str:
        return text

    def code(self, text: str) -> str:
        return text

    def heading(self, line: str) -> str:
        return line

    def paragraph(self, line: str) -> str:
        return line

    def bullets(self, lines: Sequence[str]) -> str:
        return "\n".join(f"- {line}" for line in lines)

    def joined(self, blocks: Sequence[str]) -> str:
        return "\n\n".join(blocks)


class Journal(Plain):
    """Work notes and comments of ServiceNow: plain, but for ``[code]``, between which HTML is obeyed, and mentions."""

    def text(self, text: str) -> str:
        return _MENTION.sub("@" + JOINER, _CODE_TAG.sub("[" + JOINER, text))

    def strong(self, text: str) -> str:
        return self.text(text)

    def code(self, text: str) -> str:
        return self.text(text)
