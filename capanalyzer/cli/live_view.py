"""The view of ``capanalyzer live``: whether there is one."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from capanalyzer.cli.formats import look_of

if TYPE_CHECKING:
    from capanalyzer.live.ending import Ending, Patience
    from capanalyzer.live.view.screen import View

__all__ = ["open_view"]


def open_view(options: argparse.Namespace, source: str, lang: str, ending: Ending, patience: Patience) -> View | None:
    """The view, where text goes to a terminal that can do more than lines.

    :param source: what is watched.
    :param ending: of the run.
    :param patience: with the terminal, at the end.
    """
    if options.format != "text" or options.plain or options.output != "-" or not sys.stdout.isatty():
        return None
    if os.environ.get("TERM") in (None, "", "dumb") and sys.platform != "win32":
        return None
    from capanalyzer.live.view.screen import View

    return View(sys.stdout, look_of(sys.stdout, lang, verbose=options.verbose), source, ending, patience)
