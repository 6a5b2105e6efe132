"""What a text report is made of: styled lines of a known width, in cells of a terminal rather than characters.

A Chinese or Japanese character takes two cells, a combining one none; alignment counts cells. Styles mean
outcomes only and never stand alone: with colour off the same words say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from rich.cells import cell_len

from capanalyzer.i18n import plural, translator
from capanalyzer.report import wrapping
from capanalyzer.report.escape import printable

__all__ = [
    "ASCII",
    "UNICODE",
    "Glyphs",
    "Line",
    "Look",
    "Span",
    "fit",
    "painter",
    "paragraphs",
    "table",
    "wrap",
    "wrap_prose",
]

Span: TypeAlias = tuple[str, str]
"""(text, style); style "" for plain."""
Line: TypeAlias = list[Span]

STYLES: Final = {
    "": "",
    "strong": "bold",
    "quiet": "dim",
    "failed": "bold red",
    "warning": "yellow",
    "fine": "green",
}


class Glyphs(NamedTuple):
    """What arrows and marks are drawn with."""

    line: str
    right: str
    left: str
    stall: str
    pause: str
    more: str
    arrow: str
    """Between two endpoints in a sentence."""


ASCII: Final = Glyphs("-", ">", "<", "x", ":", "...", "->")
UNICODE: Final = Glyphs("─", "▶", "◀", "✗", "⋮", "…", "→")


@dataclass(frozen=True, slots=True)
class Look:
    """How a report is shown."""

    width: int = 80
    """Columns of the terminal."""
    colour: bool = False
    unicode: bool = True
    lang: str = "en"
    verbose: bool = False

    @property
    def glyphs(self) -> Glyphs:
        """ASCII in Japanese too: terminals there draw lines, arrows and the ellipsis in one cell or two, as set up."""
        return UNICODE if self.unicode and self.lang != "ja" else ASCII

    @property
    def text_width(self) -> int:
        """Columns for prose."""
        return min(self.width, MAX_TEXT_WIDTH)

    @property
    def text(self) -> Callable[[str], str]:
        return translator(self.lang)

    @property
    def counted(self) -> Callable[[str, str, int], str]:
        return plural(self.lang)


def painter(look: Look) -> Callable[[Line], str]:
    """The function that turns a line into text, with escape sequences only where ``look`` has colour."""
    if not look.colour:
        return lambda line: "".join(text for text, _ in line).rstrip() + "\n"
    # Only coloured output pays for rich's styles.
    from rich.color import ColorSystem
    from rich.style import Style

    styles = {name: Style.parse(definition) for name, definition in STYLES.items()}

    def paint(line: Line) -> str:
        return "".join(styles[style].render(text, color_system=ColorSystem.STANDARD) for text, style in line) + "\n"

    return paint


MAX_TEXT_WIDTH: Final = 120
"""Cells of a line of prose: on a wider terminal the eye would lose the line."""
MIN_COLUMN: Final = 10
"""Cells that a column keeps when a table is too wide."""


def wrap(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells, broken at spaces and between East Asian characters.

    Line ends in ``text`` stay; a word longer than a line is cut.
    """
    return wrapping.wrap(text, width, cell_len)


_CODE: Final = re.compile("`[^`]+`")
_HELD: Final = "\ue000"
"""Stands for a space at which a line must not be broken: of private use, so no text of ours has it."""


def wrap_prose(text: str, width: int) -> list[str]:
    """Like :func:`wrap`, for texts of ours: code between backquotes stays in one line where it fits into one."""
    held = _CODE.sub(lambda code: code[0].replace(" ", _HELD), text)
    return [line.replace(_HELD, " ") for line in wrap(held, width)]


def fit(text: str, width: int, look: Look, *, right: bool = False) -> str:
    """``text`` in exactly ``width`` cells: cut with an ellipsis, or filled with spaces."""
    size = cell_len(text)
    if size > width:
        more = look.glyphs.more[:width]
        text = wrapping.head(text, width - len(more), cell_len) + more
        size = cell_len(text)
    fill = " " * (width - size)
    return fill + text if right else text + fill


def paragraphs(texts: Iterable[str], look: Look, style: str, *, indent: int) -> Iterator[Line]:
    """Each text wrapped and escaped."""
    for text in texts:
        for line in wrap(printable(text), look.text_width - indent):
            yield [(" " * indent + line, style)]


def table(rows: Sequence[Sequence[Span]], look: Look, *, indent: int, flexible: Sequence[int]) -> list[Line]:
    """Rows in aligned columns; when they are too wide, the columns ``flexible`` are cut, one after the other.

    :param rows: the same number of cells in each.
    """
    if not rows:
        return []
    widths = [max(cell_len(row[i][0]) for row in rows) for i in range(len(rows[0]))]
    excess = indent + sum(widths) + 2 * (len(widths) - 1) - look.width
    for column in flexible:
        cut = min(max(excess, 0), max(widths[column] - MIN_COLUMN, 0))
        widths[column] -= cut
        excess -= cut
    lines: list[Line] = []
    for row in rows:
        line: Line = [(" " * indent, "")]
        for (text, style), width in zip(row, widths, strict=True):
            line += [(fit(text, width, look), style), ("  ", "")]
        lines.append(line[:-1])
    return lines
