"""``capanalyzer analyze``: captures in, a report out."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from capanalyzer import i18n
from capanalyzer.ca_file import read_ca_file
from capanalyzer.cli.arguments import add_expected, add_lang, at_least
from capanalyzer.cli.exits import NOT_ANALYSED, OK, SESSION_FAILED
from capanalyzer.cli.formats import FORMATS, PLAIN_WIDTH
from capanalyzer.cli.tell import tell
from capanalyzer.errors import CaptureError, UsageError
from capanalyzer.i18n import N_
from capanalyzer.output import FileOutput
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capanalyzer.cli.arguments import Commands
    from capanalyzer.evidence.folder import EvidenceFolder
    from capanalyzer.evidence.write import Written
    from capanalyzer.logs.kept import KeptLog, Logs
    from capanalyzer.redact.redactor import Redactor
    from capanalyzer.report.document import AnyRun
    from capanalyzer.report.filter import Filter
    from capanalyzer.report.progress import Progress

__all__ = ["FILTER_HELP", "add", "run"]

FILTER_HELP: Final = N_("""\
filter:
  Comparisons joined with and, or, not and parentheses:
    FIELD=VALUE[,VALUE...]   FIELD!=VALUE   numbers and times: < <= > >= too
    'outcome=failed and (sni=*.example.com or server=10.0.0.0/8)'
    'time>=2026-11-23T10:00 and cause=certificate-*'
  Summary and incidents, too, are then about the chosen sessions only; the
  report says how many were left out. Described in full in docs/filter.md.
  words      outcome cause blame stage waiting_on confidence severity finding
             closed_by transport
  texts      sni protocol version cipher_suite alert fingerprint community_id
             log virtual_server reset_reason
             (in words and texts * stands for any characters)
  addresses  host client server (also networks)
  numbers    port client.port server.port capture stream
             connect_ms client_hello_ms server_hello_ms handshake_ms
  times      time (a session's start; UTC without an offset)
""")
"""Written out here: the help is shown without importing what knows the fields; a test holds both together."""


def add(commands: Commands) -> None:
    """The command's arguments."""
    parser = commands.add_parser(
        "analyze",
        help=N_("read captures and report on every TLS session in them"),
        description=N_(
            "Reads captures and tells of each TLS session that did not work where it stalled, what the cause is, "
            "who has to act, and which frames prove it."
        ),
        epilog=FILTER_HELP,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "captures",
        nargs="+",
        metavar="CAPTURE",
        help=N_("a file (pcap, pcapng, snoop, compressed or not), a directory, a glob, a URL, or - for standard input"),
    )
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="text",
        metavar="FORMAT",
        help=N_("text, json, jsonl, markdown, html, pdf, csv or parquet (default: text)"),
    )
    parser.add_argument(
        "-o", "--output", metavar="PATH", default="-", help=N_("write the report here (default: standard output)")
    )
    add_lang(
        parser,
        N_("language of the texts (default: that of the locale for reports to be read, en for those of programs)"),
    )
    parser.add_argument(
        "--filter",
        metavar="EXPR",
        help=N_("report only on sessions for which this holds, e.g. 'outcome=failed and sni=*.example.com'; see below"),
    )
    parser.add_argument(
        "--evidence",
        metavar="DIR",
        help=N_("write a small pcapng for each incident into this folder: its packets, commented for Wireshark"),
    )
    parser.add_argument(
        "--redact",
        action="store_true",
        help=N_("replace addresses, host names and what certificates say, in the report and in the evidence"),
    )
    parser.add_argument(
        "--redact-key",
        metavar="FILE",
        help=N_("with --redact: equal keys make equal replacements (default: $CAPANALYZER_REDACT_KEY, else a new one)"),
    )
    parser.add_argument(
        "--timeline", choices=["all"], help=N_("all: the timeline of every session, not only of failed ones")
    )
    add_expected(parser)
    parser.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="FILE",
        help=N_(
            "a log of a server, proxy, load balancer or client, packed or not (repeatable): its lines are shown with "
            "the sessions they speak of; its format, time zone and clock are found out"
        ),
    )
    parser.add_argument(
        "--jobs",
        type=at_least(1),
        default=1,
        metavar="N",
        help=N_("processes to use, for several captures and for one large file (default: 1)"),
    )
    parser.add_argument("--exit-code", action="store_true", help=N_("exit with 1 when a session failed"))
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument(
        "-q", "--quiet", action="store_true", help=N_("no progress and no warnings on standard error")
    )
    loudness.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help=N_("text: every session, all failed ones in detail; markdown: no limits"),
    )


def run(options: argparse.Namespace) -> int:
    """Analyse, write the report, return the exit status."""
    form = FORMATS[options.format]
    # Errors are told in it, too.
    lang = options.lang = options.lang or (i18n.language_of_environment() if form.is_prose else "en")
    form.check(options)
    chosen = None if options.filter is None else _filter(options.filter)
    if options.evidence == "":
        raise UsageError(Remark("--evidence needs the name of a folder"))
    if options.redact_key is not None and not options.redact:
        raise UsageError(Remark("--redact-key is of no use without --redact"))
    # The destination first: a report that cannot be written is told before minutes of work, not after.
    with ExitStack() as stack:
        output = None if options.output == "-" else stack.enter_context(_file(options))
        if output is not None:
            output.open()
        from capanalyzer.analysis import Options
        from capanalyzer.heap import keep_freed_pieces
        from capanalyzer.parallel import analyze_captures
        from capanalyzer.report.document import Document

        keep_freed_pieces()
        redactor = _redactor(options) if options.redact else None
        logs = _logs(options.log) if options.log else None
        evidence = None if options.evidence is None else stack.enter_context(_evidence(options))
        runs = analyze_captures(
            options.captures,
            Options(
                tls_ports=frozenset(options.tls_port),
                jobs=1 if redactor is not None and chosen is not None else options.jobs,
                full_timeline=options.timeline == "all",
                ca_certificates=() if options.ca_file is None else read_ca_file(options.ca_file),
                spool=None if evidence is None else evidence.spool,
            ),
            lang=lang,
            redactor=redactor,
        )  # before the progress line's thread begins: a process without threads can be forked
        progress = stack.enter_context(_progress()) if not options.quiet and sys.stderr.isatty() else None

        def unreadable(error: CaptureError) -> None:
            if progress is not None:
                progress.clear()
            tell(error.remark, lang)

        def began(run: AnyRun) -> None:
            if evidence is not None:
                evidence.began(run)
            if progress is not None:
                progress.watch(run)

        document = Document(
            runs,
            lang=lang,
            timeline=options.timeline == "all",
            chosen=chosen,
            unreadable=unreadable,
            began=began,
            redactor=redactor,
            watch=None if evidence is None else evidence.collector.see,
            logs=logs,
        )
        write = sys.stdout.buffer.write if output is None else output.stream.write
        for piece in form.render(document, options, lang):
            if document.nothing_read:
                return NOT_ANALYSED  # What was told on standard error is the whole answer.
            if progress is not None and output is None:
                progress.clear()
            write(piece)
        if output is not None:
            output.commit()
        if evidence is not None:
            written = evidence.write(document, lang=lang, redactor=redactor)
            _tell_of(written, options, lang)
    if not form.is_prose and not options.quiet:
        for capture in document.captures:
            for warning in capture.warnings:
                tell(f"{capture.path}: {warning}", lang)
            if capture.session_keys:
                keys = Remark(
                    "{path}: contains TLS session keys; do not attach it to a ticket (see strip-keys)",
                    path=capture.path,
                )
                tell(keys, lang)
        for log in () if logs is None else logs.all:
            for warning in _log_warnings(log, lang):
                tell(f"{log.path}: {warning}", lang)
    return SESSION_FAILED if options.exit_code and document.failed else OK


def _filter(expression: str) -> Filter:
    from capanalyzer.report.filter import Filter

    return Filter(expression)


def _log_warnings(log: KeptLog, lang: str) -> Iterator[str]:
    from capanalyzer.report.log_facts import log_warnings

    return log_warnings(log, lang)


def _logs(names: list[str]) -> Logs:
    from capanalyzer.logs.keep import keep_logs

    return keep_logs(names)


def _redactor(options: argparse.Namespace) -> Redactor:
    from capanalyzer.redact.key import redactor_from

    return redactor_from(options.redact_key)


def _evidence(options: argparse.Namespace) -> EvidenceFolder:
    from capanalyzer.evidence.folder import EvidenceFolder

    return EvidenceFolder(options.evidence)


def _tell_of(written: Written, options: argparse.Namespace, lang: str) -> None:
    """Where the evidence is, on standard error."""
    if options.quiet:
        return
    for note in written.notes:
        tell(note, lang)
    _, counted, count = i18n.translator(lang), i18n.plural(lang), len(written.paths)
    if count:
        text = counted("evidence: {n} file in {folder}", "evidence: {n} files in {folder}", count)
        tell(text.format(n=count, folder=options.evidence), lang)
    elif options.filter is not None:
        tell(_("evidence: no chosen session failed, no file is written"), lang)
    else:
        tell(_("evidence: nothing failed, no file is written"), lang)


def _file(options: argparse.Namespace) -> FileOutput:
    from capanalyzer.capture.probe import is_capture

    if not options.output:
        raise UsageError(Remark("-o needs the name of a file, or - for standard output"))
    if any(os.path.exists(path) and _same_file(path, options.output) for path in options.captures):
        raise UsageError(
            Remark("{output}: is the capture itself; the report would overwrite it", output=options.output)
        )
    if any(os.path.exists(path) and _same_file(path, options.output) for path in options.log):
        raise UsageError(Remark("{output}: is the log itself; the report would overwrite it", output=options.output))
    if os.path.isfile(options.output) and is_capture(options.output):
        raise UsageError(
            Remark(
                "{output}: is a capture; name another file for the report, or remove it first", output=options.output
            )
        )
    return FileOutput(options.output)


def _same_file(capture: str, output: str) -> bool:
    return os.path.isfile(output) and os.path.samefile(capture, output)


def _progress() -> Progress:
    from shutil import get_terminal_size

    from capanalyzer.report.progress import Progress

    def write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    return Progress(write, get_terminal_size((PLAIN_WIDTH, 24)).columns)
