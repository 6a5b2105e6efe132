"""``capanalyzer crosscheck``: a second opinion by tshark."""

from __future__ import annotations

import argparse
import os
from itertools import groupby
from typing import TYPE_CHECKING

from capanalyzer import i18n
from capanalyzer.cli.arguments import add_lang, port
from capanalyzer.cli.exits import OK, SESSION_FAILED
from capanalyzer.errors import CaptureError
from capanalyzer.i18n import N_
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from capanalyzer.cli.arguments import Commands
    from capanalyzer.crosscheck import Crosscheck

__all__ = ["add", "run"]


def add(commands: Commands) -> None:
    """The command's arguments."""
    parser = commands.add_parser(
        "crosscheck",
        help=N_("a second opinion: read a capture with tshark too and print where the facts differ"),
        description=N_(
            "Reads a capture a second time, with tshark, and prints where its facts differ from those of analyze. "
            "Needs tshark and the extra crosscheck."
        ),
    )
    parser.set_defaults(run=run)
    parser.add_argument("capture", metavar="CAPTURE", help=N_("a capture file that tshark can read"))
    parser.add_argument(
        "--tls-port", type=port, action="append", default=[], metavar="PORT", help=N_("as for analyze (repeatable)")
    )
    parser.add_argument("--exit-code", action="store_true", help=N_("exit with 1 when a fact differs"))
    add_lang(parser, N_("language of the texts (default: the language of the locale)"))


def run(options: argparse.Namespace) -> int:
    """Compare and print."""
    from capanalyzer.crosscheck import crosscheck

    if not os.path.isfile(options.capture):
        raise CaptureError(
            options.capture, Remark("{reason}; crosscheck reads one capture file", reason=_what(options.capture))
        )
    result = crosscheck(options.capture, tls_ports=options.tls_port)
    lang = options.lang or i18n.language_of_environment()
    print("\n".join(_lines(options.capture, result, lang)))
    return SESSION_FAILED if options.exit_code and result.differences else OK


def _what(path: str) -> Remark:
    """What is there instead of a file."""
    if path == "-":
        return Remark("standard input can be read only once, by one of two readers")
    if "://" in path:
        return Remark("a URL cannot be given to tshark, fetch the file first")
    if os.path.isdir(path):
        return Remark("is a directory")
    return Remark("is not a regular file") if os.path.exists(path) else Remark("no such file")


def _lines(path: str, result: Crosscheck, lang: str) -> list[str]:
    from capanalyzer.report.escape import printable

    _, counted = i18n.translator(lang), i18n.plural(lang)
    streams = counted("{n} stream", "{n} streams", result.streams).format(n=f"{result.streams:,}")
    facts = counted("{n} fact", "{n} facts", result.facts).format(n=f"{result.facts:,}")
    verdict = (
        counted("{n} difference", "{n} differences", len(result.differences)).format(n=f"{len(result.differences):,}")
        if result.differences
        else _("no difference")
    )
    lines = [
        _("{path}: {streams}, {facts} compared with {program}: {verdict}").format(
            path=printable(path), streams=streams, facts=facts, program=result.program, verdict=verdict
        )
    ]
    for stream, group in groupby(result.differences, key=lambda one: one.stream):
        lines += ["", f"tcp.stream eq {stream}"]
        for one in group:
            lines.append(f"  {one.fact}")
            lines += [
                f"    {name:<12}{printable(value) if value is not None else _('not seen')}"
                for name, value in (("capanalyzer", one.ours), ("tshark", one.theirs))
            ]
    if result.ports_left_out:
        ports = ", ".join(map(str, result.ports_left_out))
        lines += ["", _("Not compared: TLS on ports that carry other protocols too ({ports}).").format(ports=ports)]
    if result.problem:
        lines += ["", _("tshark stopped early: {problem}").format(problem=printable(result.problem))]
    return lines
