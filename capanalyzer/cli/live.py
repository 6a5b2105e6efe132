"""``capanalyzer live``: packets as they come, failures as they happen."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from capanalyzer import i18n
from capanalyzer.ca_file import read_ca_file
from capanalyzer.cli.arguments import Value, add_expected, add_lang, at_least
from capanalyzer.cli.exits import NOT_ANALYSED, OK, SESSION_FAILED
from capanalyzer.cli.language import spoken
from capanalyzer.cli.live_beside import add_beside, open_beside
from capanalyzer.cli.live_output import Messages, check_apart, open_output
from capanalyzer.cli.live_source import add_source, open_source
from capanalyzer.cli.live_view import open_view
from capanalyzer.cli.tell import interrupted
from capanalyzer.i18n import N_

if TYPE_CHECKING:
    from capanalyzer.capture.live_source import LiveSource
    from capanalyzer.cli.arguments import Commands
    from capanalyzer.live.jsonl import JsonLines
    from capanalyzer.live.lines import PlainLines
    from capanalyzer.live.outlet import Outlet

__all__ = ["add", "run"]


def add(commands: Commands) -> None:
    """The command's arguments."""
    parser = commands.add_parser(
        "live",
        help=N_("watch an interface or a pipe, and tell failing TLS sessions as they happen"),
        description=N_(
            "Watches interfaces or a pipe, and tells TLS sessions that fail: what bytes prove within a second, what "
            "only silence proves when the time for an answer has run out. Nothing is ever sent on the network that is "
            "watched. Ctrl-C ends the run."
        ),
    )
    parser.set_defaults(run=run)
    add_source(parser)
    parser.add_argument(
        "--format",
        choices=("text", "jsonl"),
        default="text",
        help=N_(
            "text: a line for each failure; jsonl: a line for each session, again when its verdict changes "
            "(default: text)"
        ),
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        default="-",
        help=N_("append to this file; SIGHUP opens it again (default: standard output)"),
    )
    add_lang(parser, N_("language of the texts (default: that of the locale for text, en for jsonl)"))
    parser.add_argument(
        "--filter",
        metavar="EXPR",
        help=N_("tell and count only sessions for which this holds, e.g. 'sni=*.example.com'; see docs/filter.md"),
    )
    parser.add_argument(
        "--duration", type=Value(N_("number of seconds"), _seconds), metavar="SECONDS", help=N_("end after so long")
    )
    parser.add_argument("--count", type=at_least(1), metavar="N", help=N_("end when so many packets were read"))
    parser.add_argument("--until-failure", action="store_true", help=N_("end when a session failed"))
    add_expected(parser)
    parser.add_argument(
        "--user",
        metavar="NAME",
        help=N_("started as root: become this user when all is open (default: nobody; root: stay root)"),
    )
    parser.add_argument("--exit-code", action="store_true", help=N_("exit with 1 when a session failed"))
    parser.add_argument(
        "--plain", action="store_true", help=N_("text: plain lines in a terminal too, instead of a view of the run")
    )
    add_beside(parser)
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("-q", "--quiet", action="store_true", help=N_("no notices on standard error"))
    loudness.add_argument("-v", "--verbose", action="store_true", help=N_("text: a line for every session"))


def run(options: argparse.Namespace) -> int:
    """Watch until it ends, tell what there is to be told, return the exit status."""
    is_text = options.format == "text"
    # Errors are told in it, too.
    lang = options.lang = options.lang or (i18n.language_of_environment() if is_text else "en")
    from capanalyzer.heap import map_large_pieces
    from capanalyzer.live.ending import Ending, Patience
    from capanalyzer.live.notify import Notifier
    from capanalyzer.live.preparation import prepare
    from capanalyzer.live.privileges import give_up, user_named
    from capanalyzer.live.run import Signals, watch
    from capanalyzer.live.status import LossNotices, StatusLine

    map_large_pieces()
    ending = Ending(options.duration, options.count, until_failure=options.until_failure)
    messages = Messages(ending, lang, is_quiet=options.quiet)
    with ExitStack() as stack:
        user = user_named(options.user)
        output = open_output(options.output, lang, ending, messages)
        closing = stack.enter_context(ExitStack())
        closing.callback(output.close)
        from capanalyzer.analysis import Options
        from capanalyzer.live.engine import Engine

        chosen = None
        if options.filter is not None:
            from capanalyzer.report.filter import Filter

            chosen = Filter(options.filter)
        settings = Options(
            tls_ports=frozenset(options.tls_port),
            ca_certificates=() if options.ca_file is None else read_ca_file(options.ca_file),
        )
        source, is_interface = open_source(options)
        stack.callback(source.close)
        is_file = not is_interface and _is_file(options.read)
        patience = Patience.NONE if is_interface else Patience.ALWAYS if is_file else Patience.WHILE_READ
        if not is_interface:
            check_apart(options.output, options.read)
        name = _name(source, lang)
        lines = output.outlet(patience, ending, messages, lang, is_text=is_text)
        view = open_view(options, name, lang, ending, patience)
        if view is not None:
            stack.callback(view.release)
            stack.callback(view.close)
        beside = open_beside(options, source.info, name, lang, messages, None if view is not None else lines.counts)
        writer = _writer(options, lines, lang) if view is None else view
        notifier = Notifier()
        stack.callback(notifier.close)
        listeners = [*beside.listeners, StatusLine(notifier.status, name, lang), writer]
        if not is_text:
            listeners.append(LossNotices(messages, lang))
        engine = Engine(
            source,
            listeners,
            settings,
            is_watched=is_interface,
            is_file=is_file,
            may_be_trimmed=is_file,
            lang=lang,
            chosen=chosen,
        )
        prepare(lang)
        notes = give_up(user, beside.folders, outputs=output.folders, confine=not beside.runs_programs)
        try:
            with Signals(ending) as signals, messages:
                for note in notes:
                    messages(note)
                try:
                    closing.pop_all()  # from here on whoever writes closes it: that may take its time, too
                    with lines:
                        beside.start()
                        if view is not None:
                            view.start()
                            messages.view = view
                        watch(engine, source, listeners, ending, signals, notifier, messages)
                        is_gone = is_interface and source.ended
                        lines.drain()
                        if lines.lost:
                            source.info.warnings.append(lines.loss())
                        writer.end(engine.trailer())
                        lines.close()
                        if lines.lost:
                            messages(lines.loss())
                        is_cut = view is not None and view.is_cut
                        if is_cut:
                            _ = i18n.translator(lang)
                            messages(_("the terminal took no more: the end of the report is missing"))
                except KeyboardInterrupt:
                    if view is not None:
                        # What is said last waits for a terminal that nobody reads, and keeps others from it.
                        view.release()
                    return interrupted(messages.interrupted)
        except KeyboardInterrupt:
            return interrupted(lambda: None)  # nobody reads the last messages
    if lines.lost or is_cut or is_gone:
        return NOT_ANALYSED
    return SESSION_FAILED if options.exit_code and engine.failed else OK


def _is_file(path: str) -> bool:
    """A file that was written before, not somebody who captures at the other end of a pipe."""
    if path == "-":
        return stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)
    return os.path.isfile(path)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        _ = i18n.translator(spoken())
        raise argparse.ArgumentTypeError(_("must be more than 0"))
    return value


def _name(source: LiveSource, lang: str) -> str:
    """What is watched, as it is called in what is told."""
    return i18n.translator(lang)("standard input") if source.info.path == "-" else source.info.path


def _writer(options: argparse.Namespace, lines: Outlet, lang: str) -> JsonLines | PlainLines:
    if options.format == "jsonl":
        from capanalyzer.live.jsonl import JsonLines

        return JsonLines(lines)
    from capanalyzer.live.lines import PlainLines

    return PlainLines(lines, lang=lang, verbose=options.verbose)
