"""Lines of a given width in cells of a terminal: broken at spaces and between East Asian characters.

What measures a text is given by the caller: reports ask ``rich``, the command line's help must not import it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

__all__ = ["head", "wrap"]

_TOKEN: Final = re.compile(
    r"\s+|[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]|[^\s\u2e80-\u9fff\uac00-\ud7a3\uf900-\uffef]+"
)
_NOT_FIRST: Final = frozenset(")]:;,.、。，．・：；？！）」』】〉》ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ")
"""What no Japanese line begins with (JIS X 4051), and the Latin forms of it that stand behind a word."""
_NOT_LAST: Final = frozenset("([（「『【〈《")


def wrap(text: str, width: int, cells: Callable[[str], int]) -> list[str]:
    """``text`` in lines of at most ``width`` cells.

    Line ends in ``text`` stay; a word longer than a line is cut.

    :param cells: how many cells a text takes.
    """
    width = max(width, 4)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line, used = "", 0
        for token in _tokens(paragraph):
            size = cells(token)
            if used + size > width and line:
                lines.append(line.rstrip())
                line, used = "", 0
                if token.isspace():
                    continue
            rest = token
            while size > width:
                start = head(rest, width, cells) or rest[0]
                lines.append(start)
                rest = rest[len(start) :]
                size = cells(rest)
            line, used = line + rest, used + size
        lines.append(line.rstrip())
    return lines


def _tokens(text: str) -> Iterable[str]:
    """Words, spaces and single East Asian characters, with what must not begin or end a line kept together."""
    held = ""
    for token in _TOKEN.findall(text):
        if held and not held.isspace() and (token[0] in _NOT_FIRST or held[-1] in _NOT_LAST):
            held += token
            continue
        if held:
            yield held
        held = token
    if held:
        yield held


def head(text: str, width: int, cells: Callable[[str], int]) -> str:
    """As many characters of ``text`` as fit into ``width`` cells."""
    used = 0
    for index, character in enumerate(text):
        used += cells(character)
        if used > width:
            return text[:index]
    return text
