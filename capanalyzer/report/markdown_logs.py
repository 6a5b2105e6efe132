"""Log lines in a Markdown report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from capanalyzer.report import model
from capanalyzer.report.digest import Digest
from capanalyzer.report.log_facts import log_facts
from capanalyzer.report.log_words import (
    agreement_text,
    beyond_text,
    candidates_text,
    named_text,
    number,
    place,
    reason_text,
    silent_text,
    story_lines,
    tie_text,
)
from capanalyzer.report.markdown_text import code, prose
from capanalyzer.report.terminal import Look
from capanalyzer.report.words import CONFIDENCE, OUTCOMES

__all__ = ["log_items", "session_log_lines", "spoken_section", "unmatched_section"]

MAX_SPOKEN: Final = 15
MAX_SILENT: Final = 20
MAX_UNMATCHED: Final = 10
MAX_OF_SESSION: Final = 3
_LINE_FEED: Final = "\n"


def log_items(end: model.Trailer, look: Look) -> Iterator[str]:
    """An item of a list for each log."""
    for log in end.logs:
        yield f"- {code(log.path)}: {prose(look.text(', ').join(log_facts(log, look.lang)))}"
        yield from (f"  - {prose(text)}" for text in log.warnings)


def session_log_lines(session: model.Session, look: Look) -> Iterator[str]:
    """What logs say of a session."""
    told = story_lines(session, look.lang)
    if not told:
        return
    _ = look.text
    yield from ("", f"**{_('Log')}**", "")
    shown = told if look.verbose else told[:MAX_OF_SESSION]
    for side, line in shown:
        found = f"{code(place(line))}, {line.format}: {prose(tie_text(line, look.lang))}"
        yield f"- {_('{side}: {text}').format(side=side, text=found) if side else found}"
        if line.text is not None:
            yield f"  - {' '.join(map(code, line.text.split(_LINE_FEED)))}"
        yield f"  - {prose(_('{title}. {text}').format(title=line.title, text=line.meaning))}"
        if line.misleads:
            yield f"  - {prose(_('Beware: {text}').format(text=line.misleads))}"
        if agreement := agreement_text(line, look.lang):
            yield f"  - {prose(agreement)}"
    if left := len(told) - len(shown):
        yield f"- {_('and {n} more').format(n=f'{left:,}')}"
    if named := named_text(session, look.lang):
        yield ""
        yield prose(named)


def spoken_section(kept: Digest, end: model.Trailer, look: Look) -> Iterator[str]:
    """Each line that tells of a failure, and the session that it speaks of."""
    if not kept.spoken:
        return
    _, several = look.text, len(end.captures) > 1
    yield f"## {_('Log lines and their sessions')}"
    yield ""
    shown = kept.spoken if look.verbose else kept.spoken[:MAX_SPOKEN]
    for one in shown:
        told = code(one.cause) if one.cause is not None else _(OUTCOMES[one.outcome])
        if (failed := one.line.failed_side) is not None:
            beyond = f"{beyond_text(failed, look.lang)} ({number(failed.session, several)})"
            told = _("{outcome}; {side}: {cause}").format(outcome=told, side=beyond, cause=code(failed.cause or ""))
        session = _("Session {number}").format(number=number(one.id, several))
        found = _(CONFIDENCE[one.line.confidence])
        yield f"- {code(place(one.line))}: {session}, {told}, {found}; {prose(one.line.title)}"
    if left := len(kept.spoken) - len(shown) + kept.spoken_left_out:
        yield f"- {_('and {n} more').format(n=f'{left:,}')}"
    if silent := silent_text(end, MAX_SILENT, look.lang):
        yield ""
        yield prose(silent)


def unmatched_section(end: model.Trailer, look: Look) -> Iterator[str]:
    """Lines that tell of a failure and have no session."""
    counts, lines = end.summary.log_lines, end.unmatched_log_lines
    if counts is None or not lines:
        return
    _, several = look.text, len(end.captures) > 1
    yield f"## {_('Log lines without a session')}"
    yield ""
    shown = lines if look.verbose else lines[:MAX_UNMATCHED]
    for line in shown:
        told = _("{place}: {reason}").format(place=code(place(line)), reason=reason_text(line, look.lang))
        yield f"- {told}"
        if line.text is not None:
            yield f"  - {code(line.text.partition(_LINE_FEED)[0])}"
        yield f"  - {prose(line.title)}"
        if names := candidates_text(line, several, look.lang):
            yield f"  - {prose(names)}"
    if left := counts.unmatched - len(shown):
        yield f"- {_('and {n} more').format(n=f'{left:,}')}"
