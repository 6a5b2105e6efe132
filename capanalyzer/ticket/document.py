"""A ticket's text as a tree: structure is ours, every text in it may come from the wire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from capanalyzer.report.escape import printable

__all__ = ["Block", "Bullets", "Code", "Heading", "Markup", "Paragraph", "Span", "Strong", "Text", "write"]


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that the eye should find."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """An address, a name, a filter: what is copied as it stands."""

    text: str


Span: TypeAlias = Text | Strong | Code


@dataclass(frozen=True, slots=True)
class Heading:
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[tuple[Span, ...], ...]


Block: TypeAlias = Heading | Paragraph | Bullets


class Markup(Protocol):
    """A system's way of writing; every method returns markup in which ``text`` means nothing but itself."""

    def text(self, text: str) -> str: ...

    def strong(self, text: str) -> str: ...

    def code(self, text: str) -> str: ...

    def heading(self, line: str) -> str:
        """A block of markup that is already written, as are the arguments below."""
        ...

    def paragraph(self, line: str) -> str: ...

    def bullets(self, lines: Sequence[str]) -> str: ...

    def joined(self, blocks: Sequence[str]) -> str: ...


def write(blocks: Iterable[Block], markup: Markup) -> str:
    """The blocks in a markup."""
    written: list[str] = []
    for block in blocks:
        match block:
            case Heading(spans):
                written.append(markup.heading(_line(spans, markup)))
            case Paragraph(spans):
                written.append(markup.paragraph(_line(spans, markup)))
            case Bullets(items):
                written.append(markup.bullets([_line(item, markup) for item in items]))
    return markup.joined(written)


def _line(spans: Iterable[Span], markup: Markup) -> str:
    pieces: list[str] = []
    for span in spans:
        text = printable(span.text)  # no line ends and no control characters from here on
        match span:
            case Text():
                pieces.append(markup.text(text))
            case Strong() if text.strip():
                pieces.append(markup.strong(text))
            case Code():
                pieces.append(markup.code(text))
            case _:
                pass  # stressed nothing: a pair of signs with nothing between them would be shown
    return "".join(pieces)
