"""``capanalyzer explain``: what a cause means and what to do."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from capanalyzer import i18n
from capanalyzer.cli.arguments import add_lang
from capanalyzer.cli.exits import OK
from capanalyzer.cli.formats import look_of

if TYPE_CHECKING:
    from capanalyzer.cli.arguments import Commands

__all__ = ["add", "run"]


def add(commands: Commands) -> None:
    """The command's arguments."""
    parser = commands.add_parser("explain", help="what a cause means and what to do about it; without one: the list")
    parser.set_defaults(run=run)
    parser.add_argument("cause", nargs="?", metavar="CAUSE")
    add_lang(parser, "the language of the locale")


def run(options: argparse.Namespace) -> int:
    """Print the page, or the list of all causes."""
    from capanalyzer.diagnosis.explain import explained, list_causes
    from capanalyzer.report.explained import cause_list, cause_page

    lang = options.lang or i18n.language_of_environment()
    look = look_of(sys.stdout, lang)
    if options.cause is None:
        sys.stdout.writelines(cause_list(list_causes(lang), look))
    else:
        sys.stdout.writelines(cause_page(options.cause, explained(options.cause, lang), look))
    return OK
