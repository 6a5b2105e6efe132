"""The ticket's text: what failed, who acts, what to do, which files prove it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from capanalyzer import __version__
from capanalyzer.i18n import plural, translator
from capanalyzer.report.escape import printable
from capanalyzer.report.model import Endpoint
from capanalyzer.report.words import ACTS, CONFIDENCE, OUTCOMES, endpoint
from capanalyzer.ticket.document import Block, Bullets, Code, Heading, Markup, Paragraph, Span, Strong, Text, write
from capanalyzer.ticket.parcel import Item, LeftOut, human_size
from capanalyzer.ticket.reading import Capture, Incident, LogLine, Report

__all__ = ["MAX_INCIDENTS", "MAX_TITLE", "compose", "left_out_text", "marker", "title"]

MAX_INCIDENTS: Final = 10
"""In one text; the report beside it has all."""
MAX_ALIKE: Final = 10
"""Servers that have the same as another, each on one line."""
MAX_CAPTURES: Final = 5
MAX_REMEDIES: Final = 3
MAX_FRAMES: Final = 6
MAX_LOG_LINES: Final = 2
"""Of the session that stands for an incident."""
MAX_TITLE: Final = 200
"""Characters: the tightest of the systems takes 255."""
MAX_WORDS: Final = 600
"""Characters of one sentence that a report may contribute."""


def marker(digest: str) -> str:
    """How a text is recognised again as the one about these files."""
    return f"capanalyzer:{digest}"


def title(report: Report | None, lang: str) -> str:
    """One line for a new ticket."""
    _, counted = translator(lang), plural(lang)
    if report is None:
        return _("Report of capanalyzer")
    captures = report.captures[0].path if len(report.captures) == 1 else ""
    if not report.incidents:
        text = _("TLS: no session failed")
    else:
        first = report.incidents[0]
        text = _("TLS: {what} at {server}").format(what=first.title or first.cause, server=_place(first))
        if more := len(report.incidents) - 1:
            text += counted(" and {n} further incident", " and {n} further incidents", more).format(n=f"{more:,}")
    text = printable(f"{text} ({captures})" if captures else text)
    return text if len(text) <= MAX_TITLE else text[: MAX_TITLE - 1] + "…"


def compose(
    report: Report | None,
    items: Sequence[Item],
    left_out: Sequence[LeftOut],
    digest: str,
    *,
    markup: Markup,
    lang: str,
    max_chars: int,
) -> str:
    """The text in a system's markup, with as many incidents as fit into ``max_chars``."""
    for incidents in (*range(MAX_INCIDENTS, 0, -3), 0):
        text = write(_blocks(report, items, left_out, digest, lang, incidents), markup)
        if len(text) <= max_chars:
            return text
    return write(_files(items, left_out, digest, lang), markup)


def left_out_text(left_out: Sequence[LeftOut], *, markup: Markup, lang: str) -> str:
    """What a system refused after its ticket was written."""
    return write(_left_out(left_out, lang), markup)


def _blocks(
    report: Report | None, items: Sequence[Item], left_out: Sequence[LeftOut], digest: str, lang: str, incidents: int
) -> Iterator[Block]:
    if report is not None:
        yield from _counts(report, lang)
        told: dict[str, int] = {}
        shown = 0
        for number, group in enumerate(_alike(report)[:incidents], 1):
            alike = group[: 1 + MAX_ALIKE]
            shown += len(alike)
            yield from _incident(number, alike, report, lang, told.setdefault(alike[0].cause, number))
        if more := len(report.incidents) - shown:
            counted = plural(lang)
            text = counted("{n} further incident is in the report.", "{n} further incidents are in the report.", more)
            yield Paragraph((Text(text.format(n=f"{more:,}")),))
    yield from _files(items, left_out, digest, lang)


def _alike(report: Report) -> list[list[Incident]]:
    """Incidents by what there is to say of them: the same cause at several servers is said once."""
    groups: dict[tuple[str, str, str], list[Incident]] = {}
    for incident in report.incidents:
        groups.setdefault((incident.cause, incident.blame, incident.confidence), []).append(incident)
    return list(groups.values())


def _counts(report: Report, lang: str) -> Iterator[Block]:
    _, counted = translator(lang), plural(lang)
    summary = report.summary
    spans: list[Span] = [
        Strong(counted("{n} session", "{n} sessions", summary.sessions).format(n=f"{summary.sessions:,}"))
    ]
    for outcome, count in summary.outcomes.items():
        if count:
            spans.append(Text(f"{_(', ')}{count:,} {_(OUTCOMES.get(outcome, outcome))}"))
    yield Paragraph(tuple(spans))
    rows = [_capture(capture, _) for capture in report.captures[:MAX_CAPTURES]]
    if (more := len(report.captures) - MAX_CAPTURES) > 0:
        rows.append((Text(_("and {n} more").format(n=f"{more:,}")),))
    if rows:
        yield Bullets(tuple(rows))
    for note in (*summary.notes[:3], *(w for capture in report.captures[:MAX_CAPTURES] for w in capture.warnings[:3])):
        yield Paragraph((Text(_("Note: ")), *_words(note)))
    if not report.incidents:
        yield Paragraph((Text(_("No session failed in what these captures show.")),))


def _capture(capture: Capture, _: Callable[[str], str]) -> tuple[Span, ...]:
    spans: list[Span] = [
        Text(_("Capture: ")),
        Code(capture.path),
        Text(_(", {packets} packets, {size}").format(packets=f"{capture.packets:,}", size=human_size(capture.bytes))),
    ]
    if capture.first_time and capture.last_time:
        spans.append(Text(f"{_(', ')}{_between(capture.first_time, capture.last_time)}"))
    return tuple(spans)


def _incident(number: int, alike: Sequence[Incident], report: Report, lang: str, told: int) -> Iterator[Block]:
    """An incident, and the servers that have the same.

    :param told: number of the first one with this cause, which says what to do.
    """
    _ = translator(lang)
    incident, *others = alike
    example = report.examples.get(incident.sessions[0]) if incident.sessions else None
    finding = example.findings[0] if example is not None and example.findings else None
    words = incident.title or (finding.title if finding is not None else "") or incident.cause
    yield Heading((Text(f"{number}. "), *_words(words)))
    confidence = incident.confidence or (finding.confidence if finding is not None else "")
    facts: list[tuple[Span, ...]] = [
        (
            Text(_("Cause: ")),
            Code(incident.cause),
            *((Text(f"{_(', ')}{_(CONFIDENCE.get(confidence, confidence))}"),) if confidence else ()),
        ),
        (Text(_("Server: ")), *_server(incident)),
        (Text(_("Seen: ")), Text(_seen(incident, lang))),
    ]
    sentence = incident.sentence or (finding.explanation if finding is not None else "")
    if sentence:
        facts.append((Text(_("What happens: ")), *_words(sentence)))
    blame = incident.blame or (example.blame if example is not None else None) or "unknown"
    facts.append((Text(_("Who acts: ")), Text(_(ACTS.get(blame, ACTS["unknown"])))))
    if finding is not None:
        if told == number:
            facts.extend((Text(_("To do: ")), *_words(remedy)) for remedy in finding.remedies[:MAX_REMEDIES])
        else:
            facts.append((Text(_("To do: ")), Text(_("as in {number}.").format(number=told))))
    facts.extend(_logged(line, lang) for line in (example.lines() if example is not None else ())[:MAX_LOG_LINES])
    facts.extend([(Text("Wireshark: "), *spans)] if (spans := _wireshark(report, incident, _)) else [])
    for other in others:
        where = _wireshark(report, other, _)
        facts.append(
            (
                Text(_("Likewise: ")),
                *_server(other),
                Text(f"{_(', ')}{_seen(other, lang)}"),
                *((Text(_(", ")), *where) if where else ()),
            )
        )
    yield Bullets(tuple(facts))


def _server(incident: Incident) -> tuple[Span, ...]:
    return Code(endpoint(incident.server)), *((Text(" "), Code(incident.sni)) if incident.sni else ())


def _seen(incident: Incident, lang: str) -> str:
    comma, counted = translator(lang)(", "), plural(lang)
    sessions, clients, lines = incident.session_count, incident.clients, incident.log_lines
    return comma.join(
        (
            counted("{n} session", "{n} sessions", sessions).format(n=f"{sessions:,}"),
            counted("{n} client", "{n} clients", clients).format(n=f"{clients:,}"),
            *([counted("{n} log line", "{n} log lines", lines).format(n=f"{lines:,}")] if lines else []),
            _between(incident.first, incident.last),
        )
    )


def _logged(line: LogLine, lang: str) -> tuple[Span, ...]:
    """What a log says of it: where it stands, the line, what it means, and how sure it is that it speaks of this."""
    _ = translator(lang)
    name = line.source.replace("\\", "/").rpartition("/")[2]  # no folders of this machine
    spans: list[Span] = [Text(_("Log: ")), Code(f"{name}:{line.line}")]
    if line.text:
        spans += [Text(" "), Code(_short(" ".join(line.text.split())))]
    told = [text for text in (line.title, _(CONFIDENCE.get(line.confidence, line.confidence))) if text]
    return *spans, *_words(f" ({_(', ').join(told)})")


def _wireshark(report: Report, incident: Incident, _: Callable[[str], str]) -> tuple[Span, ...]:
    """How to find the first session of an incident; nothing where the report does not have it."""
    example = report.examples.get(incident.sessions[0]) if incident.sessions else None
    if example is None or not example.display_filter:
        return ()
    spans: list[Span] = [Code(example.display_filter)]
    if len(report.captures) > 1 and example.capture < len(report.captures):
        spans += [Text(" "), Code(report.captures[example.capture].path)]
    frames = [evidence.frame for finding in example.findings[:1] for evidence in finding.evidence]
    if frames:
        listed = ", ".join(map(str, list(dict.fromkeys(frames))[:MAX_FRAMES]))
        spans.append(Text(_(", frames {frames}").format(frames=listed)))
    return tuple(spans)


def _files(items: Sequence[Item], left_out: Sequence[LeftOut], digest: str, lang: str) -> Iterator[Block]:
    _ = translator(lang)
    if items:
        yield Heading((Text(_("Files")),))
        yield Bullets(tuple((Code(item.name), *_facts(item, _)) for item in items))
    yield from _left_out(left_out, lang)
    yield Paragraph((Text(f"capanalyzer {__version__}, "), Code(marker(digest))))


def _facts(item: Item, _: Callable[[str], str]) -> tuple[Span, ...]:
    size = human_size(item.size)
    if item.is_compressed:
        size = _("{size}, compressed from {whole}").format(size=size, whole=human_size(item.original_size))
    return Text(f" {size}, SHA-256 "), Code(item.sha256)


def _left_out(left_out: Sequence[LeftOut], lang: str) -> Iterator[Block]:
    _ = translator(lang)
    if left_out:
        yield Heading((Text(_("Not attached")),))
        yield Bullets(
            tuple(
                (
                    Code(one.item.name),
                    Text(f" {human_size(one.item.original_size)}: {one.why(_)}, SHA-256 "),
                    Code(one.item.sha256),
                )
                for one in left_out
            )
        )


def _place(incident: Incident) -> str:
    server: Endpoint = incident.server
    return f"{incident.sni} ({endpoint(server)})" if incident.sni else endpoint(server)


def _short(text: str) -> str:
    return text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + "…"


def _words(text: str) -> Iterator[Span]:
    """A sentence of the report; what stands between backticks in it is code."""
    pieces = _short(text).split("`")
    if len(pieces) % 2 == 0:
        pieces = ["`".join(pieces)]
    for number, piece in enumerate(pieces):
        if piece:
            yield Code(piece) if number % 2 else Text(piece)


def _between(first: str, last: str) -> str:
    """``2026-11-23 10:01:02 - 10:06:10 UTC``, with the date again where it changes, and one time where it is one."""
    begin, end = (f"{time[:10]} {time[11:19]}" for time in (first, last))
    if begin == end:
        return f"{begin} UTC"
    return f"{begin} - {end[11:] if begin[:10] == end[:10] else end} UTC"
