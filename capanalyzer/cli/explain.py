"""``capanalyzer explain``: what a cause means and what to do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from capanalyzer import i18n
from capanalyzer.cli.arguments import add_lang
from capanalyzer.cli.exits import OK

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
    from capanalyzer.diagnosis.pages import explain, explain_all

    lang = options.lang or i18n.language_of_environment()
    print(explain_all(lang) if options.cause is None else explain(options.cause, lang))
    return OK
