"""The language of the command line itself: its help, and what is said of a command line that is wrong.

Both are needed before the options are read, or instead of it. So the language is looked for in the words as they are
given, and argparse speaks it while it works on them. The catalog is loaded when something is said, not before.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from capanalyzer.i18n import LANGUAGES, N_, language_of_environment, plural, translator

__all__ = ["ARGPARSE_TEXTS", "language_of", "speaking", "spoken"]

ARGPARSE_TEXTS: Final = (
    N_("usage: "),
    N_("positional arguments"),
    N_("options"),
    N_("show this help message and exit"),
    N_("argument %(argument_name)s: %(message)s"),
    N_("the following arguments are required: %s"),
    N_("one of the arguments %s is required"),
    N_("not allowed with argument %s"),
    N_("unrecognized arguments: %s"),
    N_("ambiguous option: %(option)s could match %(matches)s"),
    N_("unexpected option string: %s"),
    N_("ignored explicit argument %r"),
    N_("expected one argument"),
    N_("expected at most one argument"),
    N_("expected at least one argument"),
    N_("invalid %(type)s value: %(value)r"),
    N_("invalid choice: %(value)r (choose from %(choices)s)"),
    N_("invalid choice: %(value)r, maybe you meant %(closest)r? (choose from %(choices)s)"),
    N_("unknown parser %(parser_name)r (choices: %(choices)s)"),
)
"""What the argparse of Python 3.11 to 3.14 says to users; a test compares them with those of the running one."""

_LANG: Final = ContextVar("lang", default="en")


def language_of(arguments: Sequence[str]) -> str:
    """``ja`` or ``en``: what the last ``--lang`` says, wherever it stands; else what the locale says."""
    lang = ""
    words = iter(arguments)
    for word in words:
        if word == "--":
            break
        option, equals, value = word.partition("=")
        if len(option) > len("--") and "--lang".startswith(option):  # argparse takes shortened ones
            lang = value if equals else next(words, "")
    return lang if lang in LANGUAGES else language_of_environment()


def spoken() -> str:
    """The language of the command line that is being read."""
    return _LANG.get()


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """Within it :func:`spoken` is ``lang``, and argparse speaks it.

    argparse takes each of its sentences through the two functions of gettext that it imports. Python brings no
    translations of them: these functions are replaced by ours for as long.
    """

    def gettext(text: str) -> str:
        return translator(lang)(text)

    def ngettext(one: str, several: str, n: int) -> str:
        return plural(lang)(one, several, n)

    ours = {"_": gettext, "ngettext": ngettext}
    theirs = {name: getattr(argparse, name) for name in ours}
    token = _LANG.set(lang)
    for name, function in ours.items():
        setattr(argparse, name, function)
    try:
        yield
    finally:
        for name, function in theirs.items():
            setattr(argparse, name, function)
        _LANG.reset(token)
