"""A finding in words: the page's texts filled with what was measured and whom it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from string import Formatter
from typing import Final, NamedTuple

from capanalyzer.diagnosis.fields import FINDING_FIELDS, OF_THIS_SESSION, OPTIONAL_FIELDS, Hide, session_fields
from capanalyzer.diagnosis.page import read_page
from capanalyzer.diagnosis.verdict import Finding
from capanalyzer.handshake.session import Session
from capanalyzer.i18n import translator

__all__ = ["RenderedFinding", "render_finding"]


class RenderedFinding(NamedTuple):
    title: str
    explanation: str
    evidence: tuple[str, ...]
    """One text for each item of the finding's evidence."""
    alternatives: tuple[str, ...]
    """Causes, as identifiers."""
    remedies: tuple[str, ...]
    """What to check first, then commands; without those that do not fit the session's protocol."""


class _Fields(dict[str, str | int | float]):
    """A field that is not there shows as a question mark: a text with a hole is better than none."""

    def __missing__(self, key: str) -> str:
        return "?"


def render_finding(finding: Finding, session: Session, lang: str = "en", hide: Hide | None = None) -> RenderedFinding:
    """The texts of a finding in one language.

    :param hide: gives what is shown of a field, by its name and value; None shows all.

    :raises UsageError: for a language that does not exist.
    """
    translate = translator(lang)
    page = read_page(finding.cause, lang)
    fields = _Fields(session_fields(session, hide))
    facts = _translated(finding.facts, lang)
    fields.update(facts if hide is None else {name: hide(name, value) for name, value in facts.items()})
    return RenderedFinding(
        _read(page.titles.get(finding.variant, page.title)).filled(fields),
        _read(page.summary(finding.variant)).filled(fields),
        tuple([_read(translate(item.text)).filled(fields) for item in finding.evidence]),
        finding.alternatives,
        tuple([text.filled(fields) for text in _remedies(page.checks, page.commands) if text.applies(fields)]),
    )


class _Text(NamedTuple):
    """A text with fields, read once: ``str.format_map`` would read it again for every finding."""

    pattern: str
    """For the % operator; without fields the text itself."""
    fields: tuple[str, ...]
    optional: frozenset[str]
    """The fields that not all sessions or findings have."""

    def applies(self, fields: _Fields) -> bool:
        """Those are there."""
        return not self.optional or self.optional <= fields.keys()

    def filled(self, fields: _Fields) -> str:
        return self.pattern % tuple([fields[name] for name in self.fields]) if self.fields else self.pattern


@lru_cache(1 << 10)
def _read(text: str) -> _Text:
    parts = [(literal, name) for literal, name, _, _ in Formatter().parse(text)]
    fields = tuple(name for _, name in parts if name is not None)
    if not fields:
        return _Text("".join(literal for literal, _ in parts), (), frozenset())
    pattern = "".join(literal.replace("%", "%%") + ("" if name is None else "%s") for literal, name in parts)
    return _Text(pattern, fields, frozenset(fields) & {*OPTIONAL_FIELDS, *FINDING_FIELDS})


@lru_cache(1 << 8)
def _remedies(checks: tuple[str, ...], commands: tuple[str, ...]) -> tuple[_Text, ...]:
    """What holds for some sessions only, and for this one if it is there at all, before what holds for any."""
    first = sorted(map(_read, checks), key=lambda text: OF_THIS_SESSION.isdisjoint(text.optional))
    return (*first, *map(_read, commands))


_SIDES_JA: Final = {"client": "クライアント", "server": "サーバ"}


def _translated(facts: Mapping[str, str | int | float], lang: str) -> dict[str, str | int | float]:
    """Facts that are words and not values: the two ends."""
    if lang != "ja":
        return dict(facts)
    return {
        key: _SIDES_JA.get(value, value) if key in ("sender", "seen", "missing") and isinstance(value, str) else value
        for key, value in facts.items()
    }
