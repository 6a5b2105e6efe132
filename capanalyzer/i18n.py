"""The languages of the texts: English in the source, Japanese in a gettext catalog.

``N_`` marks a text where it is defined, the function that :func:`translator` returns translates it where it is
used. Installed packages carry the catalog compiled (``.mo``); in a checkout the ``.po`` file itself is read, so that an
edited text shows at once and nothing has to be compiled before the tool can be tried.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Final, cast

from capanalyzer.errors import UsageError
from capanalyzer.remark import Remark, joined

__all__ = [
    "DOMAIN",
    "LANGUAGES",
    "LOCALE_DIR",
    "N_",
    "check_language",
    "language_of_environment",
    "plural",
    "read_po",
    "told",
    "translator",
]

LANGUAGES: Final = ("en", "ja")
DOMAIN: Final = "capanalyzer"
LOCALE_DIR: Final = os.path.join(os.path.dirname(__file__), "locale")


def N_(text: str) -> str:  # noqa: N802 - the name that gettext tools know
    """Mark a text for extraction; translated later, where it is used."""
    return text


def translator(lang: str) -> Callable[[str], str]:
    """The function that turns an English text into ``lang``.

    :raises UsageError: for a language that does not exist.
    """
    return _translations(lang).gettext


def plural(lang: str) -> Callable[[str, str, int], str]:
    """Like ngettext: (text for one, text for several, n) -> the form for n in ``lang``.

    :raises UsageError: for a language that does not exist.
    """
    return _translations(lang).ngettext


def told(sentence: str, lang: str) -> str:
    """An error's or a warning's sentence in ``lang``; what is no :class:`Remark` has one form for all languages.

    :raises UsageError: for a language that does not exist.
    """
    if not isinstance(sentence, Remark):
        return sentence
    catalog = _translations(lang)
    facts = {name: joined(fact, partial(told, lang=lang)) for name, fact in sentence.facts.items()}
    if sentence.several is None:
        return catalog.gettext(sentence.text).format(**facts)
    return catalog.ngettext(sentence.text, sentence.several, cast("int", facts["n"])).format(**facts)


def check_language(lang: str) -> None:
    """:raises UsageError: for a language that does not exist."""
    if lang not in LANGUAGES:
        raise UsageError(
            Remark("unknown language {lang!r}: choose from {known}", lang=lang, known=", ".join(LANGUAGES))
        )


def language_of_environment(environ: Mapping[str, str] = os.environ) -> str:
    """``ja`` where the locale says so, else ``en``. The first set one of LC_ALL, LC_MESSAGES, LANG counts (POSIX)."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return "ja" if value.lower().startswith("ja") else "en"
    return "en"


@lru_cache(maxsize=len(LANGUAGES))
def _translations(lang: str) -> gettext.NullTranslations:
    check_language(lang)
    if lang == "en":
        return gettext.NullTranslations()
    base = os.path.join(LOCALE_DIR, lang, "LC_MESSAGES", DOMAIN)
    if os.path.exists(base + ".po"):
        with open(base + ".po", encoding="utf-8") as lines:
            return _Catalog(read_po(lines.read()))
    return gettext.translation(DOMAIN, LOCALE_DIR, [lang], fallback=True)


class _Catalog(gettext.NullTranslations):
    """A catalog read from its source."""

    def __init__(self, texts: dict[str, str]) -> None:
        super().__init__()
        self._texts = texts

    def gettext(self, message: str) -> str:
        return self._texts.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        # The only catalog, Japanese, has one form for all numbers.
        return self._texts.get(msgid1) or (msgid1 if n == 1 else msgid2)


def read_po(source: str) -> dict[str, str]:
    """English text -> translation of a PO file; of plurals the first form. Fuzzy and empty entries are left out."""
    from ast import literal_eval

    texts: dict[str, str] = {}
    entry: dict[str, str] = {}
    fuzzy, keyword = False, ""
    for line in [*source.splitlines(), ""]:
        if line.startswith("#,") and "fuzzy" in line:
            fuzzy = True
        elif line.startswith("#"):
            continue
        elif not line:
            translation = entry.get("msgstr") or entry.get("msgstr[0]")
            if entry.get("msgid") and translation and not fuzzy:
                texts[entry["msgid"]] = translation
            entry, fuzzy, keyword = {}, False, ""
        elif line.startswith('"'):
            entry[keyword] += literal_eval(line)
        else:
            keyword, _, text = line.partition(" ")
            entry[keyword] = literal_eval(text)
    return texts
