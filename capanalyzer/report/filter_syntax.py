r"""The grammar of ``--filter``: text to a tree and back.

    expression  = conjunction *( "or" conjunction )
    conjunction = term *( "and" term )
    term        = "not" term / "(" expression ")" / comparison
    comparison  = field operator value *( "," value )
    operator    = "=" / "!=" / "<" / "<=" / ">" / ">="
    value       = word / DQUOTE text DQUOTE

A word is anything without spaces, quotes, commas, parentheses and operators; in quotes ``\"`` and ``\\`` stand
for ``"`` and ``\``. Keywords and fields are read in any case. What a field can be compared with is not known here
(:mod:`capanalyzer.report.filter_fields`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn, TypeAlias

from capanalyzer.errors import UsageError
from capanalyzer.remark import Remark

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "And", "Comparison", "Node", "Not", "Or", "Value", "parse", "refuse", "render"]

MAX_LENGTH: Final = 4096
"""Characters; more is not written by hand."""
MAX_DEPTH: Final = 32
"""Parentheses and ``not`` inside each other: the parser and the tests it makes call themselves once for each."""

OPERATORS: Final = ("=", "!=", "<", "<=", ">", ">=")
KEYWORDS: Final = frozenset({"and", "or", "not"})

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<operator><=|>=|!=|=|<|>)
      | (?P<mark>[(),])
      | "(?P<quoted>(?:[^"\\]|\\["\\])*)"
      | (?P<word>[^\s(),"=<>!]+)""",
    re.VERBOSE,
)
_BARE: Final = re.compile(r'[^\s(),"=<>!]+')
_ESCAPED: Final = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True)
class Value:
    """What a field is compared with."""

    text: str
    column: int = field(default=0, compare=False)
    """Where it stands, from 1; for messages."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """True when the field has one of the values (``=``), none of them (``!=``), or lies where the operator says."""

    name: str
    operator: str
    values: tuple[Value, ...]
    column: int = field(default=0, compare=False)
    operator_column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    node: Node


@dataclass(frozen=True, slots=True)
class And:
    nodes: tuple[Node, ...]
    """Two or more."""


@dataclass(frozen=True, slots=True)
class Or:
    nodes: tuple[Node, ...]
    """Two or more."""


Node: TypeAlias = Comparison | Not | And | Or


class _Token(NamedTuple):
    kind: str
    """``operator`` ``mark`` ``quoted`` ``word`` ``end``."""
    text: str
    column: int

    def is_keyword(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in (words or KEYWORDS)

    def is_mark(self, mark: str) -> bool:
        return self.kind == "mark" and self.text == mark

    @property
    def shown(self) -> str:
        """As a message names it."""
        return Remark("the end") if self.kind == "end" else repr(self.text)


def refuse(column: int, reason: Remark) -> NoReturn:
    """The filter is wrong here.

    :raises UsageError: always.
    """
    raise UsageError(Remark("filter, column {column}: {reason}", column=column, reason=reason))


def parse(text: str) -> Node:
    """The tree of a filter.

    :raises UsageError: it is none; the message points at the column and says what may stand there.
    """
    if len(text) > MAX_LENGTH:
        refuse(MAX_LENGTH + 1, Remark("longer than {n} characters", n=MAX_LENGTH))
    parser = _Parser(_tokens(text))
    node = parser.expression(0)
    if parser.here.kind != "end":
        refuse(parser.here.column, Remark("'and', 'or' or the end is expected, not {shown}", shown=parser.here.shown))
    return node


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            if text[position] == '"':
                refuse(position + 1, Remark('this quote is not closed; inside of it write \\" and \\\\'))
            refuse(position + 1, Remark("'!' alone means nothing: write != or not"))
        kind = str(match.lastgroup)
        if kind == "quoted":
            tokens.append(_Token(kind, _ESCAPED.sub(r"\1", match["quoted"]), position + 1))
        elif kind != "space":
            tokens.append(_Token(kind, match[0], position + 1))
        position = match.end()
    tokens.append(_Token("end", "", len(text) + 1))
    return tokens


class _Parser:
    """Recursive descent; each method reads what its name says and leaves ``here`` behind it."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._index = tokens, 0

    @property
    def here(self) -> _Token:
        return self._tokens[self._index]

    def _take(self) -> _Token:
        token = self._tokens[self._index]
        self._index += 1
        return token

    def expression(self, depth: int) -> Node:
        nodes = [self._conjunction(depth)]
        while self.here.is_keyword("or"):
            self._take()
            nodes.append(self._conjunction(depth))
        return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))

    def _conjunction(self, depth: int) -> Node:
        nodes = [self._term(depth)]
        while self.here.is_keyword("and"):
            self._take()
            nodes.append(self._term(depth))
        return nodes[0] if len(nodes) == 1 else And(tuple(nodes))

    def _term(self, depth: int) -> Node:
        token = self.here
        if depth > MAX_DEPTH:
            refuse(token.column, Remark("more than {n} levels of parentheses and 'not'", n=MAX_DEPTH))
        if token.is_keyword("not"):
            self._take()
            return Not(self._term(depth + 1))
        if token.is_mark("("):
            self._take()
            node = self.expression(depth + 1)
            if not self.here.is_mark(")"):
                refuse(
                    self.here.column,
                    Remark(
                        "'and', 'or' or the ')' of column {column} is expected, not {shown}",
                        column=token.column,
                        shown=self.here.shown,
                    ),
                )
            self._take()
            return node
        return self._comparison()

    def _comparison(self) -> Comparison:
        name = self._take() if self.here.kind == "word" and not self.here.is_keyword() else None
        if name is None:
            refuse(
                self.here.column,
                Remark(
                    "a comparison such as outcome=failed, 'not' or '(' is expected, not {shown}", shown=self.here.shown
                ),
            )
        if self.here.kind != "operator":
            refuse(
                self.here.column,
                Remark(
                    "{known} is expected behind {text!r}, not {shown}",
                    known=" ".join(OPERATORS),
                    text=name.text,
                    shown=self.here.shown,
                ),
            )
        operator = self._take()
        values = [self._value(operator)]
        while self.here.is_mark(","):
            values.append(self._value(self._take()))
        return Comparison(name.text.lower(), operator.text, tuple(values), name.column, operator.column)

    def _value(self, behind: _Token) -> Value:
        token = self.here
        if token.kind == "quoted" or (token.kind == "word" and not token.is_keyword()):
            self._take()
            return Value(token.text, token.column)
        if token.is_keyword():
            refuse(
                token.column,
                Remark(
                    'a value is expected behind {before}; a value like this one needs quotes: "..."',
                    before=behind.shown,
                ),
            )
        if token.kind == "operator" and behind.text == token.text == "=":
            refuse(token.column, Remark("write one '=' for equality"))
        refuse(
            token.column,
            Remark("a value is expected behind {before}, not {shown}", before=behind.shown, shown=token.shown),
        )


def render(node: Node) -> str:
    """The text that :func:`parse` makes the same tree of."""
    match node:
        case Comparison(name, operator, values):
            return f"{name}{operator}{','.join(_quoted(value.text) for value in values)}"
        case Not(inner):
            return f"not {_inside(inner, And, Or)}"
        case And(nodes):
            return " and ".join(_inside(inner, And, Or) for inner in nodes)
        case Or(nodes):
            return " or ".join(_inside(inner, Or) for inner in nodes)


def _inside(node: Node, *kinds: type[Node]) -> str:
    """In parentheses where the tree would change without them."""
    return f"({render(node)})" if isinstance(node, kinds) else render(node)


def _quoted(text: str) -> str:
    if _BARE.fullmatch(text) and text.lower() not in KEYWORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
