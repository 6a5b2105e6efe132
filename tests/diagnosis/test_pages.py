"""The pages of the causes: complete, in every language, with the same headings and fields."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from capanalyzer.diagnosis.explain import causes, explain, explain_all, list_causes
from capanalyzer.diagnosis.page import HEADINGS, Page, read_page
from capanalyzer.errors import UsageError
from capanalyzer.i18n import LANGUAGES, translator

FIELD = re.compile(r"(?<!\{)\{([a-z_0-9]+)\}(?!\})")
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def fields(*texts: str) -> set[str]:
    return {name for text in texts for name in FIELD.findall(text)}


def prose(page: Page) -> str:
    """What a reader reads: without commands, file names and identifiers."""
    return page.title + "".join(page.summaries.values()) + "".join(text for _, text in page.sections[:3])


def test_every_cause_has_its_pages_and_no_page_is_left_over() -> None:
    folder = files("capanalyzer.diagnosis.pages")
    found = {entry.name for entry in folder.iterdir() if entry.name.endswith(".md")}
    assert found == {f"{cause}.{lang}.md" for cause in causes() for lang in LANGUAGES}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("cause", causes())
def test_a_page_is_complete(cause: str, lang: str) -> None:
    page = read_page(cause, lang)
    assert page.title
    assert "\n" not in page.title
    assert "" in page.summaries
    assert tuple(heading for heading, _ in page.sections) == HEADINGS[lang]
    assert all(text for _, text in page.sections)
    assert page.checks
    assert page.commands
    assert all(command.startswith("`") and "`: " in command for command in page.commands)


@pytest.mark.parametrize("cause", causes())
def test_the_languages_say_the_same(cause: str) -> None:
    english, japanese = (read_page(cause, lang) for lang in ("en", "ja"))
    assert list(english.summaries) == list(japanese.summaries)
    assert len(english.checks) == len(japanese.checks)
    assert [c.split("`: ")[0] for c in english.commands] == [c.split("`: ")[0] for c in japanese.commands]
    # Japanese has no word for who sent an alert where the sentence does not need it.
    assert english.titles.keys() == japanese.titles.keys()
    assert english.titles.keys() <= english.summaries.keys()
    for variant, summary in english.summaries.items():
        assert fields(summary) ^ fields(japanese.summaries[variant]) <= {"sender"}


@pytest.mark.parametrize("cause", causes())
def test_each_page_is_in_its_language(cause: str) -> None:
    assert not JAPANESE.search(prose(read_page(cause, "en")))
    japanese = read_page(cause, "ja")
    assert JAPANESE.search(japanese.title)
    assert all(JAPANESE.search(text) for _, text in japanese.sections[:4])


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("cause", causes())
def test_explain_prints_the_whole_page(cause: str, lang: str) -> None:
    text = explain(cause, lang)
    assert text.startswith(cause)
    assert all(heading in text for heading in HEADINGS[lang])
    assert fields(text) <= {"time_connect", "time_appconnect"}  # braces of curl's own


def test_explain_lists_all() -> None:
    assert [cause for cause, _ in list_causes("en")] == list(causes())
    lines = explain_all("ja").splitlines()
    assert len(lines) == len(causes())
    assert all(JAPANESE.search(line) for line in lines)


def test_an_unknown_cause_names_close_ones() -> None:
    with pytest.raises(UsageError, match="server-silent"):
        explain("server-silnet")
    with pytest.raises(UsageError, match="unknown cause"):
        explain("zzz")
    with pytest.raises(UsageError, match="language"):
        explain("server-silent", "xx")


def test_evidence_is_translated() -> None:
    """Every sentence that is marked in the rules has a Japanese form with the same fields."""
    marked: set[str] = set()
    for path in _sources():
        marked |= {text.replace('\\"', '"') for _, text in re.findall(r"""N_\(\s*(["'])(.+?)\1\s*\)""", path)}
    assert len(marked) >= 40
    translate = translator("ja")
    untranslated = sorted(text for text in marked if JAPANESE.search(translate(text)) is None and " " in text)
    assert not untranslated
    assert all(fields(text) == fields(translate(text)) for text in marked)


def _sources() -> list[str]:
    import capanalyzer.diagnosis

    base = files(capanalyzer.diagnosis)
    texts, folders = [], [base]
    while folders:
        for entry in folders.pop().iterdir():
            if entry.is_dir():
                folders.append(entry)
            elif entry.name.endswith(".py"):
                texts.append(entry.read_text(encoding="utf-8"))
    return texts
