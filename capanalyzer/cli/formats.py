"""The formats of ``analyze``: from a document to the bytes of a report.

Every renderer is a pure function of sessions as they come and of the trailer; here is what it must know of the
command line and of the terminal. Renderers are imported when they are used.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from capanalyzer.errors import UsageError
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from capanalyzer.report.document import Document
    from capanalyzer.report.terminal import Look

__all__ = ["FORMATS", "PLAIN_WIDTH", "Format", "look_of"]

PLAIN_WIDTH: Final = 80
"""Columns of text that goes to no terminal: it fits tickets and mails."""


def _text(document: Document, options: argparse.Namespace, lang: str) -> Iterator[bytes]:
    from capanalyzer.report.to_terminal import to_terminal

    to_file = options.output != "-"
    encoding = "utf-8" if to_file else sys.stdout.encoding or "ascii"
    look = look_of(None if to_file else sys.stdout, lang, verbose=options.verbose)
    for piece in to_terminal(document.sessions(), document.trailer, look):
        yield piece.encode(encoding, "backslashreplace")


def _json(document: Document, options: argparse.Namespace, lang: str) -> Iterator[bytes]:
    from capanalyzer.report.to_json import to_json

    return to_json(document.lines(), document.trailer)


def _jsonl(document: Document, options: argparse.Namespace, lang: str) -> Iterator[bytes]:
    from capanalyzer.report.to_json import to_jsonl

    return to_jsonl(document.lines(), document.trailer)


def _markdown(document: Document, options: argparse.Namespace, lang: str) -> Iterator[bytes]:
    from capanalyzer.report.to_markdown import to_markdown

    for piece in to_markdown(document.sessions(), document.trailer, lang, verbose=options.verbose):
        yield piece.encode()


def _csv(document: Document, options: argparse.Namespace, lang: str) -> Iterator[bytes]:
    from capanalyzer.report.to_csv import to_csv

    return to_csv(document.sessions(), document.paths.__getitem__)


def _parquet(document: Document, options: argparse.Namespace, lang: str) -> Iterator[bytes]:
    from capanalyzer.report.to_parquet import to_parquet

    return to_parquet(document.sessions(), document.paths.__getitem__, document.trailer)


def _html(document: Document, options: argparse.Namespace, lang: str) -> Iterator[bytes]:
    from capanalyzer.report.html.page import to_html

    for piece in to_html(document.sessions(), document.trailer, lang=lang):
        yield piece.encode()


def _pdf(document: Document, options: argparse.Namespace, lang: str) -> Iterator[bytes]:
    from capanalyzer.report.to_pdf import to_pdf

    yield to_pdf(document.sessions(), document.trailer, lang=lang)


def _can_write_pdf(options: argparse.Namespace) -> None:
    if options.output == "-" and sys.stdout.isatty():
        raise UsageError(Remark("--format pdf is not for a terminal: redirect it, or name a file with -o"))
    from capanalyzer.report.to_pdf import require_weasyprint

    require_weasyprint()


def _can_write_parquet(options: argparse.Namespace) -> None:
    if options.output == "-" and sys.stdout.isatty():
        raise UsageError(Remark("--format parquet is not for a terminal: redirect it, or name a file with -o"))
    if find_spec("pyarrow") is None:
        raise UsageError(Remark("--format parquet needs pyarrow: pip install 'capanalyzer[parquet]'"))


def _anything(options: argparse.Namespace) -> None:
    """Nothing to be refused."""


def look_of(stream: TextIO | None, lang: str, *, verbose: bool = False) -> Look:
    """How text looks on ``stream``; None: in a file."""
    from shutil import get_terminal_size

    from capanalyzer.report.terminal import Look

    return Look(
        width=PLAIN_WIDTH if stream is None else get_terminal_size((PLAIN_WIDTH, 24)).columns,
        colour=stream is not None and _has_colour(stream),
        unicode=stream is None or _can_show(stream.encoding or "ascii", "→─│✗"),
        lang=lang,
        verbose=verbose,
    )


def _has_colour(stream: TextIO) -> bool:
    # no-color.org: any value but the empty one.
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _can_show(encoding: str, characters: str) -> bool:
    try:
        characters.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


class Format(NamedTuple):
    """One value of ``--format``."""

    render: Callable[[Document, argparse.Namespace, str], Iterator[bytes]]
    is_prose: bool
    """Read by people: in the language of the locale, and with warnings in it. Else for programs: in English."""
    check: Callable[[argparse.Namespace], None] = _anything
    """Raises UsageError where the format cannot be written, before anything is read."""


FORMATS: Final[dict[str, Format]] = {
    "text": Format(_text, is_prose=True),
    "json": Format(_json, is_prose=False),
    "jsonl": Format(_jsonl, is_prose=False),
    "markdown": Format(_markdown, is_prose=True),
    "html": Format(_html, is_prose=True),
    "pdf": Format(_pdf, is_prose=True, check=_can_write_pdf),
    "csv": Format(_csv, is_prose=False),
    "parquet": Format(_parquet, is_prose=False, check=_can_write_parquet),
}
"""By the name that ``--format`` takes."""
