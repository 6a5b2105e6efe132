"""What ``capanalyzer explain`` prints: a cause's page, or the list of all causes."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from capanalyzer.diagnosis.page import read_page
from capanalyzer.errors import UsageError
from capanalyzer.i18n import LANGUAGES

__all__ = ["causes", "explain", "explain_all", "list_causes"]

_PLACEHOLDERS: Final = {
    "server": "SERVER",
    "host": "SERVER",
    "port": "PORT",
    "name": "NAME",
    "url_host": "NAME",
    "client": "CLIENT",
    "client_port": "CLIENT_PORT",
}


class _Placeholders(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return _PLACEHOLDERS.get(key, key.upper())


@lru_cache(maxsize=1)
def causes() -> tuple[str, ...]:
    """Every cause that a rule can give, in the rules' order."""
    from capanalyzer.diagnosis.registry import ALL_RULES

    return tuple(dict.fromkeys(cause for rule in ALL_RULES for cause in rule.causes))


def explain(cause: str, lang: str = "en") -> str:
    """The page of a cause as plain text; what a session would fill in stands in capitals.

    :raises UsageError: no such cause (the message names close ones), or no such language.
    """
    _check(lang)
    if cause not in causes():
        from difflib import get_close_matches

        close = get_close_matches(cause, causes(), n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(close)}?" if close else "; without a cause, explain lists them all"
        raise UsageError(f"unknown cause {cause!r}{hint}")
    page, fields = read_page(cause, lang), _Placeholders()
    parts = [f"{cause}: {page.title}".format_map(fields)]
    for heading, text in page.sections:
        parts.append(f"{heading}\n{'=' * _width(heading)}\n{text.format_map(fields)}")
    return "\n\n".join(parts)


def list_causes(lang: str = "en") -> list[tuple[str, str]]:
    """(cause, title) of every cause, in the rules' order.

    :raises UsageError: for a language that does not exist.
    """
    _check(lang)
    return [(cause, read_page(cause, lang).title.format_map(_Placeholders())) for cause in causes()]


def explain_all(lang: str = "en") -> str:
    """The list of all causes as plain text, one a line."""
    rows = list_causes(lang)
    width = max(len(cause) for cause, _ in rows)
    return "\n".join(f"{cause:<{width}}  {title}" for cause, title in rows)


def _check(lang: str) -> None:
    if lang not in LANGUAGES:
        raise UsageError(f"unknown language {lang!r}: choose from {', '.join(LANGUAGES)}")


def _width(text: str) -> int:
    """Columns in a terminal: characters beyond Latin take two."""
    return sum(2 if ord(c) > 0x2E80 else 1 for c in text)
