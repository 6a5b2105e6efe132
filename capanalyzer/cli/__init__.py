"""The command line: commands, where things are written, exit codes. The only part that prints.

Exit status: 0 analysed (also when sessions failed); 1 with ``--exit-code`` when a session failed; 2 for a usage
error or when no input could be read. Nothing heavy is imported before a command runs.

A command is a module of its own with ``add`` (its arguments) and an entry in :data:`COMMANDS`; an output format of
``analyze`` is an entry in :mod:`capanalyzer.cli.formats`.

``live`` has four modules more: ``live_source`` (what is watched), ``live_output`` and ``live_view`` (where it is told),
``live_beside`` (records, metrics, notifications). ``made_reports`` analyses what ``attach`` is given.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import io
import os
import sys
from collections.abc import Sequence
from typing import Final

from capanalyzer import __version__
from capanalyzer.cli import analyze, attach, crosscheck, explain, live, strip_keys
from capanalyzer.cli.arguments import Parser, add_lang
from capanalyzer.cli.exits import OK
from capanalyzer.cli.interrupts import interrupts_kept
from capanalyzer.cli.language import language_of, speaking
from capanalyzer.cli.tell import INTERRUPTION, fail, interrupted, tell
from capanalyzer.errors import UserError
from capanalyzer.i18n import N_, language_of_environment

__all__ = ["main"]

COMMANDS: Final = (analyze, live, attach, explain, crosscheck, strip_keys)
"""In the order of ``--help``."""
STATUS_HELP: Final = N_("""\
exit status:
  0  done; also when sessions failed
  1  with --exit-code: a session failed, or a fact differs
  2  a mistake on the command line, nothing that could be read or recognised,
     or not all was written or sent
""")
COLLECT_EVERY: Final = 1_000_000
"""Objects by which the live ones must have grown before the collector looks for cycles. An analysis makes tens of
thousands of tuples a batch, nearly none of them cyclic; looking at them again and again costs a third of its time.
Should a run make cycles after all, so many objects (some 100 MB) are the most that wait to be freed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit status. Usage errors and ``--help`` leave through SystemExit, as in argparse."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a locale without the characters still gets the answer
    parser, arguments = _parser(), sys.argv[1:] if argv is None else argv
    with speaking(language_of(arguments)):
        options = parser.parse_args(arguments)
    # No linear algebra is done here, and the threads that numpy's would start cost as much as the rest of its import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    thresholds = gc.get_threshold()
    gc.set_threshold(COLLECT_EVERY)
    # The interpreter searches all objects for cycles several times before it ends; nothing is left to be found then.
    atexit.register(gc.freeze)
    try:
        with interrupts_kept():
            status: int = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except UserError as error:
        return fail(error.remark, _lang(options))
    except BrokenPipeError:
        _drop_output()  # the reader has seen enough (| head)
        return OK
    except OSError as error:
        if error.filename is None:
            _drop_output()  # a full disk behind standard output, most likely
        said = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
        return fail(said, _lang(options))
    except KeyboardInterrupt:
        return interrupted(lambda: tell(INTERRUPTION, _lang(options)))
    finally:
        gc.set_threshold(*thresholds)
    return status


def _lang(options: argparse.Namespace) -> str:
    """The language of a run: the one that was asked for or that its command has chosen, else the locale's."""
    lang: str = options.lang or language_of_environment()
    return lang


def _drop_output() -> None:
    """What is still buffered for standard output must not raise again at exit."""
    if sys.stdout is None:
        return
    with contextlib.suppress(OSError, ValueError):  # ValueError: a stand-in without a descriptor, or closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Version(argparse.Action):
    """``--version``; argparse's own would take it through what translates help."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(
            option_strings, argparse.SUPPRESS, nargs=0, help=N_("show the version of this program and exit")
        )

    def __call__(self, parser: argparse.ArgumentParser, *given: object) -> None:
        print(f"capanalyzer {__version__}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="capanalyzer",
        description=N_(
            "Why did this TLS session fail? Reads packet captures and says who has to act, "
            "with the frames that prove it."
        ),
        epilog=STATUS_HELP,
    )
    parser.add_argument("--version", action=_Version)
    add_lang(parser, N_("language of the texts, also of this help (default: the language of the locale)"))
    parser.set_defaults(lang=None)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
