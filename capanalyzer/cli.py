"""The command line: arguments, where things are written, exit codes. The only module that prints.

Exit status: 0 analysed (also when sessions failed); 1 with ``--exit-code`` when a session failed; 2 for a usage
error or when no input could be read. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, TextIO

from capanalyzer import __version__, i18n
from capanalyzer.errors import CapanalyzerError, CaptureError, UsageError
from capanalyzer.output import FileOutput

if TYPE_CHECKING:
    from capanalyzer.report.document import AnyRun, Document
    from capanalyzer.report.progress import Progress

__all__ = ["main"]

OK: Final = 0
SESSION_FAILED: Final = 1
NOT_ANALYSED: Final = 2
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""

FORMATS: Final = ("text", "json", "jsonl")
COLLECT_EVERY: Final = 1_000_000
"""Objects by which the live ones must have grown before the collector looks for cycles. An analysis makes tens of
thousands of tuples a batch, nearly none of them cyclic; looking at them again and again costs a third of its time.
Should a run make cycles after all, so many objects (some 100 MB) are the most that wait to be freed."""

PLAIN_WIDTH: Final = 80
"""Columns of text that goes to no terminal: it fits tickets and mails."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit status. Usage errors and ``--help`` leave through SystemExit, as in argparse."""
    options = _parser().parse_args(argv)
    # No linear algebra is done here, and the threads that numpy's would start cost as much as the rest of its import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    thresholds = gc.get_threshold()
    gc.set_threshold(COLLECT_EVERY)
    # The interpreter searches all objects for cycles several times before it ends; nothing is left to be found then.
    atexit.register(gc.freeze)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except CapanalyzerError as error:
        return _fail(str(error))
    except BrokenPipeError:
        # The reader has seen enough (| head). What is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    except KeyboardInterrupt:
        _tell("interrupted")
        return INTERRUPTED
    finally:
        gc.set_threshold(*thresholds)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="capanalyzer",
        description="Why did this TLS session fail? Reads packet captures and says who has to act, "
        "with the frames that prove it.",
    )
    parser.add_argument("--version", action="version", version=f"capanalyzer {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    analyze = commands.add_parser("analyze", help="read captures and report on every TLS session in them")
    analyze.set_defaults(run=_analyze)
    analyze.add_argument(
        "captures",
        nargs="+",
        metavar="CAPTURE",
        help="a file (pcap, pcapng, snoop, compressed or not), a directory, a glob, a URL, or - for standard input",
    )
    analyze.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    analyze.add_argument("-o", "--output", metavar="PATH", default="-", help="write the report here (default: -)")
    _add_lang(analyze, "the language of the locale for text, en for json and jsonl")
    analyze.add_argument(
        "--timeline", choices=["all"], help="all: the timeline of every session, not only of failed ones"
    )
    analyze.add_argument(
        "--tls-port",
        type=_port,
        action="append",
        default=[],
        metavar="PORT",
        help="expect TLS on this port too (repeatable); TLS itself is found on any port",
    )
    analyze.add_argument(
        "--jobs",
        type=_jobs,
        default=1,
        metavar="N",
        help="processes to use, for several captures and for one large file (default: 1)",
    )
    analyze.add_argument("--exit-code", action="store_true", help="exit with 1 when a session failed")
    loudness = analyze.add_mutually_exclusive_group()
    loudness.add_argument("-q", "--quiet", action="store_true", help="no progress and no warnings on standard error")
    loudness.add_argument("-v", "--verbose", action="store_true", help="text: every session, all failed ones in detail")

    explain = commands.add_parser("explain", help="what a cause means and what to do about it; without one: the list")
    explain.set_defaults(run=_explain)
    explain.add_argument("cause", nargs="?", metavar="CAUSE")
    _add_lang(explain, "the language of the locale")
    return parser


def _add_lang(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help=f"language of the texts (default: {default})")


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError(text)
    return number


_port.__name__ = "port"


def _jobs(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


_jobs.__name__ = "number of processes"


def _analyze(options: argparse.Namespace) -> int:
    # The destination first: a report that cannot be written is told before minutes of work, not after.
    with ExitStack() as stack:
        output = None if options.output == "-" else stack.enter_context(_file(options))
        if output is not None:
            output.open()
        from capanalyzer.analysis import Options
        from capanalyzer.parallel import analyze_captures
        from capanalyzer.report.document import Document

        lang = options.lang or (i18n.language_of_environment() if options.format == "text" else "en")
        runs = analyze_captures(
            options.captures,
            Options(
                tls_ports=frozenset(options.tls_port),
                jobs=options.jobs,
                full_timeline=options.timeline == "all",
            ),
            lang=lang,
        )  # before the progress line's thread begins: a process without threads can be forked
        progress = stack.enter_context(_progress()) if not options.quiet and sys.stderr.isatty() else None

        def unreadable(error: CaptureError) -> None:
            if progress is not None:
                progress.clear()
            _tell(str(error))

        def began(run: AnyRun) -> None:
            if progress is not None:
                progress.watch(run)

        document = Document(runs, lang=lang, timeline=options.timeline == "all", unreadable=unreadable, began=began)
        write = sys.stdout.buffer.write if output is None else output.stream.write
        for piece in _render(document, options, lang):
            if document.nothing_read:
                return NOT_ANALYSED  # What was told on standard error is the whole answer.
            if progress is not None and output is None:
                progress.clear()
            write(piece)
        if output is not None:
            output.commit()
    if options.format != "text" and not options.quiet:
        for capture in document.captures:
            for warning in capture.warnings:
                _tell(f"{capture.path}: {warning}")
    return SESSION_FAILED if options.exit_code and document.failed else OK


def _render(document: Document, options: argparse.Namespace, lang: str) -> Iterator[bytes]:
    if options.format == "text":
        return _text(document, options, lang)
    from capanalyzer.report.to_json import to_json, to_jsonl

    return (to_json if options.format == "json" else to_jsonl)(document.lines(), document.trailer)


def _text(document: Document, options: argparse.Namespace, lang: str) -> Iterator[bytes]:
    from shutil import get_terminal_size

    from capanalyzer.report.terminal import Look
    from capanalyzer.report.to_terminal import to_terminal

    to_file = options.output != "-"
    encoding = "utf-8" if to_file else sys.stdout.encoding or "ascii"
    look = Look(
        width=PLAIN_WIDTH if to_file else get_terminal_size((PLAIN_WIDTH, 24)).columns,
        colour=not to_file and _has_colour(sys.stdout),
        unicode=_can_show(encoding, "→─│✗"),
        lang=lang,
        verbose=options.verbose,
    )
    for piece in to_terminal(document.sessions(), document.trailer, look):
        yield piece.encode(encoding, "backslashreplace")


def _file(options: argparse.Namespace) -> FileOutput:
    if any(os.path.exists(path) and _same_file(path, options.output) for path in options.captures):
        raise UsageError(f"{options.output}: is the capture itself; the report would overwrite it")
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


def _explain(options: argparse.Namespace) -> int:
    from capanalyzer.diagnosis.pages import explain, explain_all

    lang = options.lang or i18n.language_of_environment()
    print(explain_all(lang) if options.cause is None else explain(options.cause, lang))
    return OK


def _has_colour(stream: TextIO) -> bool:
    # no-color.org: any value but the empty one.
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _can_show(encoding: str, characters: str) -> bool:
    try:
        characters.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _tell(message: str) -> None:
    """One line on standard error; an undecodable or hostile file name cannot break it or forge a second one."""
    from capanalyzer.report.escape import printable

    print(f"capanalyzer: {printable(message)}", file=sys.stderr)


def _fail(message: str) -> int:
    _tell(message)
    return NOT_ANALYSED
