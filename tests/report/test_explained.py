"""Pages and list of the causes as a terminal shows them."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from capanalyzer.diagnosis.explain import causes, explained, list_causes
from capanalyzer.diagnosis.page import HEADINGS
from capanalyzer.i18n import LANGUAGES
from capanalyzer.report.explained import cause_list, cause_page
from capanalyzer.report.terminal import Look

WIDTHS = (80, 120)


def shown(cause: str, lang: str, width: int = 80, *, colour: bool = False) -> list[str]:
    return list(cause_page(cause, explained(cause, lang), Look(width=width, lang=lang, colour=colour)))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("cause", causes())
def test_prose_fits_and_commands_are_whole(cause: str, lang: str, width: int) -> None:
    page = explained(cause, lang)
    lines = [line.removesuffix("\n") for line in shown(cause, lang, width)]
    assert lines[0] == cause
    assert [line for line in lines if line in HEADINGS[lang]] == list(HEADINGS[lang])
    commands = ["  " + item[1:].partition("`: ")[0] for item in page.commands]
    assert [line for line in lines if line in commands] == commands
    assert all(cell_len(line) <= width for line in lines if line not in commands)
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("cause", causes())
def test_code_in_prose_is_not_broken(cause: str, lang: str) -> None:
    page = explained(cause, lang)
    lines = shown(cause, lang)
    for item in (*page.checks, *(item.partition("`: ")[2] for item in page.commands)):
        for code in re.findall("`[^`]+`", item):
            assert any(code in line for line in lines), code


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_fits_any_session_comes_before_what_fits_a_few(lang: str) -> None:
    """Without a session nobody knows of a BIG-IP; with one its own check comes first."""
    checks = explained("tls-to-http-port", lang).checks
    of_members = [place for place, text in enumerate(checks) if "SERVER:PORT" in text]
    assert of_members == [len(checks) - 2, len(checks) - 1]
    assert "listen PORT ssl;" in checks[0]


def test_colour_says_nothing_that_the_words_do_not() -> None:
    plain = "".join(shown("http-to-tls-port", "en"))
    coloured = "".join(shown("http-to-tls-port", "en", colour=True))
    assert "\x1b[1m" in coloured
    without = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert "`" not in without
    assert without.split() == plain.replace("`", "").split()


@pytest.mark.parametrize("width", [40, *WIDTHS])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_list_names_every_cause_once(lang: str, width: int) -> None:
    lines = [line.rstrip("\n") for line in cause_list(list_causes(lang), Look(width=width, lang=lang))]
    named = [line.split()[0] for line in lines if re.match(r"  [a-z]", line)]
    assert sorted(named) == sorted(causes())
    assert width < 60 or all(cell_len(line) <= width for line in lines)
    assert lines[0].endswith("tcp-connect")
