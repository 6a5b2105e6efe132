"""HTML for mail: no script, no style sheet, nothing that is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["Html"]


class Html:
    """The body of a document."""

    def text(self, text: str) -> str:
        return escape(text)

    def strong(self, text: str) -> str:
        return f"<strong>{escape(text)}</strong>"

    def code(self, text: str) -> str:
        return f"<code>{escape(text)}</code>"

    def heading(self, line: str) -> str:
        return f"<h3>{line}</h3>"

    def paragraph(self, line: str) -> str:
        return f"<p>{line}</p>"

    def bullets(self, lines: Sequence[str]) -> str:
        return "<ul>\n" + "\n".join(f"<li>{line}</li>" for line in lines) + "\n</ul>"

    def joined(self, blocks: Sequence[str]) -> str:
        body = "\n".join(blocks)
        return f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>\n<body>\n{body}\n</body></html>\n'
