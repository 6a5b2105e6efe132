"""One session: why, what proves it, what to do, its sequence, bytes, parameters, certificates, and where to look."""

from __future__ import annotations

import shlex
from typing import Final

from capanalyzer.report import model
from capanalyzer.report.beside import beside_texts, shown_filter
from capanalyzer.report.course import told_detail, told_event
from capanalyzer.report.escape import printable
from capanalyzer.report.html.big_ip import big_ip
from capanalyzer.report.html.certificates import chain
from capanalyzer.report.html.first_bytes import first_bytes
from capanalyzer.report.html.log_lines import session_lines
from capanalyzer.report.html.look import Look, copy_button, copyable
from capanalyzer.report.html.markup import Content, Markup, element, join, lines, wire
from capanalyzer.report.html.parameters import parameters
from capanalyzer.report.html.sequence import precise, scale_note, sequence
from capanalyzer.report.standstill import stage_text
from capanalyzer.report.times import from_rfc3339
from capanalyzer.report.words import ACTS, CONFIDENCE, OUTCOMES, endpoint

__all__ = ["session_detail"]

MAX_EVENTS: Final = 200
"""Rows of the table of events."""


LEVEL: Final = 4
"""Of the headings inside: an incident and the sheet of a session have the one above."""


def session_detail(session: model.Session, look: Look) -> Markup:
    """All of one session."""
    _ = look.text
    tls = session.tls
    blocks = [
        _block(_("Both sides of the BIG-IP"), big_ip(session, look), "full"),
        element(
            "div",
            _block(_("Why"), _why(session, look), "why"),
            _block(_("What to do"), _remedies(session, look), "do"),
            class_="words",
        ),
        element(
            "div",
            _block(_("Sequence"), _sequence(session, look), "seen"),
            _block(_("Wireshark"), _wireshark(session, look), "search"),
            class_="picture",
        ),
        _block(_("What the logs say"), session_lines(session, look), "full"),
        _block(_("First bytes"), first_bytes(session, look), "full"),
    ]
    if tls is not None:
        blocks.append(_block(_("Offered and chosen"), parameters(tls, look), "full"))
        if tls.certificates:
            blocks.append(_block(_("Certificates of the server"), chain(tls.certificates, session, look), "full"))
        if tls.client_certificates:
            blocks.append(
                _block(_("Certificates of the client"), chain(tls.client_certificates, session, look), "full")
            )
    blocks.append(_block(_("Measured"), _measured(session, look), "full"))
    return join(
        element("p", _between(session), class_="between"),
        _verdict(session, look),
        element("div", *blocks, class_="session"),
    )


def _between(session: model.Session) -> Markup:
    """Who with whom."""
    hello = session.tls.client_hello if session.tls is not None else None
    return join(
        element("span", endpoint(session.client), class_="end-of"),
        " → ",
        element("span", endpoint(session.server), class_="end-of"),
        join(" ", wire(hello.sni)) if hello is not None and hello.sni else None,
    )


def _verdict(session: model.Session, look: Look) -> Markup:
    """Outcome, cause, stage and certainty in a line."""
    _ = look.text
    parts: list[Content] = [
        element("span", _(OUTCOMES[session.outcome]), class_=f"outcome {session.outcome}"),
        element("code", session.cause) if session.cause else None,
        stage_text(session, session.stage, _) if session.stage is not None else None,
        _(CONFIDENCE[session.findings[0].confidence]) if session.findings else None,
        f"{session.start[:10]} {session.start[11:23]} UTC",
    ]
    return element("p", *(element("span", part) for part in parts if part is not None), class_="verdict")


def _block(title: str, content: Markup, class_: str) -> Markup:
    return element("section", element(f"h{LEVEL}", title), content, class_=class_) if content else Markup()


def _sequence(session: model.Session, look: Look) -> Markup:
    if not session.timeline:
        return Markup()
    _ = look.text
    figure = element(
        "figure",
        element(
            "div",
            sequence(session, look),
            class_="scroll",
            tabindex=0,
            role="group",
            aria_label=_("Sequence diagram, can be scrolled"),
        ),
        element("figcaption", scale_note(session, look)),
    )
    return figure if look.paper else join(figure, _events(session, look))


def _events(session: model.Session, look: Look) -> Markup:
    """The drawing's text form."""
    _, start = look.text, from_rfc3339(session.start)
    sides = {"client": _("client"), "server": _("server")}
    head = [element("th", name, scope="col") for name in (_("frame"), _("time"), _("sent by"), _("event"))]
    rows = [
        element(
            "tr",
            element("td", _frame(entry.frame, look)),
            element("td", precise(from_rfc3339(entry.time) - start), class_="number"),
            element("td", sides.get(entry.sender or "", "")),
            element("td", wire(f"{told_event(entry, _)}  {told_detail(entry, _)}".rstrip())),
        )
        for entry in session.timeline[:MAX_EVENTS]
    ]
    left = len(session.timeline) - MAX_EVENTS
    return element(
        "details",
        element("summary", _("The same as a table")),
        element("table", element("thead", element("tr", *head)), element("tbody", *rows), class_="events"),
        element("p", _("and {n} more").format(n=f"{left:,}"), class_="soft") if left > 0 else None,
    )


def _frame(number: int, look: Look) -> Markup:
    """A frame number, which copies its filter."""
    if look.paper:
        return element("span", str(number), class_="frame")
    return element("button", str(number), type="button", class_="frame copy", data_copy=f"frame.number == {number}")


def _why(session: model.Session, look: Look) -> Markup:
    if not session.findings:
        return Markup()
    _ = look.text
    finding, *others = session.findings
    evidence = [
        element("li", element("span", _("frame"), " ", _frame(item.frame, look), class_="at"), " ", lines(item.text))
        for item in finding.evidence
    ]
    facts: list[tuple[str, Content]] = [
        (_("Who acts"), _(ACTS.get(session.blame or "unknown", ACTS["unknown"]))),
        (_("Certainty"), _(CONFIDENCE.get(finding.confidence, finding.confidence))),
    ]
    if finding.alternatives and finding.confidence != "certain":
        facts.append((_("Or else"), join(*(element("code", cause, class_="apart") for cause in finding.alternatives))))
    if beside := beside_texts(session, look.lang):
        facts.append((_("Beside it"), join(*(element("div", lines(sentence)) for sentence in beside))))
    if others:
        facts.append(
            (
                _("Also"),
                join(*(element("div", element("code", o.cause), " ", lines(o.title)) for o in others)),
            )
        )
    return join(
        element("p", lines(finding.explanation or finding.title), class_="lead"),
        element("ul", *evidence, class_="evidence") if evidence else None,
        element("dl", *(join(element("dt", k), element("dd", v)) for k, v in facts), class_="facts"),
    )


def _remedies(session: model.Session, look: Look) -> Markup:
    """Numbered; a command stands in one piece with a button, what it shows beside it."""
    if not session.findings:
        return Markup()
    items = []
    for remedy in session.findings[0].remedies:
        command, mark, rest = remedy[1:].partition("`") if remedy.startswith("`") else ("", "", remedy)
        if mark and command:
            rest = rest.lstrip(": 、。")
            items.append(
                element(
                    "li",
                    element("span", lines(rest), class_="about") if rest else None,
                    copyable(command, look),
                    class_="command",
                )
            )
        else:
            items.append(element("li", element("div", lines(remedy))))
    return element("ol", *items, class_="remedies")


def _wireshark(session: model.Session, look: Look) -> Markup:
    _ = look.text
    finding = session.findings[0] if session.findings else None
    frames = sorted({item.frame for item in finding.evidence}) if finding is not None else []
    family = "ipv6" if ":" in session.client.ip else "ip"
    ends = (
        f"{family}.addr == {session.client.ip} && {session.transport}.port == {session.client.port} && "
        f"{family}.addr == {session.server.ip} && {session.transport}.port == {session.server.port}"
    )
    entries = [(_("This session"), session.display_filter)]
    if (both := shown_filter(session)) != session.display_filter:
        entries.append((_("With its other side"), both))
    if frames:
        entries.append((_("The frames that prove it"), f"frame.number in {{{', '.join(map(str, frames))}}}"))
    entries.append((_("In another capture"), ends))
    if command := _tshark(session, look):
        entries.append((_("On the command line"), command))
    return element(
        "dl",
        *(element("div", element("dt", name), element("dd", copyable(value, look))) for name, value in entries),
        class_="filters",
    )


def _tshark(session: model.Session, look: Look) -> str:
    """The command that shows the session's packets; empty where the capture is no single file that can be named."""
    if session.capture >= len(look.captures):
        return ""
    capture = look.captures[session.capture]
    path = capture.path
    if path in ("", "-") or "://" in path or len(capture.files) > 1 or printable(path) != path:
        return ""
    return f"tshark -r {shlex.quote(path)} -Y {shlex.quote(session.display_filter)}"


def _measured(session: model.Session, look: Look) -> Markup:
    _, tls, timing = look.text, session.tls, session.timing
    hello = tls.client_hello if tls is not None else None
    answer = tls.server_hello if tls is not None else None
    steps = (
        (_("TCP connection"), timing.connect_ms),
        (_("until the ClientHello"), timing.client_hello_ms),
        (_("until the ServerHello"), timing.server_hello_ms),
        (_("TLS handshake"), timing.handshake_ms),
    )
    facts: list[tuple[str, Content]] = [
        (name, precise(round(value * 1e6))) for name, value in steps if value is not None
    ]
    facts += [
        (_("Lasted"), precise(from_rfc3339(session.end) - from_rfc3339(session.start))),
        (_("Packets"), _both(session.packets, look)),
        (_("Payload bytes"), _both(session.bytes, look)),
        ("Community ID", _copied(session.community_id, look)),
    ]
    prints = (
        ("JA3", hello.ja3 if hello is not None else None),
        ("JA4", hello.ja4 if hello is not None else None),
        ("JA3S", answer.ja3s if answer is not None else None),
        ("ssl_history", session.history or None),
    )
    facts += [(name, _copied(value, look)) for name, value in prints if value]
    return element(
        "dl",
        *(element("div", element("dt", name), element("dd", value)) for name, value in facts),
        class_="measured",
    )


def _both(counts: model.Counts, look: Look) -> str:
    _ = look.text
    return _("client {client}, server {server}").format(client=f"{counts.client:,}", server=f"{counts.server:,}")


def _copied(value: str, look: Look) -> Markup:
    return join(element("code", value), copy_button(value, look, value))
