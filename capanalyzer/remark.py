"""Sentences that can still be told in another language: what an error or a warning says, and with which facts.

A :class:`Remark` is the English sentence, for everybody who wants a string. Beside that it keeps the text it was made
of and what was filled in, from which :func:`capanalyzer.i18n.told` makes the sentence of a report's language.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, TypeAlias

__all__ = ["Fact", "Remark", "joined"]

Fact: TypeAlias = str | int | float | tuple[str, ...]


class Remark(str):
    """A sentence in English, its text and its facts.

    Facts are what no language changes: names, paths, numbers, the words of an operating system or another program. A
    fact that is a remark itself is told in the same language as the whole; of a tuple all are, with commas between.
    """

    __slots__ = ("facts", "several", "text")

    text: str
    """What the catalog knows it by, with the facts' names in braces; of a counted one the text for one."""
    several: str | None
    """The text for any other number than one; None where nothing is counted."""
    facts: dict[str, Fact]

    def __new__(cls, text: str, /, **facts: object) -> Self:
        """:param text: written out where this is called, so that catalogs can be held against the source."""
        return cls._made(text, None, facts)

    @classmethod
    def counted(cls, one: str, several: str, n: int, /, **facts: object) -> Self:
        """A sentence about ``n`` things.

        :param one: the text for n = 1.
        :param several: that for all other numbers.
        """
        return cls._made(one, several, {"n": n, **facts})

    @classmethod
    def _made(cls, text: str, several: str | None, facts: dict[str, object]) -> Self:
        kept = {name: _kept(fact) for name, fact in facts.items()}
        chosen = text if several is None or kept["n"] == 1 else several
        remark = super().__new__(cls, chosen.format(**{name: joined(fact) for name, fact in kept.items()}))
        remark.text, remark.several, remark.facts = text, several, kept
        return remark

    def __reduce__(self) -> tuple[object, ...]:
        """Between processes it stays what it is."""
        return Remark._made, (self.text, self.several, self.facts)


def joined(fact: Fact, tell: Callable[[str], str] = str) -> str | int | float:
    """What is filled in for a fact.

    :param tell: makes a sentence of the language that is wanted.
    """
    if isinstance(fact, tuple):
        return ", ".join(tell(one) for one in fact)
    return tell(fact) if isinstance(fact, Remark) else fact


def _kept(fact: object) -> Fact:
    if isinstance(fact, tuple):
        return tuple(one if isinstance(one, str) else str(one) for one in fact)
    return fact if isinstance(fact, str | int | float) else str(fact)
