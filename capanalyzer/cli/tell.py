"""Messages for the person at the terminal, on standard error: one line each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from capanalyzer.cli.exits import INTERRUPTED, NOT_ANALYSED
from capanalyzer.remark import Remark

__all__ = ["INTERRUPTION", "fail", "interrupted", "line_of", "tell"]

INTERRUPTION: Final = Remark("interrupted")


def tell(message: str, lang: str) -> None:
    """One line on standard error, where that can be written to; an undecodable or hostile file name cannot break it or
    forge a second one.

    :param message: told in ``lang`` where it is a remark.
    """
    if sys.stderr is not None:  # else print would take standard output
        from capanalyzer.i18n import told
        from capanalyzer.report.escape import printable

        with suppress(OSError):  # closed, or on a full disk: there is nobody to be told
            print(f"capanalyzer: {printable(told(message, lang))}", file=sys.stderr)


def line_of(message: str, lang: str) -> bytes:
    """The line that :func:`tell` writes, for who writes it in another way."""
    from capanalyzer.i18n import told
    from capanalyzer.report.escape import printable

    return f"capanalyzer: {printable(told(message, lang))}\n".encode(sys.stderr.encoding or "ascii", "backslashreplace")


def fail(message: str, lang: str) -> int:
    """As :func:`tell`.

    :returns: the exit status.
    """
    tell(message, lang)
    return NOT_ANALYSED


def interrupted(say: Callable[[], None]) -> int:
    """To be called where KeyboardInterrupt is caught.

    :param say: tells so.
    """
    # One that came through exec() of a text, as dataclasses are made while modules are imported, stays marked as
    # unhandled in CPython, which then ends by the signal and not with our status. The next text takes that away.
    exec("")  # noqa: S102 - empty
    say()
    return INTERRUPTED
