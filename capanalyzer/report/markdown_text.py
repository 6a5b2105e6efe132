"""Text made safe for Markdown: CommonMark with the tables of GitHub, GitLab and Redmine.

Escaping alone does not do: mentions (``@name``), references (``#12``, ``!12``, commit hashes) and links are found in
the finished text, whatever was escaped in its source. In code spans none of these programs looks for anything. So
what is not plainly a word or a number is shown as code.
"""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.report.escape import printable

__all__ = ["code", "code_block", "prose"]

_RUN: Final = re.compile(r"[!-~]+|[^!-~]+")
_PARTS: Final = re.compile(r"([(\"']*)(.*?)([)\"'.,:;!?]*)")
_WORD: Final = re.compile(r"[A-Za-z0-9]+(?:[,'/+-][A-Za-z0-9]+)*%?|[0-9]+(?:[./][0-9]+)*%?|[0-9]{2}(?::[0-9]{2})+")
_NAME: Final = re.compile(
    # A distinguished name, which may have spaces where another attribute follows: CN=Example CA,O=Example
    r"([A-Za-z]+=(?:[^,=`]*,(?=[A-Za-z]+=)[A-Za-z]+=)*[!-+\--_a-~]*)"
)
_REFERENCE: Final = re.compile(r"r[0-9]+|[A-Z]+-[0-9]+|[0-9a-f]{7,}")
"""Words that become links: revisions, issues of other trackers, commits."""
_PUNCTUATION: Final = re.compile(r"([#$&*<>@\[-`{-~])")
"""What means something also by itself; ``=`` ``+`` ``-`` only where a line begins."""
_LEADING: Final = frozenset("=+-:")
_MARKER: Final = re.compile(r"([0-9]{1,9})([.)])(?=\s|$)")
"""What would begin an ordered list."""


def code(text: str, *, in_table: bool = False) -> str:
    """A code span. A backtick shows as its escape, and so does ``|`` in a table, of which it would end a cell."""
    text = printable(text).replace("`", "\\x60")
    if in_table:
        text = text.replace("|", "\\x7c")
    if not text.strip() or (text[0] == text[-1] == " "):
        text = f'"{text}"'  # renderers strip spaces
    return f"`{text}`"


def code_block(text: str, language: str = "", indent: str = "") -> list[str]:
    """The lines of a fenced block, its text exact but for what is not printable."""
    text = printable(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{indent}{line}" for line in (fence + language, text, fence)]


def prose(text: str, *, in_table: bool = False) -> str:
    """A sentence of the report, which may quote anything; what stands between backticks is code."""
    parts = (printable(text).strip() or '""').split("`")
    open_end = len(parts) % 2 == 0
    pieces: list[str] = []
    for index, part in enumerate(parts):
        if index % 2 and not (open_end and index == len(parts) - 1):
            _append(pieces, code(part, in_table=in_table))
        else:
            if index % 2:
                _append(pieces, "\\`")
            for number, words in enumerate(_NAME.split(part)):
                for run in [words] if number % 2 else _RUN.findall(words):
                    for piece in _shown(run, in_table):
                        _append(pieces, piece)
    line = "".join(pieces)
    if _MARKER.match(line):
        return _MARKER.sub(r"\1\\\2", line, count=1)
    return "\\" + line if line[:1] in _LEADING else line


def _append(pieces: list[str], piece: str) -> None:
    """Two code spans side by side would become one."""
    if pieces and pieces[-1].endswith("`") and piece.startswith("`"):
        pieces.append(" ")
    pieces.append(piece)


def _shown(run: str, in_table: bool) -> list[str]:
    """A run of ASCII without spaces, or of anything else, which means nothing in Markdown."""
    match = _PARTS.fullmatch(run)
    if match is None or run.isspace() or not run.isascii():
        return [run]
    before, word, behind = match.groups()
    if word and any(map(str.isalnum, word)) and not (_WORD.fullmatch(word) and not _REFERENCE.fullmatch(word)):
        word = code(word, in_table=in_table)
    elif not any(map(str.isalnum, word)):
        word = _escaped(word)
    return [piece for piece in (before, word, behind) if piece]


def _escaped(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\1", text)
