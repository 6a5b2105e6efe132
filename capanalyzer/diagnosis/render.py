"""A finding in words: the page's texts filled with what was measured and whom it concerns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from capanalyzer.diagnosis.fields import FINDING_FIELDS, OF_THIS_SESSION, OPTIONAL_FIELDS, Hide, session_fields
from capanalyzer.diagnosis.page import read_page
from capanalyzer.diagnosis.verdict import Finding
from capanalyzer.handshake.session import Session
from capanalyzer.i18n import translator

__all__ = ["RenderedFinding", "render_finding"]

_FIELD: Final = re.compile(r"(?<!\{)\{(\w+)\}")


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
        page.titles.get(finding.variant, page.title).format_map(fields),
        page.summary(finding.variant).format_map(fields),
        tuple(translate(item.text).format_map(fields) for item in finding.evidence),
        finding.alternatives,
        tuple(text.format_map(fields) for text in (*_first(page.checks), *page.commands) if _applies(text, fields)),
    )


def _first(checks: tuple[str, ...]) -> list[str]:
    """What holds for some sessions only, and for this one if it is there at all, before what holds for any."""
    return sorted(checks, key=lambda text: OF_THIS_SESSION.isdisjoint(_optional(text)))


def _applies(text: str, fields: Mapping[str, object]) -> bool:
    """Everything that not all sessions or findings have and that the text names is there."""
    return all(name in fields for name in _optional(text))


@lru_cache(1 << 10)
def _optional(text: str) -> tuple[str, ...]:
    """The fields that a text of a page names and not all sessions or findings have."""
    return tuple(name for name in _FIELD.findall(text) if name in OPTIONAL_FIELDS or name in FINDING_FIELDS)


_SIDES_JA: Final = {"client": "クライアント", "server": "サーバ"}


def _translated(facts: Mapping[str, str | int | float], lang: str) -> dict[str, str | int | float]:
    """Facts that are words and not values: the two ends."""
    if lang != "ja":
        return dict(facts)
    return {
        key: _SIDES_JA.get(value, value) if key in ("sender", "seen", "missing") and isinstance(value, str) else value
        for key, value in facts.items()
    }
