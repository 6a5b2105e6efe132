"""Log lines in a text report: which logs there were, what they say of a session, which lines have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from rich.cells import cell_len

from capanalyzer.report import model
from capanalyzer.report.digest import Digest
from capanalyzer.report.escape import printable
from capanalyzer.report.log_facts import log_facts
from capanalyzer.report.log_words import (
    agreement_text,
    beyond_text,
    candidates_text,
    log_counts_text,
    named_text,
    number,
    place,
    reason_text,
    silent_text,
    story_lines,
    tie_text,
)
from capanalyzer.report.terminal import Line, Look, Span, fit, paragraphs, table
from capanalyzer.report.words import CONFIDENCE, OUTCOMES, STYLE_OF

__all__ = ["counts_line", "line_texts", "log_list", "spoken_lines", "unmatched_lines"]

Flow: TypeAlias = Callable[[str, Iterable[str], Look], Iterator[Line]]
"""A name and the facts beside it."""

MAX_LOGS: Final = 10
MAX_PLACE: Final = 24
"""Cells of a path and a line number in a table."""
MAX_SPOKEN: Final = 15
MAX_SILENT: Final = 20
MAX_UNMATCHED: Final = 10
MAX_OF_SESSION: Final = 3
"""Lines shown unless the report is verbose."""


def log_list(end: model.Trailer, look: Look, flow: Flow) -> Iterator[Line]:
    """A line or two for each log, below the captures."""
    shown = end.logs if look.verbose else end.logs[:MAX_LOGS]
    for log in shown:
        yield from flow(printable(log.path), log_facts(log, look.lang), look)
        yield from paragraphs(log.warnings, look, "warning", indent=2)
    if left := len(end.logs) - len(shown):
        yield [("  " + look.text("and {n} more").format(n=f"{left:,}"), "quiet")]


def line_texts(session: model.Session, look: Look) -> Iterator[list[str]]:
    """For each line of a session what is said of it; the first text is where it stands and how it was found."""
    _ = look.text
    told = story_lines(session, look.lang)
    shown = told if look.verbose else told[:MAX_OF_SESSION]
    for side, line in shown:
        found = _("{place}, {format}: {tie}").format(
            place=place(line), format=line.format, tie=tie_text(line, look.lang)
        )
        texts = [_("{side}: {text}").format(side=side, text=found) if side else found]
        if line.text is not None:
            texts += line.text.split("\n")
        texts.append(_("{title}. {text}").format(title=line.title, text=line.meaning))
        if line.misleads:
            texts.append(_("Beware: {text}").format(text=line.misleads))
        if agreement := agreement_text(line, look.lang):
            texts.append(agreement)
        yield texts
    if left := len(told) - len(shown):
        yield [_("and {n} more").format(n=f"{left:,}")]
    if named := named_text(session, look.lang):
        yield [named]


def spoken_lines(kept: Digest, end: model.Trailer, look: Look) -> Iterator[Line]:
    """Each line that tells of a failure, and what became of the session that it speaks of."""
    if not kept.spoken:
        return
    _, several = look.text, len(end.captures) > 1
    yield []
    yield [(_("LOG LINES AND THEIR SESSIONS"), "strong")]
    yield []
    shown = kept.spoken if look.verbose else kept.spoken[:MAX_SPOKEN]
    names = _short_names([log.path for log in end.logs])
    rows: list[list[Span]] = []
    for one in shown:
        where = _tail(printable(f"{names.get(one.line.source, one.line.source)}:{one.line.line}"), look)
        told = (one.cause or _(OUTCOMES[one.outcome]), STYLE_OF.get(one.outcome, ""))
        sure = _(CONFIDENCE[one.line.confidence])
        rows.append(
            [(where, ""), (number(one.id, several), ""), told, (sure, ""), (printable(one.line.title), "quiet")]
        )
        if (failed := one.line.failed_side) is not None:
            cause = (failed.cause or "", STYLE_OF["failed"])
            beyond = (beyond_text(failed, look.lang), "quiet")
            rows.append([("", ""), (number(failed.session, several), ""), cause, ("", ""), beyond])
    yield from table(rows, look, indent=2, flexible=(4, 2))
    if left := len(kept.spoken) - len(shown) + kept.spoken_left_out:
        yield [("  " + _("and {n} more").format(n=f"{left:,}"), "quiet")]
    if silent := silent_text(end, MAX_SILENT, look.lang):
        yield []
        yield from paragraphs([silent], look, "quiet", indent=2)


def _short_names(paths: list[str]) -> dict[str, str]:
    """By path, without folders where that tells them apart: the report names them in full above."""
    last = {path: path.replace("\\", "/").rpartition("/")[2] for path in paths}
    count = Counter(last.values())
    return {path: name for path, name in last.items() if name and count[name] == 1}


def _tail(text: str, look: Look) -> str:
    """Where a line stands; of a long path the end, with the number."""
    if cell_len(text) <= MAX_PLACE:
        return text
    while text and cell_len(text) > MAX_PLACE - len(look.glyphs.more):
        text = text[1:]
    return look.glyphs.more + text


def unmatched_lines(end: model.Trailer, look: Look) -> Iterator[Line]:
    """Lines without a session, and why."""
    counts, lines = end.summary.log_lines, end.unmatched_log_lines
    if counts is None or not lines:
        return
    _, several = look.text, len(end.captures) > 1
    yield []
    yield [(_("LOG LINES WITHOUT A SESSION"), "strong")]
    yield []
    reasons = Counter(reason_text(line, look.lang) for line in lines)
    if len(lines) > MAX_UNMATCHED:
        for reason, count in reasons.most_common():
            yield [(f"  {count:>6,}  {reason}", "")]
        yield []
    shown = lines if look.verbose else lines[:MAX_UNMATCHED]
    for line in shown:
        told = _("{place}: {reason}").format(place=place(line), reason=reason_text(line, look.lang))
        yield from paragraphs([told], look, "", indent=2)
        if line.text is not None:
            yield [("    " + fit(printable(line.text.split("\n")[0]), look.width - 4, look).rstrip(), "quiet")]
        yield from paragraphs(
            filter(None, [line.title, candidates_text(line, several, look.lang)]), look, "quiet", indent=4
        )
    if left := counts.unmatched - len(shown):
        yield [("  " + _("and {n} more").format(n=f"{left:,}"), "quiet")]


def counts_line(end: model.Trailer, look: Look) -> Iterable[str]:
    """How lines and sessions found each other; empty where no log was given."""
    counts = end.summary.log_lines
    return () if counts is None else (log_counts_text(counts, look.lang),)
