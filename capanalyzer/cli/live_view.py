"""The view of ``capanalyzer live``: whether there is one, and where messages go meanwhile."""

from __future__ import annotations

import argparse
import os
import sys
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from capanalyzer.cli.formats import look_of
from capanalyzer.cli.tell import tell

if TYPE_CHECKING:
    from capanalyzer.live.view.screen import View

__all__ = ["Messages", "open_view"]

MAX_KEPT: Final = 50
"""Messages shown in the view that are told once more behind it."""


def open_view(options: argparse.Namespace, source: str, lang: str, quit_run: Callable[[], None]) -> View | None:
    """The view, where text goes to a terminal that can do more than lines.

    :param source: what is watched.
    :param quit_run: called when somebody wants the run to end.
    """
    if options.format != "text" or options.plain or options.output != "-" or not sys.stdout.isatty():
        return None
    if os.environ.get("TERM", "dumb") == "dumb" and sys.platform != "win32":
        return None
    from capanalyzer.live.view.screen import View

    return View(sys.stdout, look_of(sys.stdout, lang, verbose=options.verbose), source, quit_run)


class Messages:
    """What the run itself has to say: on standard error, but in the view while there is one, and behind it again."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._kept: deque[str] = deque(maxlen=MAX_KEPT)
        self.view: View | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The view is over."""
        self.view = None
        for message in self._kept:
            tell(message)

    def __call__(self, message: str) -> None:
        """From any thread."""
        if self._is_quiet:
            return
        if self.view is None:
            tell(message)
        else:
            self._kept.append(message)
            self.view.tell(message)
