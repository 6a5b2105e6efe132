"""Arguments that several commands share, and the types of their values."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from capanalyzer import i18n
from capanalyzer.cli.exits import NOT_ANALYSED

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

__all__ = ["Parser", "add_expected", "add_lang", "jobs", "port"]


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with a command line: a summary of all options would bury it."""

    def error(self, message: str) -> NoReturn:
        """:raises SystemExit: always."""
        self.exit(NOT_ANALYSED, f"{self.prog}: {message} (see {self.prog} --help)\n")


def add_lang(parser: argparse.ArgumentParser, default: str) -> None:
    """``--lang``; ``default`` is said in the help."""
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help=f"language of the texts (default: {default})")


def add_expected(parser: argparse.ArgumentParser) -> None:
    """What is known of the network: ``--tls-port`` and ``--ca-file``."""
    parser.add_argument(
        "--tls-port",
        type=port,
        action="append",
        default=[],
        metavar="PORT",
        help="expect TLS on this port too (repeatable); TLS itself is found on any port",
    )
    parser.add_argument(
        "--ca-file",
        metavar="FILE",
        help="roots that your clients trust beside the public ones (PEM, any number of certificates)",
    )


def port(text: str) -> int:
    """A TCP port."""
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError(text)
    return number


def jobs(text: str) -> int:
    """How many processes."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


jobs.__name__ = "number of processes"
