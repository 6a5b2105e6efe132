"""HTML and SVG from Python values: whatever is not :class:`Markup` is text, and is escaped.

Text from the wire is hostile. There is one way from text to markup, :func:`text`, and it first makes control and
bidirectional characters visible; :func:`element` sends every plain string through it, contents and attribute values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias

import msgspec

from capanalyzer.report.escape import printable

__all__ = ["Content", "Markup", "code", "command", "data_block", "element", "join", "lines", "text", "wire"]


class Markup(str):
    """Markup that is finished: not escaped again."""

    __slots__ = ()


Content: TypeAlias = str | Markup | Iterable[str] | None
"""Plain strings are text, :class:`Markup` is markup, iterables hold either, None is nothing."""
Attribute: TypeAlias = str | int | float | bool | None

MAX_TEXT: Final = 4_000
"""Characters of one text. A server name may have 65,000, and stands in many places of a page."""
_BREAKS: Final = re.compile("<(/|!|script)", re.IGNORECASE)
_WORDS: Final = re.compile(r"\S+|\s+").findall
_DRAWN: Final = frozenset({"line", "path", "rect"})
"""Elements of SVG without contents."""
_VOID: Final = frozenset({"br", "col", "input", "link", "meta", "wbr"})


def text(value: str) -> Markup:
    """``value`` as text: what it holds is seen, never obeyed."""
    if isinstance(value, Markup):
        return value
    if len(value) > MAX_TEXT:
        value = value[:MAX_TEXT] + "…"
    return Markup(escape(printable(value)))


def join(*contents: Content) -> Markup:
    """Contents one after the other."""
    return Markup("".join(_pieces(contents)))


def _pieces(contents: Iterable[Content]) -> Iterable[str]:
    for content in contents:
        if content is None:
            continue
        if isinstance(content, str):
            yield text(content)
        else:
            yield from (text(piece) for piece in content)


def element(name: str, /, *contents: Content, **attributes: Attribute) -> Markup:
    """One element.

    :param attributes: ``class_`` and ``for_`` lose their underscore, others inside a name become hyphens; True is an
        attribute without a value, False and None leave it out.
    """
    start = "".join(
        f" {_name(key)}" if value is True else f' {_name(key)}="{text(_value(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{start}>")
    if name in _DRAWN:
        return Markup(f"<{name}{start}/>")
    return Markup(f"<{name}{start}>{join(*contents)}</{name}>")


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}" if value % 1 else str(int(value))


def wire(value: str) -> Markup:
    """Text that a peer chose: set apart, so that letters written right to left do not move what stands beside it."""
    return element("bdi", value, class_="wire")


def lines(value: str) -> Markup:
    """One of our own sentences: line ends in it stay, and what stands between backquotes is code."""
    return Markup("<br>".join(_coded(line) for line in value.split("\n")))


def _coded(line: str) -> Markup:
    parts = line.split("`")
    if len(parts) % 2 == 0:
        return text(line)
    return join(*(command(part) if index % 2 else part for index, part in enumerate(parts)))


def code(value: str) -> Markup:
    return element("code", value)


def command(value: str) -> Markup:
    """Code of which a line may end between words only: behind a hyphen, half an option would say something else."""
    return element("code", *(element("span", part, class_="word") if "-" in part else part for part in _WORDS(value)))


def data_block(identity: str, value: object) -> Markup:
    """``value`` as JSON that the page's script reads. It cannot end its element, nor open a comment in it."""
    # Of what a script element holds, three beginnings matter (HTML, 13.1.2.2); in JSON a "<" stands in strings only.
    data = _BREAKS.sub(lambda found: f"\\u003c{found[1]}", msgspec.json.encode(value).decode())
    return Markup(f'<script type="application/json" id="{text(identity)}">{data}</script>')
