"""Pages of causes and their list as text for a terminal. Commands stay in one piece, however long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from capanalyzer.i18n import N_
from capanalyzer.report.terminal import Line, Look, Span, painter, wrap, wrap_prose

if TYPE_CHECKING:
    from capanalyzer.diagnosis.explain import Group
    from capanalyzer.diagnosis.page import Page

__all__ = ["cause_list", "cause_page"]

MIN_WIDTH: Final = 60
"""Columns that the list takes at least: narrower, and titles would be single words."""
_INDENT: Final = 2
_ITEM: Final = "- "
_CODE: Final = re.compile(r"(`[^`]+`)")


def cause_page(cause: str, page: Page, look: Look) -> Iterator[str]:
    """One cause, in lines that each end."""
    paint = painter(look)
    yield paint([(cause, "strong")])
    for line in wrap(page.title, look.text_width):
        yield paint([(line, "")])
    for heading, text in page.sections:
        yield paint([])
        yield paint([(heading, "strong")])
        for number, paragraph in enumerate(text.split("\n\n")):
            if number:
                yield paint([])
            for wrapped in _block(paragraph, look):
                yield paint(wrapped)
    yield paint([])
    note = look.text(N_("Words in capitals stand for a session's values; a report has them filled in."))
    for line in wrap(note, look.text_width):
        yield paint([(line, "quiet")])


def _block(block: str, look: Look) -> Iterator[Line]:
    """A paragraph, or a list."""
    for text in block.split("\n"):
        if not text.startswith(_ITEM):
            yield from _wrapped(text, look, "", "")
            continue
        item = text.removeprefix(_ITEM)
        command, mark, rest = item[1:].partition("`: ") if item.startswith("`") else ("", "", "")
        if mark:
            yield [(" " * _INDENT, ""), (command, "strong")]
            yield from _wrapped(rest, look, "    ", "    ")
        else:
            yield from _wrapped(item, look, _ITEM, "  ")


def _wrapped(text: str, look: Look, first: str, others: str) -> Iterator[Line]:
    """Lines of prose behind ``first`` and ``others``; code between backquotes is not broken."""
    lead = first
    for line in wrap_prose(text, look.text_width - _INDENT - cell_len(first)):
        yield [(" " * _INDENT + lead, ""), *_spans(line, look)]
        lead = others


def _spans(line: str, look: Look) -> Iterator[Span]:
    """Where there is colour, code is bold in place of its backquotes."""
    if not look.colour:
        yield line, ""
        return
    for index, part in enumerate(_CODE.split(line)):
        yield (part[1:-1], "strong") if index % 2 else (part, "")


def cause_list(groups: tuple[Group, ...], look: Look) -> Iterator[str]:
    """All causes by stage, each with its title beside it."""
    paint, translate = painter(look), look.text
    width = max(len(cause) for group in groups for cause, _ in group.causes)
    for group in groups:
        head: Line = [(group.title, "strong")]
        if group.stage:
            head.append((translate(N_("   stage {stage}")).format(stage=group.stage), "quiet"))
        yield paint(head)
        for cause, title in group.causes:
            name = cause
            for line in wrap(title, max(look.width, MIN_WIDTH) - _INDENT - width - 2):
                yield paint([(f"{'':{_INDENT}}{name:<{width}}  ", "strong"), (line, "")])
                name = ""
        yield paint([])
    for line in wrap(translate(N_("capanalyzer explain CAUSE tells more about one of them.")), look.width):
        yield paint([(line, "quiet")])
