"""One session in detail: ladder, why, what proves it, what to do, where to look in Wireshark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rich.cells import cell_len

from capanalyzer.report import model
from capanalyzer.report.beside import beside_texts, shown_filter
from capanalyzer.report.escape import printable
from capanalyzer.report.f5_texts import big_ip_texts, both_sides_texts
from capanalyzer.report.ladder import ladder
from capanalyzer.report.log_lines import line_texts
from capanalyzer.report.standstill import is_proven, stage_text
from capanalyzer.report.terminal import Line, Look, wrap, wrap_prose
from capanalyzer.report.words import ACTS, CONFIDENCE, endpoint

__all__ = ["session_detail"]

COLUMN: Final = 14
"""Where the texts beside the labels begin."""


def session_detail(session: model.Session, look: Look, number: str, path: str | None = None) -> Iterator[Line]:
    """The lines of one session.

    :param number: how the report names it: stream, or capture and stream.
    :param path: its capture, where the report is about several.
    """
    _ = look.text
    yield from _heading(session, look, number)
    yield []
    if session.timeline:
        yield from ladder(session, look)
        yield []
    if not session.findings:
        yield from _log_lines(session, look)
        return
    finding, *others = session.findings
    yield from _entry(_("Why"), [finding.explanation or finding.title], look)
    yield from _entry(_("Both sides"), both_sides_texts(session), look)
    evidence = [_("frame {frame}: {text}").format(frame=e.frame, text=e.text) for e in finding.evidence]
    yield from _entry(_("Evidence"), evidence, look)
    yield from _log_lines(session, look)
    if finding.confidence != "certain":
        yield from _entry(_("Or else"), [", ".join(finding.alternatives)] if finding.alternatives else [], look)
    yield from _entry(_("Beside it"), beside_texts(session, look.lang), look)
    yield from _entry("BIG-IP", big_ip_texts(session, look.lang), look)
    yield from _entry(_("Who acts"), [_(ACTS.get(session.blame or "unknown", ACTS["unknown"]))], look)
    yield from _remedies(finding.remedies, look)
    yield from _entry(_("Also"), [f"{other.cause}: {other.title}" for other in others], look)
    yield from _entry(
        "Wireshark", [shown_filter(session) if path is None else f"{shown_filter(session)}   {path}"], look
    )


def _log_lines(session: model.Session, look: Look) -> Iterator[Line]:
    label = look.text("Log")
    for first, *texts in line_texts(session, look):
        yield from _entry(label, [first], look)
        yield from _entry("", [f"  {text}" for text in texts], look, hang=2)
        label = ""


def _heading(session: model.Session, look: Look, number: str) -> Iterator[Line]:
    _, finding = look.text, session.findings[0] if session.findings else None
    name = _("SESSION {number}").format(number=number)
    between = f"{endpoint(session.client)} {look.glyphs.arrow} {endpoint(session.server)}"
    hello = session.tls.client_hello if session.tls is not None else None
    if hello is not None and hello.sni:
        between += f"   {printable(hello.sni)}"
    verdict = [session.cause or session.outcome]
    if session.stage is not None:
        verdict.append(stage_text(session, printable(session.stage), _))
    if finding is not None:
        verdict.append(_(CONFIDENCE.get(finding.confidence, finding.confidence)))
    verdict.append(f"{session.start[:10]} {session.start[11:23]} UTC")
    line: Line = [(name, "strong")]
    for text in wrap(between, look.width - cell_len(name) - 3):
        yield [*line, ("   " + text, "")]
        line = [(" " * cell_len(name), "")]
    style = "failed" if is_proven(session) else "warning"
    yield from ([("  " + text, style)] for text in _joined(verdict, _(", "), look.width - 2))


def _joined(parts: list[str], joint: str, width: int) -> Iterator[str]:
    """Parts on as few lines as they need, broken between parts only."""
    line = parts[0]
    for part in parts[1:]:
        if cell_len(line + joint + part) > width:
            yield line + joint.rstrip()
            line = part
        else:
            line += joint + part
    yield line


def _remedies(remedies: tuple[str, ...], look: Look) -> Iterator[Line]:
    """Numbered. A command stays in one piece, however long, so that it can be copied; what it shows stands below it."""
    _ = look.text
    label = _("Do")
    for number, text in enumerate(remedies, 1):
        command, mark, rest = text[1:].partition("`") if text.startswith("`") else ("", "", text)
        if mark and command:
            yield [*_label(label), (f"{number}  ", ""), (printable(command), "strong")]
            yield from _entry("", ["   " + rest.lstrip(": 、。")] if rest else [], look, hang=3, wrapped=wrap_prose)
        else:
            yield from _entry(label, [f"{number}  {text}"], look, hang=3, wrapped=wrap_prose)
        label = ""


def _label(text: str) -> Line:
    return [("  " + text + " " * max(1, COLUMN - 2 - cell_len(text)), "strong")]


def _entry(
    label: str, texts: list[str], look: Look, *, hang: int = 0, wrapped: Callable[[str, int], list[str]] = wrap
) -> Iterator[Line]:
    """A label at the left and its texts beside it; continued lines of a text start ``hang`` cells further right."""
    head = _label(label)
    for text in texts:
        for index, line in enumerate(wrapped(printable(text), look.text_width - COLUMN - hang)):
            yield [*head, ((" " * hang if index else "") + line, "")]
            head = _label("")
