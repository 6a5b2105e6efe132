"""Arguments that several commands share, and the types of their values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeAlias, TypeVar

from capanalyzer import i18n
from capanalyzer.cli.exits import NOT_ANALYSED
from capanalyzer.cli.help import HelpFormatter
from capanalyzer.cli.language import spoken
from capanalyzer.i18n import N_

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

__all__ = ["Parser", "Value", "add_expected", "add_lang", "at_least", "port"]

T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with a command line: a summary of all options would bury it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": HelpFormatter, **settings})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but a command says itself what it does not know: the help it points to is its own."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            _ = i18n.translator(spoken())
            self.error(_("unrecognized arguments: %s") % " ".join(unknown))
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """:raises SystemExit: always."""
        _ = i18n.translator(spoken())
        line = _("{program}: {message} (see {program} --help)").format(program=self.prog, message=message)
        self.exit(NOT_ANALYSED, f"{line}\n")


class Value(Generic[T]):
    """The type of an argument's value, as argparse takes it: a function, and the name that its messages have for it."""

    def __init__(self, name: str, read: Callable[[str], T]) -> None:
        """:param read: raises ValueError, or ArgumentTypeError with a message that says more."""
        self._name, self._read = name, read

    def __call__(self, text: str) -> T:
        return self._read(text)

    @property
    def __name__(self) -> str:
        return i18n.translator(spoken())(self._name)


def add_lang(parser: argparse.ArgumentParser, text: str) -> None:
    """``--lang``, which may stand before the command, too.

    :param text: of the help.
    """
    parser.add_argument("--lang", choices=i18n.LANGUAGES, default=argparse.SUPPRESS, help=text)


def add_expected(parser: argparse.ArgumentParser) -> None:
    """What is known of the network: ``--tls-port`` and ``--ca-file``."""
    parser.add_argument(
        "--tls-port",
        type=port,
        action="append",
        default=[],
        metavar="PORT",
        help=N_("expect TLS on this port too (repeatable); TLS itself is found on any port"),
    )
    parser.add_argument(
        "--ca-file",
        metavar="FILE",
        help=N_("roots that your clients trust beside the public ones (PEM, any number of certificates)"),
    )


def at_least(least: int) -> Value[int]:
    """Whole numbers from ``least`` on."""

    def whole(text: str) -> int:
        value = int(text)
        if value < least:
            _ = i18n.translator(spoken())
            raise argparse.ArgumentTypeError(_("must be {least} or more").format(least=least))
        return value

    return Value(N_("whole number"), whole)


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError(text)
    return number


port = Value(N_("port number"), _port)
"""A TCP port."""
