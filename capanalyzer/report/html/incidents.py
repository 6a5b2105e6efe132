"""Incidents: what went wrong where, who acts, what to do, and the first session of each in detail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from capanalyzer.report import model
from capanalyzer.report.html.detail import session_detail
from capanalyzer.report.html.look import Look, copy_button
from capanalyzer.report.html.markup import Content, Markup, element, join, lines, wire
from capanalyzer.report.log_words import log_line_count
from capanalyzer.report.words import ACTS, CONFIDENCE, endpoint

__all__ = ["Limits", "example_ids", "incident_list"]

MAX_STREAMS: Final = 100
"""Streams in the display filter of an incident; Wireshark reads more, people do not."""


class Limits(NamedTuple):
    """How many incidents a page has."""

    whole: int = 100
    """With the first session in detail."""
    listed: int = 1_000
    """In all."""


def incident_list(end: model.Trailer, sessions: Mapping[int, model.Session], look: Look, limits: Limits) -> Markup:
    """All incidents, those with the most sessions first.

    :param sessions: by id, those that are known whole.
    """
    _, shown = look.text, end.incidents[: limits.listed]
    items = [
        _incident(number, incident, _example(incident, sessions), look, whole=number <= limits.whole)
        for number, incident in enumerate(shown, 1)
    ]
    left = len(end.incidents) - len(shown)
    more = element("p", _("and {n} more").format(n=f"{left:,}"), class_="soft") if left else None
    return join(element("ol", *items, class_="incidents"), more)


def example_ids(end: model.Trailer, sessions: Mapping[int, model.Session], limits: Limits) -> set[int]:
    """The sessions that incidents show in detail."""
    examples = (_example(incident, sessions) for incident in end.incidents[: limits.whole])
    return {example.id for example in examples if example is not None}


def _example(incident: model.Incident, sessions: Mapping[int, model.Session]) -> model.Session | None:
    return next((sessions[identity] for identity in incident.sessions if identity in sessions), None)


def _incident(
    number: int, incident: model.Incident, example: model.Session | None, look: Look, *, whole: bool
) -> Markup:
    remedy = example.findings[0].remedies[:1] if example is not None and example.findings else ()
    heading = element(
        "h3",
        element("span", str(number), class_="ordinal", aria_hidden="true"),
        element("span", incident.title or incident.cause),
    )
    where: list[Content] = [
        element("code", incident.cause, class_="cause"),
        element("span", endpoint(incident.server), class_="end-of"),
        wire(incident.sni) if incident.sni is not None else None,
    ]
    parts: list[Content] = [
        heading,
        element("p", *(element("span", part) for part in where if part is not None), class_="where"),
        element("p", lines(incident.sentence), class_="sentence") if incident.sentence else None,
        _action(incident, remedy, look),
        element("div", _facts(incident, look), _filters(incident, example, look), class_="foot"),
    ]
    if whole and example is not None:
        parts.append(_whole(example, look, open_=number == 1))
    return element("li", element("article", *parts), id=f"incident-{number}")


def _action(incident: model.Incident, remedy: tuple[str, ...], look: Look) -> Markup:
    _ = look.text
    who = _(ACTS.get(incident.blame, ACTS["unknown"]))
    first = (
        element("div", element("dt", _("First step")), element("dd", lines(text)), class_="step") for text in remedy
    )
    return element(
        "dl", element("div", element("dt", _("Who acts")), element("dd", who), class_="who"), *first, class_="action"
    )


def _facts(incident: model.Incident, look: Look) -> Markup:
    _ = look.text
    sessions, clients = incident.session_count, incident.clients
    facts = [
        look.counted("{n} session", "{n} sessions", sessions).format(n=f"{sessions:,}"),
        look.counted("{n} client", "{n} clients", clients).format(n=f"{clients:,}"),
        *log_line_count(incident, look.lang),
        _period(incident.first, incident.last, look),
    ]
    if incident.confidence:
        facts.append(_(CONFIDENCE.get(incident.confidence, incident.confidence)))
    return element("p", *(element("span", fact) for fact in facts), class_="facts-line")


def _period(first: str, last: str, look: Look) -> str:
    """From when to when; what both times have in common once."""
    begin, end = f"{first[:10]} {first[11:19]}", f"{last[:10]} {last[11:19]}"
    if begin == end:
        return f"{begin} UTC"
    end = end[11:] if begin[:10] == end[:10] else end
    _ = look.text
    return _("{begin} to {end}").format(begin=begin, end=f"{end} UTC")


def _filters(incident: model.Incident, example: model.Session | None, look: Look) -> Markup:
    """Buttons that show the incident's sessions here, and copy a filter for them."""
    if look.paper:
        return Markup()
    _ = look.text
    show = element(
        "button",
        _("Show its sessions"),
        type="button",
        class_="show needs-script",
        data_cause=incident.cause,
        data_server=endpoint(incident.server),
        data_name=incident.sni,
    )
    if incident.session_count == 1:
        return Markup()
    if look.several or example is None:  # stream numbers are those of one capture
        return element("p", show, class_="buttons")
    before = example.id - example.stream
    streams = [str(identity - before) for identity in incident.sessions[:MAX_STREAMS]]
    value = example.display_filter if len(streams) == 1 else f"{example.transport}.stream in {{{', '.join(streams)}}}"
    return element("p", show, copy_button(value, look, _("display filter of this incident")), class_="buttons")


def _whole(example: model.Session, look: Look, *, open_: bool) -> Markup:
    _ = look.text
    number = look.number(example)
    return element(
        "details",
        element("summary", _("Session {number} in detail").format(number=number)),
        element("div", session_detail(example, look), data_session=example.id),
        class_="example",
        open=open_ or look.paper,
    )
