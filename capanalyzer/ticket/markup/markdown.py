"""Markdown: CommonMark 0.31 as GitHub, GitLab, Backlog and Redmine extend it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from capanalyzer.ticket.markup.defuse import JOINER, defuse, unmentioned

__all__ = ["Markdown", "fenced"]

_PUNCTUATION: Final = re.compile(r"([\\`*_{}\[\]()#+!|~>=^$]|(?<!\w)-|-(?!\w))")
"""What a backslash takes the meaning from (section 2.4), beside ``<`` and ``&``, which become entities, and
punctuation that has no meaning."""

_NUMBER: Final = re.compile(r"^( ?\d+)\.")
_HASH: Final = re.compile(r"\b[0-9a-f]{7}(?=[0-9a-f]{0,33}\b)")
"""Of a commit, abbreviated or whole (SHA-1): GitHub and GitLab link it."""
_SPACES: Final = re.compile(r" {2,}")


class Markdown:
    """Words are escaped and defused; code stands in a code span, where no extension looks for references."""

    def text(self, text: str) -> str:
        safe = _HASH.sub(lambda found: found[0] + JOINER, defuse(text)).replace("&", "&amp;").replace("<", "&lt;")
        # A number with a full stop opens a list, four spaces open a code block, where a line begins with them.
        return _NUMBER.sub(r"\1\\.", _PUNCTUATION.sub(r"\\\1", _SPACES.sub(" ", safe)))

    def strong(self, text: str) -> str:
        return f"**{self.text(text.strip())}**"

    def code(self, text: str) -> str:
        # Section 6.1: delimited by a run of backticks that is as long as none inside; a space on both sides is taken
        # away again, and keeps backticks at the edges apart from the delimiters.
        text = unmentioned(text) or " "
        fence = "`" * (_longest_run(text, "`") + 1)
        edge = " " if not text.strip() or text[0] in "` " or text[-1] in "` " else ""
        return f"{fence}{edge}{text}{edge}{fence}"

    def heading(self, line: str) -> str:
        return f"### {line}"

    def paragraph(self, line: str) -> str:
        return line

    def bullets(self, lines: Sequence[str]) -> str:
        return "\n".join(f"- {line}" for line in lines)

    def joined(self, blocks: Sequence[str]) -> str:
        return "\n\n".join(blocks)


def fenced(text: str) -> str:
    """A whole file as a code block (section 4.5): its fence is longer than any in the text."""
    fence = "`" * max(3, _longest_run(text, "`") + 1)
    return f"{fence}\n{text}{'' if text.endswith(chr(10)) else chr(10)}{fence}"


def _longest_run(text: str, character: str) -> int:
    return max((len(run) for run in re.findall(f"{re.escape(character)}+", text)), default=0)
