"""``capanalyzer strip-keys``: a copy of a capture that may leave the house."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from capanalyzer import i18n
from capanalyzer.cli.arguments import add_lang
from capanalyzer.cli.exits import OK
from capanalyzer.cli.tell import tell
from capanalyzer.errors import CaptureError, UsageError
from capanalyzer.i18n import N_
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from capanalyzer.capture.records import Capture
    from capanalyzer.cli.arguments import Commands

__all__ = ["add", "run"]


def add(commands: Commands) -> None:
    """The command's arguments."""
    parser = commands.add_parser(
        "strip-keys",
        help=N_("copy a capture without the TLS session keys it contains (pcapng secrets, F5 trailers)"),
        description=N_(
            "Copies a capture with every packet, but without the TLS session keys it contains: secrets in pcapng "
            "blocks, and keys in the trailers of an F5 BIG-IP. An existing file is never replaced."
        ),
    )
    parser.set_defaults(run=run)
    parser.add_argument("capture", metavar="CAPTURE", help=N_("a capture, compressed or not; - for standard input"))
    parser.add_argument(
        "-o", "--output", required=True, metavar="PATH", help=N_("where the copy is written, as pcapng")
    )
    add_lang(parser, N_("language of the texts (default: the language of the locale)"))


def run(options: argparse.Namespace) -> int:
    """Copy, and say on standard error what was taken out."""
    from capanalyzer import __version__
    from capanalyzer.output import FileOutput
    from capanalyzer.redact.strip import strip_keys

    if not options.output or options.output == "-":
        raise UsageError(Remark("-o needs the name of a file"))
    if os.path.exists(options.output):
        raise UsageError(Remark("{output}: exists already; a copy never replaces a file", output=options.output))
    capture = _open(options.capture)
    with FileOutput(options.output) as output:
        output.open()
        done = strip_keys(capture, output.stream.write, application=f"capanalyzer {__version__}")
        output.commit()
    lang = options.lang or i18n.language_of_environment()
    counted = i18n.plural(lang)
    packets = counted("{n} packet written", "{n} packets written", done.packets).format(n=f"{done.packets:,}")
    trailers = counted("keys in {n} trailer overwritten", "keys in {n} trailers overwritten", done.overwritten)
    blocks = counted("{n} block of secrets left out", "{n} blocks of secrets left out", done.blocks)
    told = (packets, trailers.format(n=f"{done.overwritten:,}"), blocks.format(n=f"{done.blocks:,}"))
    tell(f"{options.output}: " + ", ".join(told), lang)
    for warning in capture.info.warnings:
        tell(Remark("{path}: {reason}", path=options.capture, reason=warning), lang)
    return OK


def _open(path: str) -> Capture:
    """The one capture of that name.

    :raises CaptureError: it cannot be read.
    :raises UsageError: there are several.
    """
    from capanalyzer.capture.source import open_captures

    found = list(open_captures([path]))
    if len(found) != 1:
        raise UsageError(Remark("{path}: {n} captures; strip-keys copies one", path=path, n=len(found)))
    if isinstance(found[0], CaptureError):
        raise found[0]
    return found[0]
