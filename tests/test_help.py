"""``--help`` and what is said of wrong command lines: complete in both languages, laid out by cells of a terminal."""

from __future__ import annotations

import argparse
import ast
import gettext
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from rich.cells import cell_len

from capanalyzer import __version__, cli, i18n
from capanalyzer.cli.formats import FORMATS
from capanalyzer.cli.help import HelpFormatter
from capanalyzer.cli.language import ARGPARSE_TEXTS, language_of, speaking, spoken
from capanalyzer.i18n import LOCALE_DIR, read_po

COMMANDS = ("", "analyze", "live", "attach", "explain", "crosscheck", "strip-keys")
NOT_TOLD = {
    # About a program that uses argparse wrongly.
    ".__call__() not defined",
    "'required' is an invalid argument for positionals",
    "mutually exclusive arguments must be optional",
    "%r is not callable",
    "cannot merge actions - two groups are named %r",
    "invalid option string %(option)r: must start with a character %(prefix_chars)r",
    "dest= is required for options like %r",
    "invalid conflict_resolution value: %r",
    "cannot have multiple subparser arguments",
    "conflicting option string: %s",
    "conflicting subparser: %s",
    "conflicting subparser alias: %s",
    'argument "-" with mode %r',
    # About what is not used here: FileType, numbers of values, deprecated options, defaults that a formatter adds,
    # commands as a group of their own.
    "can't open '%(filename)s': %(error)s",
    "expected %s argument",
    "option '%(option)s' is deprecated",
    "argument '%(argument_name)s' is deprecated",
    "command '%(parser_name)s' is deprecated",
    " (default: %(default)s)",
    "subcommands",
    # Ours say it another way, or there are no words in it.
    "show program's version number and exit",
    "%(prog)s: error: %(message)s\n",
    "%(prog)s: warning: %(message)s\n",
    "%(heading)s:",
}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def leave(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """What is told when the command line itself is the end of the run."""
    with pytest.raises(SystemExit) as leaving:
        cli.main(arguments)
    out, err = capsys.readouterr()
    return int(leaving.value.code or 0), out, err


def help_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, lang: str, width: int
) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    status, out, err = leave(capsys, *command.split(), "--help", "--lang", lang)
    assert (status, err) == (0, "")
    return out


def parsers() -> Iterator[argparse.ArgumentParser]:
    """The whole one and those of the commands."""
    whole = cli._parser()
    yield whole
    for action in whole._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()


def texts() -> set[str]:
    """All that help can show."""
    found: set[str | None] = set()
    for parser in parsers():
        found |= {parser.description, parser.epilog}
        for group in parser._action_groups:
            found |= {group.title, group.description}
        for action in parser._actions:
            found.add(action.help)
            if isinstance(action, argparse._SubParsersAction):
                found |= {choice.help for choice in action._choices_actions}
    return {text for text in found if text and text != argparse.SUPPRESS}


def without_spaces(text: str) -> str:
    return "".join(text.split())


# --- help -------------------------------------------------------------------------------------------------------------


def test_every_command_is_tried_here() -> None:
    assert [parser.prog for parser in parsers()] == [f"capanalyzer {name}".strip() for name in COMMANDS]


def test_every_text_of_help_has_a_japanese_form() -> None:
    with open(f"{LOCALE_DIR}/ja/LC_MESSAGES/capanalyzer.po", encoding="utf-8") as lines:
        japanese = read_po(lines.read())
    assert {text for text in texts() if text not in japanese} == set()


def test_every_argument_is_explained() -> None:
    unexplained = {
        (parser.prog, action.dest)
        for parser in parsers()
        for action in parser._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    }
    assert unexplained == set()


def test_every_command_says_in_a_sentence_what_it_does() -> None:
    assert [parser.prog for parser in parsers() if not (parser.description or "").endswith(".")] == []


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_a_mistake_points_to_the_help_of_its_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``capanalyzer --help`` has none of its options."""
    files = {"attach": ["mailto:a@b.example", "x"], "strip-keys": ["x", "-o", "y"], "live": []}.get(command, ["x"])
    status, out, err = leave(capsys, command, *files, "--nope")
    assert (status, out) == (2, "")
    assert err == (f"capanalyzer {command}: unrecognized arguments: --nope (see capanalyzer {command} --help)\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_japanese_help_has_no_english_sentence(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = without_spaces(help_of(capsys, monkeypatch, command, "ja", 80))
    for text in texts() | set(ARGPARSE_TEXTS):
        if " " in text.strip():
            assert without_spaces(text) not in shown, text
    assert shown.startswith("使用法:capanalyzer")
    assert "options:" not in shown
    assert "arguments:" not in shown


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_wider_than_the_terminal(
    command: str, lang: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in (120, 80, 60):
        shown = help_of(capsys, monkeypatch, command, lang, width)
        assert [line for line in shown.splitlines() if cell_len(line) > width] == [], width


@pytest.mark.parametrize("command", COMMANDS)
def test_both_languages_show_the_same_arguments(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [help_of(capsys, monkeypatch, command, lang, 80) for lang in ("en", "ja")]
    options = [re.findall(r"^ {2,4}(-.+?|[A-Z]+)(?:  |$)", text, re.MULTILINE) for text in shown]
    assert len(options[0]) >= 3
    assert options[0] == options[1]


def test_what_goes_on_stands_below_where_it_began(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage, *rest = help_of(capsys, monkeypatch, "live", "ja", 80).splitlines()
    column = cell_len("使用法: capanalyzer live ")
    assert usage.startswith("使用法: capanalyzer live [-h]")
    assert rest[0].startswith(" " * column + "[")
    at = [line for line in rest if line.startswith("  --format ")]
    assert len(at) == 1
    explained = rest[rest.index(at[0]) + 1 : rest.index(at[0]) + 3]
    assert [len(line) - len(line.lstrip()) for line in explained] == [24, 24]


def test_a_long_line_of_a_text_goes_on_below_its_last_column() -> None:
    formatter = HelpFormatter("x", width=50)
    text = (
        "words  " + "a " * 30 + "\n  語  " + "あ" * 30 + "\n        " + "b" * 8 + " " + "b" * 40 + "\n" + "longer " * 8
    )
    lines = formatter._fill_text(text, 50, "").split("\n")
    assert lines[:2] == ["words  " + " ".join("a" * 22), "       " + " ".join("a" * 8)]
    assert lines[2:4] == ["  語  " + "あ" * 22, "      " + "あ" * 8]
    assert lines[4:6] == ["        " + "b" * 8, "        " + "b" * 40]
    assert lines[6:] == [" ".join(["longer"] * 7), "longer"]


def test_help_names_every_format(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for lang in ("en", "ja"):
        shown = help_of(capsys, monkeypatch, "analyze", lang, 200)
        (line,) = [line for line in shown.splitlines() if line.startswith("  --format ")]
        assert {form for form in FORMATS if not re.search(rf"\b{form}\b", line)} == set(), lang


def test_help_is_shown_where_its_characters_cannot_be() -> None:
    environ = {**os.environ, "LANG": "ja_JP.eucJP", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "capanalyzer", "--help"], env=environ, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u4f7f" in done.stdout


# --- which language ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "lang"),
    [
        ("", "en"),
        ("analyze --lang ja x.pcap", "ja"),
        ("analyze --lang=ja --help", "ja"),
        ("--lang ja analyze --help", "ja"),
        ("analyze --la ja", "ja"),
        ("analyze --lang ja --lang en", "en"),
        ("analyze --lang fr", "en"),
        ("analyze --lang", "en"),
        ("analyze -- --lang ja", "en"),
        ("analyze --log ja --language ja -- ja", "en"),
    ],
)
def test_the_language_is_found_wherever_it_is_said(words: str, lang: str) -> None:
    assert language_of(words.split()) == lang


def test_the_locale_decides_where_nothing_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    assert leave(capsys, "explain", "-h")[1].startswith("使用法: ")
    assert leave(capsys, "explain", "-h", "--lang", "en")[1].startswith("usage: ")
    assert language_of(["--lang", "fr"]) == "ja"


def test_the_option_may_stand_before_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    pages = []
    for words in ("--lang ja explain X", "explain X --lang ja", "--lang en explain X --lang ja", "explain X"):
        assert cli.main(words.replace("X", "http-to-tls-port").split()) == 0
        pages.append(capsys.readouterr().out)
    assert pages[0] == pages[1] == pages[2]
    assert pages[0] != pages[3]
    assert leave(capsys, "--lang", "ja", "--help")[1].startswith("使用法: ")


def test_argparse_is_ours_only_while_it_works() -> None:
    said = []

    def leave_speaking() -> None:
        with speaking("ja"):
            said.extend([spoken(), argparse._("expected one argument")])  # type: ignore[attr-defined]
            raise SystemExit

    with pytest.raises(SystemExit):
        leave_speaking()
    assert said == ["ja", "値を 1 つ指定してください"]
    assert argparse._ is gettext.gettext  # type: ignore[attr-defined]
    assert argparse.ngettext is gettext.ngettext  # type: ignore[attr-defined]
    assert spoken() == "en"


def test_no_catalog_is_loaded_where_nothing_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    monkeypatch.setattr(cli.analyze, "run", lambda options: 0)
    i18n._translations.cache_clear()
    assert leave(capsys, "--version") == (0, f"capanalyzer {__version__}\n", "")
    assert cli.main(["analyze", "x.pcap", "--jobs", "2", "--tls-port", "8443", "--format", "json", "-q"]) == 0
    assert i18n._translations.cache_info().currsize == 0
    assert leave(capsys, "analyze")[2]
    assert i18n._translations.cache_info().currsize == 1


# --- mistakes ---------------------------------------------------------------------------------------------------------


def test_every_sentence_of_argparse_is_known() -> None:
    """The running Python's: those that users can meet are translated, and of the rest it is known why not."""
    said = {
        node.args[0].value
        for node in ast.walk(ast.parse(inspect.getsource(argparse)))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("_", "ngettext")
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(said) > 30
    assert said - set(ARGPARSE_TEXTS) - NOT_TOLD == set()
    assert set(ARGPARSE_TEXTS).isdisjoint(NOT_TOLD)


@pytest.mark.parametrize(
    ("words", "english", "japanese"),
    [
        ("analyze", "the following arguments are required: CAPTURE", "次の引数が必要です: CAPTURE"),
        ("", "the following arguments are required: COMMAND", "次の引数が必要です: COMMAND"),
        ("analyze x --nope", "unrecognized arguments: --nope", "認識できない引数です: --nope"),
        ("analyze x --jobs", "argument --jobs: expected one argument", "引数 --jobs: 値を 1 つ指定してください"),
        ("analyze x --jobs 0", "argument --jobs: must be 1 or more", "引数 --jobs: 1 以上で指定してください"),
        (
            "analyze x --jobs 1.5",
            "argument --jobs: invalid whole number value: '1.5'",
            "引数 --jobs: 整数として正しくない値です: '1.5'",
        ),
        (
            "analyze x --tls-port https",
            "argument --tls-port: invalid port number value: 'https'",
            "引数 --tls-port: ポート番号として正しくない値です: 'https'",
        ),
        (
            "attach x y --max-size much",
            "argument --max-size: invalid size value: 'much'",
            "引数 --max-size: サイズとして正しくない値です: 'much'",
        ),
        (
            "live --duration x",
            "argument --duration: invalid number of seconds value: 'x'",
            "引数 --duration: 秒数として正しくない値です: 'x'",
        ),
        (
            "live --duration 0",
            "argument --duration: must be more than 0",
            "引数 --duration: 0 より大きい値を指定してください",
        ),
        (
            "live --record-size 9",
            "argument --record-size: must be 10 or more",
            "引数 --record-size: 10 以上で指定してください",
        ),
        (
            "analyze x -q -v",
            "argument -v/--verbose: not allowed with argument -q/--quiet",
            "引数 -v/--verbose: 引数 -q/--quiet と同時には指定できません",
        ),
        (
            "analyze x --re",
            "ambiguous option: --re could match --redact, --redact-key",
            "オプション --re はあいまいです (候補: --redact, --redact-key)",
        ),
        (
            "analyze x --redact=1",
            "argument --redact: ignored explicit argument '1'",
            "引数 --redact: 値を取らないオプションに値 '1' が指定されています",
        ),
    ],
)
def test_mistakes_are_told_in_both_languages(
    words: str, english: str, japanese: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = " ".join(["capanalyzer", *words.split()[:1]])
    assert leave(capsys, *words.split()) == (2, "", f"{program}: {english} (see {program} --help)\n")
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    assert leave(capsys, *words.split()) == (2, "", f"{program}: {japanese} ({program} --help を参照)\n")


@pytest.mark.parametrize(("words", "value"), [("analyse x", "analyse"), ("analyze x --format xml", "xml")])
def test_choices_are_told_in_both_languages(words: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Up to the choices: Python's versions differ in how they quote them."""
    assert f": invalid choice: '{value}' (choose from " in leave(capsys, *words.split())[2]
    assert f": 選択できない値です: '{value}' (選択肢: " in leave(capsys, "--lang", "ja", *words.split())[2]
