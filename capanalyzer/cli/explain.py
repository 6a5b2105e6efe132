"""``capanalyzer explain``: what a cause or a line of a log means and what to do."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final

from capanalyzer import i18n
from capanalyzer.cli.arguments import add_lang
from capanalyzer.cli.exits import NOT_ANALYSED, OK
from capanalyzer.cli.formats import look_of
from capanalyzer.cli.tell import tell
from capanalyzer.errors import UsageError
from capanalyzer.i18n import N_
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capanalyzer.cli.arguments import Commands
    from capanalyzer.logs.line import LogLine
    from capanalyzer.report.terminal import Look

__all__ = ["add", "run"]

_MAX_KINDS: Final = 20
"""Different things that lines from standard input say, of which each is explained."""
_MAX_LINE: Final = 64 << 10


def add(commands: Commands) -> None:
    """The command's arguments."""
    parser = commands.add_parser(
        "explain",
        help=N_("what a cause or a log line means and what to do about it; without one: the list of causes"),
        description=N_(
            "Tells what a cause or a log line means, what looks the same, what to check first and which commands "
            "and captures show it. Without an argument: the list of causes."
        ),
    )
    parser.set_defaults(run=run)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("cause", nargs="?", metavar="CAUSE", help=N_("a cause, as reports name it"))
    what.add_argument(
        "--line",
        metavar="TEXT",
        help=N_(
            "a line of a log (F5, nginx, HAProxy, Apache, cloud balancers, Java, Go, curl, browsers ...), "
            "or - to read lines from standard input"
        ),
    )
    add_lang(parser, N_("language of the texts (default: the language of the locale)"))


def run(options: argparse.Namespace) -> int:
    """Print the page, or the list of all causes, or what a line means."""
    lang = options.lang or i18n.language_of_environment()
    look = look_of(sys.stdout, lang)
    if options.line is not None:
        return _explain_line(options.line, look)
    from capanalyzer.diagnosis.explain import explained, list_causes
    from capanalyzer.report.explained import cause_list, cause_page

    if options.cause is None:
        sys.stdout.writelines(cause_list(list_causes(lang), look))
    else:
        sys.stdout.writelines(cause_page(options.cause, explained(options.cause, lang), look))
    return OK


def _explain_line(given: str, look: Look) -> int:
    """:raises UsageError: there is no line."""
    from capanalyzer.logs.pasted import unwrapped
    from capanalyzer.logs.read import read_lines
    from capanalyzer.logs.words import recognise_words
    from capanalyzer.report.log_line import explained_line, unknown_line

    is_piped = given == "-"
    text = "" if is_piped else given
    lines = _piped() if is_piped else enumerate(text.split("\n"), 1)
    kinds: dict[tuple[str, str], tuple[LogLine, int]] = {}
    too_many = 0
    for line in read_lines((number, unwrapped(one)) for number, one in lines):
        kind = (line.format, line.meaning)
        if kind in kinds:
            kinds[kind] = kinds[kind][0], kinds[kind][1] + 1
        elif len(kinds) < _MAX_KINDS:
            kinds[kind] = line, 0
        else:
            too_many += 1
    for place, (line, others) in enumerate(kinds.values()):
        sys.stdout.write("\n\n" if place else "")
        sys.stdout.writelines(explained_line(line, look, others=others))
    if too_many:
        more = Remark.counted(
            "{n} more line says another thing; give fewer at a time",
            "{n} more lines say other things; give fewer at a time",
            too_many,
        )
        tell(more, look.lang)
    if not kinds and not is_piped and (words := recognise_words(text)) is not None:
        sys.stdout.writelines(explained_line(words, look))
        return OK
    if kinds:
        return OK
    if is_piped:
        tell(Remark("no line about TLS that is known here"), look.lang)
        return NOT_ANALYSED
    if not text.strip():
        raise UsageError(Remark("--line is empty: give a line of a log, or - to read lines from standard input"))
    if "\n" not in text and os.path.isfile(text):
        raise UsageError(
            Remark(
                "{text} is a file: explain --line - reads lines from standard input; analyze takes it as --log",
                text=text,
            )
        )
    sys.stdout.writelines(unknown_line(text, look))
    return NOT_ANALYSED


def _piped() -> Iterator[tuple[int, str]]:
    """Lines of standard input, numbered; what is no text in them is escaped."""
    number = 0
    while piece := sys.stdin.buffer.readline(_MAX_LINE):
        number += 1
        yield number, piece.replace(b"\0", b"").rstrip(b"\r\n").decode("utf-8", "backslashreplace")
