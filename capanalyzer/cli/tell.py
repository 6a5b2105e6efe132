"""Messages for the person at the terminal, on standard error: one line each."""

from __future__ import annotations

import sys

from capanalyzer.cli.exits import NOT_ANALYSED

__all__ = ["fail", "tell"]


def tell(message: str) -> None:
    """One line on standard error; an undecodable or hostile file name cannot break it or forge a second one."""
    from capanalyzer.report.escape import printable

    print(f"capanalyzer: {printable(message)}", file=sys.stderr)


def fail(message: str) -> int:
    tell(message)
    return NOT_ANALYSED
