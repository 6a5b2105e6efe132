"""The sessions a report is about: ``--filter``, ready to be asked.

The syntax is in :mod:`capanalyzer.report.filter_syntax`, the fields in :mod:`capanalyzer.report.filter_fields`; for
users both are described in ``docs/filter.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from capanalyzer.report.filter_fields import OUTCOMES, Test, fits_of, test_of
from capanalyzer.report.filter_syntax import And, Comparison, Node, Not, Or, parse

__all__ = ["Filter"]

Known: TypeAlias = bool | None
"""None: the outcome alone does not tell."""
_Guess: TypeAlias = Callable[[str], Known]


class Filter:
    """Chooses sessions."""

    def __init__(self, text: str) -> None:
        """A filter as the user wrote it.

        :raises UsageError: it is none; in one line, with the column and what may stand there.
        """
        self.text = text
        test, guess = _compiled(parse(text))
        self.chooses = test
        """Whether a session belongs to the report."""
        self._by_outcome = {outcome: guess(outcome) for outcome in OUTCOMES}

    def by_outcome(self, outcome: str) -> Known:
        """The same by what is known before a session's model is made; None where more has to be known."""
        return self._by_outcome[outcome]


def _compiled(node: Node) -> tuple[Test, _Guess]:
    match node:
        case Comparison():
            return test_of(node), _guess_of(node)
        case Not(inner):
            test, guess = _compiled(inner)
            return (lambda session: not test(session)), (lambda outcome: _opposite(guess(outcome)))
        case And(nodes):
            tests, guesses = zip(*map(_compiled, nodes), strict=True)
            return (
                lambda session: all(test(session) for test in tests),
                lambda outcome: _all([guess(outcome) for guess in guesses]),
            )
        case Or(nodes):
            tests, guesses = zip(*map(_compiled, nodes), strict=True)
            return (
                lambda session: any(test(session) for test in tests),
                lambda outcome: _opposite(_all([_opposite(guess(outcome)) for guess in guesses])),
            )


def _guess_of(comparison: Comparison) -> _Guess:
    if comparison.name != "outcome":
        return _unknown
    fits, negated = fits_of(comparison), comparison.operator == "!="
    return lambda outcome: fits(outcome) != negated


def _unknown(_: str) -> Known:
    return None


def _opposite(known: Known) -> Known:
    return None if known is None else not known


def _all(parts: list[Known]) -> Known:
    """Three-valued: what is false decides, what is not known leaves the rest open."""
    if False in parts:
        return False
    return None if None in parts else True
