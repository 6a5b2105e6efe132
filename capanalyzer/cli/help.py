"""How ``--help`` is laid out: in the language of the command line, its columns measured in cells of a terminal."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from typing import Final

from capanalyzer.cli.language import spoken
from capanalyzer.i18n import translator

__all__ = ["HelpFormatter"]

_FIRST_COLUMN: Final = re.compile(r" *(?:\S+(?: \S+)* {2,})?")
"""Of a line of a table, up to where its second column begins; of another one its indentation."""
_MIN_COLUMN: Final = 24
"""Cells that must be left for the second column."""


class HelpFormatter(argparse.HelpFormatter):
    """argparse's, for texts that are written in English and shown in another language too.

    Texts of several lines keep them; one that is too long goes on below its last column.
    """

    def start_section(self, heading: str | None) -> None:
        super().start_section(_translated(heading))

    def add_text(self, text: str | None) -> None:
        super().add_text(_translated(text))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return _translated(action.help)

    def _format_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None,
    ) -> str:
        # argparse counts characters; what stands here for the prefix has as many as the prefix has cells.
        shown = translator(spoken())("usage: ") if prefix is None else prefix
        stand_in = "\0" * _cells(shown)
        return super()._format_usage(usage, actions, groups, stand_in).replace(stand_in, shown, 1)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrap(" ".join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + part for line in text.splitlines() for part in _continued(line, width))


def _translated(text: str | None) -> str | None:
    # The empty text stands for the head of the catalog.
    return translator(spoken())(text) if text and text is not argparse.SUPPRESS else text


def _continued(line: str, width: int) -> Iterator[str]:
    """A line of a text, and what does not fit into it."""
    if _cells(line) <= width:
        yield line
        return
    begin = _FIRST_COLUMN.match(line)
    column = begin.end() if begin is not None else 0
    if width - _cells(line[:column]) < _MIN_COLUMN:
        column = len(line) - len(line.lstrip())
    indent = _cells(line[:column])
    first, *others = _wrap(line[column:], width - indent)
    yield line[:column] + first
    yield from (" " * indent + other for other in others)


def _wrap(text: str, width: int) -> list[str]:
    from capanalyzer.report.wrapping import wrap

    return wrap(text, width, _cells)


def _cells(text: str) -> int:
    """Of texts of ours: they have no combining characters."""
    if text.isascii():
        return len(text)
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(character) in "FW" else 1 for character in text)
